"""The start of the commands against the start of Python."""

from pathlib import Path

from benchmarks.measure import Result, ratio, run_python

PROGRAM = "import sys; from jobs.cli import main; sys.exit(main(sys.argv[1:]))"
EMULATOR = "import sys; from emulator.cli import main; main(sys.argv[1:])"


def run(folder: Path) -> list[Result]:
    """`--help`, a verb's help, and one spec; an emulator from nothing to its end, and a look."""
    spec = folder / "one.yaml"
    spec.write_text(
        "type: finetuning\nname: one\nmodel: Phi-4-mini-instruct\ntraining_data: azureml:t:1\n"
    )
    nothing = run_python(["-c", "pass"])

    def measured(*arguments: str, program: str = PROGRAM) -> float:
        return ratio(run_python(["-c", program, *arguments]), nothing, rounds=9)

    emulated = ratio(
        run_python(["-c", EMULATOR, "run", "--state", ":memory:", "--", "true"]),
        run_python(["-c", "import uvicorn"]),
        rounds=9,
    )
    status = measured("status", "--state", str(folder), program=EMULATOR)

    return [
        Result("foundry-tune --help / python -c pass", measured("--help"), 3, "x"),
        Result(
            "foundry-tune validate --help / python -c pass", measured("validate", "--help"), 4, "x"
        ),
        Result(
            "foundry-tune validate one.yaml / python -c pass",
            measured("validate", str(spec)),
            20,
            "x",
        ),
        Result("foundry-emulator run -- true / python -c 'import uvicorn'", emulated, 4, "x"),
        Result("foundry-emulator status / python -c pass", status, 8, "x"),
    ]
