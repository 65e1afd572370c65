"""The start of the command against the start of Python."""

from pathlib import Path

from benchmarks.measure import Result, ratio, run_python

PROGRAM = "import sys; from jobs.cli import main; sys.exit(main(sys.argv[1:]))"


def run(folder: Path) -> list[Result]:
    """`--help`, a verb's help, and one spec."""
    spec = folder / "one.yaml"
    spec.write_text(
        "type: finetuning\nname: one\nmodel: Phi-4-mini-instruct\ntraining_data: azureml:t:1\n"
    )
    nothing = run_python(["-c", "pass"])

    def measured(*arguments: str) -> float:
        return ratio(run_python(["-c", PROGRAM, *arguments]), nothing, rounds=9)

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
    ]
