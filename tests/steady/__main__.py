"""`make steady`: the emulator killed, crowded, asked by many at once; a table of what came of it.

`python -m tests.steady [kills] [crowd]`; exit code 1 if anything was wrong. KILLS, JOBS, ENDPOINTS
and CHATS in the environment set the numbers. SEED draws the same lives again.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.steady import crowd, kills
from tests.steady.outcome import Outcome

_PARTS: dict[str, Callable[[Path], list[Outcome]]] = {"kills": kills.run, "crowd": crowd.run}


def main(names: list[str]) -> int:
    """Run the parts, tell what came of them."""
    strange = sorted(set(names) - set(_PARTS))
    if strange:
        print(f"no part '{strange[0]}'; there are {', '.join(_PARTS)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="steady-") as folder:
        for name in names or _PARTS:
            print(f"{name} …", file=sys.stderr, flush=True)
            place = Path(folder) / name
            place.mkdir()
            outcomes += _PARTS[name](place)
    _tell(outcomes, time.monotonic() - began)
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def _tell(outcomes: list[Outcome], seconds: float) -> None:
    console = Console(width=120, highlight=False)
    table = Table("what", "done", "wrong")
    for outcome in outcomes:
        table.add_row(outcome.what, outcome.done, str(len(outcome.wrong)))
    console.print(table)
    for outcome in outcomes:
        for wrong in outcome.wrong[:10]:
            console.print(f"WRONG: {outcome.what}: {wrong}", markup=False)
    cores = len(os.sched_getaffinity(0))
    console.print(f"{seconds:.0f} s, {cores} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
