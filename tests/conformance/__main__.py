"""`make conformance`: clients that nobody here wrote, against the emulator; a table of the outcome.

`python -m tests.conformance [PART …]`; exit code 1 if anything failed. Absent is what the emulator
refused by its own name; everything else that went wrong is a failure.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.conformance.parts import PARTS, UNHAD, MissingError, Part
from tests.conformance.world import world

_ABSENT, _DEFECT = "foundry-emulator", "its own defect"


@dataclass(slots=True)
class Outcome:
    """What became of one client."""

    part: Part
    passed: list[str] = field(default_factory=list[str])
    absent: dict[str, str] = field(default_factory=dict[str, str])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    skipped: str = ""
    seconds: float = 0.0


def main(names: list[str]) -> int:
    """Install, drive, tell."""
    strange = sorted(set(names) - {part.name for part in PARTS})
    if strange:
        known = ", ".join(part.name for part in PARTS)
        print(f"no client '{strange[0]}'; there are {known}", file=sys.stderr)
        return 2
    chosen = [part for part in PARTS if not names or part.name in names]
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with world() as environment:
        for part in chosen:
            print(f"{part.name} …", file=sys.stderr, flush=True)
            outcomes.append(_drive(part, environment))
    _tell(outcomes, time.monotonic() - began)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _drive(part: Part, environment: Mapping[str, str]) -> Outcome:
    outcome = Outcome(part)
    began = time.monotonic()
    try:
        command = part.command()
    except MissingError as missing:
        outcome.skipped = str(missing)
        return outcome
    with subprocess.Popen(
        command,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as client:
        try:
            said, noise = client.communicate(timeout=part.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(client.pid, signal.SIGKILL)  # with whatever it started
            said, noise = client.communicate()
            outcome.failed["the program"] = f"it took longer than {part.seconds:g} s"
    for line in said.splitlines():
        if line.startswith("CHECK "):
            _judge(outcome, json.loads(line.removeprefix("CHECK ")))
    if client.returncode and "the program" not in outcome.failed:
        lines = [line for line in noise.splitlines() if line.strip()]
        told = [line for line in lines if "rror" in line][:2] or lines[-3:]
        outcome.failed["the program"] = f"it ended with {client.returncode}: {' | '.join(told)}"
    if not (outcome.passed or outcome.absent or outcome.failed):
        outcome.failed["the program"] = "it checked nothing"
    outcome.seconds = time.monotonic() - began
    return outcome


def _judge(outcome: Outcome, checked: dict[str, str | None]) -> None:
    name, error = str(checked["name"]), checked["error"]
    if error is None:
        outcome.passed.append(name)
    elif _ABSENT in error and _DEFECT not in error:
        outcome.absent[name] = error
    else:
        outcome.failed[name] = error


def _tell(outcomes: list[Outcome], seconds: float) -> None:
    console = Console(width=120, highlight=False)
    table = Table("client", "what", "passed", "absent by name", "failed", "seconds")
    for outcome in outcomes:
        counts = [len(outcome.passed), len(outcome.absent), len(outcome.failed)]
        cells = ["skipped", "", ""] if outcome.skipped else [str(count) for count in counts]
        table.add_row(outcome.part.name, outcome.part.what, *cells, f"{outcome.seconds:.0f}")
    console.print(table)
    for outcome in outcomes:
        for word, found in (("absent", outcome.absent), ("FAILED", outcome.failed)):
            for name, error in found.items():
                line = " ".join(error.split())
                console.print(
                    f"{word}: {outcome.part.name}: {name}\n    {line[:400]}", markup=False
                )
        if outcome.skipped:
            console.print(f"skipped: {outcome.part.name}: {outcome.skipped}", markup=False)
    for name, why in UNHAD.items():
        console.print(f"skipped: {name}: {why}", markup=False)
    console.print(f"{seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
