"""`python -m benchmarks [SUBJECT …]`: the table of goals and what was measured, in one run."""

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from jobs.terminal.output import table

SUBJECTS = ("startup", "emulator", "steady", "specs", "lint", "near", "plan", "minipulumi", "demo")


def main(subjects: list[str]) -> int:
    """Measure, print, and fail if a goal is missed."""
    strange = [subject for subject in subjects if subject not in SUBJECTS]
    if strange:
        print(f"no benchmark '{strange[0]}'; there are {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    rows: list[tuple[str, ...]] = []
    missed = 0
    with tempfile.TemporaryDirectory(prefix="foundry-tune-bench-") as folder:
        for subject in subjects or SUBJECTS:
            print(f"measuring {subject} …", file=sys.stderr, flush=True)
            place = Path(folder) / subject
            place.mkdir()
            for result in import_module(f"benchmarks.{subject}").run(place):
                rows.append(result.row())
                missed += not result.is_met
    cores = len(os.sched_getaffinity(0))
    print(table(rows, header=("what", "measured", "goal", "", "")))
    print(f"\n{cores} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
