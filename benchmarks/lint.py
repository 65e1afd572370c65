"""The check of data against a bare scan of its lines, `together`'s check, and one process."""

import sys
from pathlib import Path

from benchmarks.conversations import write_conversations
from benchmarks.measure import Result, peak_memory, ratio
from benchmarks.peers import environment_with
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

    one = ratio(form, scan)
    cores = ratio(on_every_core, scan)
    whole = ratio(everything, scan)
    return [
        Result("lint + exact repeats, one process / line scan", one, 6, "x", note=size),
        Result("lint + exact repeats, every core / line scan", cores, 6, "x"),
        Result(
            "lint + repeats + secrets, every core / line scan",
            whole,
            6,
            "x",
            note="as `check` does",
        ),
        *_peer(path, folder),
        _cores(path),
        *_memory(path),
    ]


def _peer(path: Path, folder: Path) -> list[Result]:
    """`together files check` of the same file, its package installed for this measurement only."""
    python = environment_with(folder / "together", "together==3.1.1")
    if python is None:
        return []
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from together.lib.utils.files import check_file\n"
        "begin = time.perf_counter()\n"
        "assert check_file(Path(sys.argv[1]))['is_check_passed']\n"
        "print(time.perf_counter() - begin)\n"
    )
    import subprocess

    def theirs() -> float:
        done = subprocess.run(
            [python, "-c", program, str(path)], capture_output=True, text=True, check=True
        )
        return float(done.stdout.split()[-1])

    from statistics import median

    from benchmarks.measure import seconds

    def ours(wish: Wish) -> float:
        return median(
            theirs() / seconds(lambda: repeats([lint_file(path, wish)])) for _ in range(3)
        )

    name = "together 3.1.1 check_file (JSON only) / lint + exact repeats"
    return [
        Result(name, ours(Wish(private=False)), 4, "x", True, "every core"),
        Result(f"{name} + secrets", ours(Wish()), 4, "x", True, "every core"),
    ]


def _cores(path: Path) -> Result:
    gain = ratio(
        lambda: lint_file(path, Wish(), processes=1), lambda: lint_file(path, Wish(), processes=2)
    )
    return Result("one process / two processes", gain, 1.7, "x", True)


def _memory(path: Path) -> list[Result]:
    program = (
        "import sys\n"
        "from jobs.dataset.lint import Wish\n"
        "from jobs.dataset.parallel import lint_file\n"
        "from jobs.dataset.repeats import repeats\n"
        "repeats([lint_file(sys.argv[1], Wish(), processes=1)])\n"
    )
    peak = peak_memory(["-c", program, str(path)])
    goal = 40 + CONVERSATIONS * 100 / 1e6
    return [Result("memory of lint + repeats", peak, goal, "MB", note="40 MB + 100 B a row")]


if __name__ == "__main__":
    for result in run(Path(sys.argv[1])):
        print(*result.row(), sep="  ")
