"""Measuring two things in turns, in one process or in fresh ones, and the ratio of their times.

Turns, because a shared machine is fast and slow by the minute; ratios, because absolute figures say
nothing on another machine. The median of the rounds' own ratios is what is reported.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    subject: str
    measured: float
    goal: float | None
    """None where the figure is only told."""
    unit: str
    """`x` a ratio, `MB`; with `at least` or `at most` in front of the goal."""
    is_floor: bool = False
    """Whether the goal is a least and not a most."""
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is."""
        if self.goal is None:
            return True
        return self.measured >= self.goal if self.is_floor else self.measured <= self.goal

    def row(self) -> tuple[str, ...]:
        """The cells."""
        if self.goal is None:
            return (self.subject, f"{self.measured:.2f} {self.unit}", "", "", self.note)
        bound = "at least" if self.is_floor else "at most"
        verdict = "met" if self.is_met else "MISSED"
        goal = f"{bound} {self.goal:g} {self.unit}"
        return (self.subject, f"{self.measured:.2f} {self.unit}", goal, verdict, self.note)


def ratio(subject: Callable[[], object], base: Callable[[], object], *, rounds: int = 5) -> float:
    """How many times as long `subject` takes as `base`, in turns."""
    subject()
    base()
    ratios: list[float] = []
    for _ in range(rounds):
        first = seconds(base)
        ratios.append(seconds(subject) / first)
    return median(ratios)


def seconds(work: Callable[[], object]) -> float:
    """The time that one call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def process(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str = "",
) -> tuple[float, str]:
    """Seconds of a whole process, from its start to its end, and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - begin
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took, done.stdout


def run_python(arguments: Sequence[str]) -> Callable[[], None]:
    """A fresh interpreter, from its start to its end."""
    # As anybody's: modules are compiled once, and not by every interpreter again.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def once() -> None:
        command = [sys.executable, *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)

    return once


def peak_memory(program: str, *arguments: str) -> float:
    """The most memory (MB) that a fresh interpreter held while it ran a program.

    It asks the kernel itself (VmHWM): what a parent is told of its child's peak (ru_maxrss) counts
    from the fork, and so holds the parent's own memory.
    """
    ask = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    _, printed = process([sys.executable, "-c", f"{program}\n{ask}", *arguments])
    return int(printed.split()[-2]) / 1024
