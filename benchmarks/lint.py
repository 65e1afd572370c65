"""The check of data against a bare scan of its lines, `together`'s check, and one process."""

import sys
from pathlib import Path
from statistics import median

from benchmarks.conversations import write_conversations
from benchmarks.measure import Result, peak_memory, process, ratio, run_python
from benchmarks.peers import environment_with
from benchmarks.startup import PROGRAM
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import lint_file
from jobs.dataset.repeats import repeats

CONVERSATIONS = 100_000


def run(folder: Path) -> list[Result]:
    """Every figure about the check of one file."""
    path = write_conversations(folder / "lint.jsonl", CONVERSATIONS)
    size = f"{path.stat().st_size / 1e6:.0f} MB"

    def scan() -> None:
        with path.open("rb") as file:
            for _ in file:
                pass

    def form() -> None:
        repeats([lint_file(path, Wish(private=False), processes=1)])

    def on_every_core() -> None:
        repeats([lint_file(path, Wish(private=False))])

    def everything() -> None:
        repeats([lint_file(path, Wish())])

    command = run_python(["-c", PROGRAM, "dataset", "check", str(path)])

    return [
        Result("lint + exact repeats / line scan", ratio(on_every_core, scan), 6, "x", note=size),
        Result("the same + secrets / line scan", ratio(everything, scan), 6, "x"),
        Result(
            "lint + exact repeats, one process / line scan",
            ratio(form, scan),
            None,
            "x",
            note="what a file under 64 MB gets",
        ),
        Result(
            "`foundry-tune dataset check FILE`, as typed / line scan",
            ratio(command, scan, rounds=5),
            15,
            "x",
            note="the whole process; near-duplicates, tokens, languages too",
        ),
        *_peer(path, folder),
        _cores(path),
        _memory(path),
    ]


def _peer(path: Path, folder: Path) -> list[Result]:
    """`together`'s check of the same file, its package installed for this measurement only.

    Whole processes, from the interpreter's start to its end, for that is what somebody waits for;
    and the checks alone, without what their packages take to load.
    """
    python = environment_with(folder / "together", "together==3.1.1")
    if python is None:
        return []
    theirs = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from together.lib.utils.files import check_file\n"
        "begin = time.perf_counter()\n"
        "assert check_file(Path(sys.argv[1]))['is_check_passed']\n"
        "print(time.perf_counter() - begin)\n"
    )
    rows: list[Result] = []
    for what, private in (("lint + exact repeats", False), ("the same + secrets", True)):
        ours = _LINT.format(how=f"Wish(private={private})")
        pairs = [
            (_timed(python, theirs, path), _timed(sys.executable, ours, path)) for _ in range(5)
        ]
        whole = median(one[0] / other[0] for one, other in pairs)
        alone = median(one[1] / other[1] for one, other in pairs)
        name = f"together 3.1.1 check_file (JSON only) / {what}"
        rows += [
            Result(name, whole, None if private else 4, "x", True, "whole processes"),
            Result(name, alone, None, "x", note="packages loaded already"),
        ]
    return rows


_LINT = """
import sys, time
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import lint_file
from jobs.dataset.repeats import repeats
begin = time.perf_counter()
repeats([lint_file(sys.argv[1], {how})])
print(time.perf_counter() - begin)
"""


def _timed(python: str, program: str, path: Path) -> tuple[float, float]:
    """Seconds of the whole process, and what it says that its work took."""
    whole, printed = process([python, "-c", program, str(path)])
    return whole, float(printed.split()[-1])


def _cores(path: Path) -> Result:
    gain = ratio(
        lambda: lint_file(path, Wish(), processes=1), lambda: lint_file(path, Wish(), processes=2)
    )
    return Result("one process / two processes", gain, 1.7, "x", True)


def _memory(path: Path) -> Result:
    peak = peak_memory(_LINT.format(how="Wish(), processes=1"), str(path))
    goal = 40 + CONVERSATIONS * 100 / 1e6
    return Result("memory of lint + repeats", peak, goal, "MB", note="40 MB + 100 B a row")


if __name__ == "__main__":
    for result in run(Path(sys.argv[1])):
        print(*result.row(), sep="  ")
