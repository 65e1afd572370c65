"""Whose turn it is in a sweep: so many jobs are under way at a time, in the order of the plan."""

import threading
from collections import deque
from collections.abc import Iterable

from jobs.plan.steps import Step, TrialStep

_LOOK_SECONDS = 0.2
"""How soon somebody who waits notices that the run was told to stop."""


class Turns:
    """The turns of one sweep. Jobs that are under way already have theirs."""

    def __init__(self, at_once: int, under_way: Iterable[str], waiting: Iterable[str]) -> None:
        self._changed = threading.Condition()
        self._at_once = at_once
        self._under_way = frozenset(under_way)
        self._waiting = deque(waiting)
        self._taken = len(self._under_way)
        self._kept = 0

    def take(self, name: str, stop: threading.Event) -> bool:
        """Wait for a turn, after those before; False where none will come, or after a stop."""
        if name in self._under_way:
            return True
        with self._changed:
            while self._waiting[0] != name or self._taken >= self._at_once:
                if stop.is_set():
                    return False
                if self._waiting[0] == name and self._kept >= self._at_once:
                    self._next()
                    return False
                self._changed.wait(_LOOK_SECONDS)
            self._taken += 1
            self._next()
        return True

    def give_back(self) -> None:
        """The job is over: let the next one have its turn."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def keep(self) -> None:
        """The job goes on, and nobody here follows it any more: this turn doesn't come back."""
        with self._changed:
            self._kept += 1
            self._changed.notify_all()

    def _next(self) -> None:
        self._waiting.popleft()
        self._changed.notify_all()


def turns_of(steps: Iterable[Step]) -> dict[str, Turns]:
    """The turns of every sweep of a plan, by its document's name."""
    sweeps: dict[str, list[TrialStep]] = {}
    for step in steps:
        if isinstance(step, TrialStep):
            sweeps.setdefault(step.training.name, []).append(step)
    return {
        name: Turns(
            trials[0].at_once,
            [one.job_name for one in trials if one.job and not one.job.is_finished],
            [one.job_name for one in trials if one.job is None],
        )
        for name, trials in sweeps.items()
    }
