"""Gates: what a metric must reach, as `token_f1: ">= 0.60"` writes it."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from jobs.errors import InvalidInputError
from jobs.spec.models import Metric

METRICS: tuple[Metric, ...] = get_args(Metric)

_GATE = re.compile(r"\s*(>=|<=|>|<|==)?\s*([0-9]*\.?[0-9]+)\s*(%?)\s*")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a metric must reach."""

    metric: str
    comparison: str
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether a value passes."""
        return _COMPARE[self.comparison](value, self.threshold)

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.threshold:g}"


def read_gates(written: Mapping[str, str]) -> list[Gate]:
    """The gates as `{"token_f1": ">= 0.60"}` writes them; a bare number means at least.

    Raises:
        InvalidInputError: One can't be read.
    """
    found = [read_gate(metric, text) for metric, text in written.items()]
    for metric, gate in zip(written, found, strict=True):
        if isinstance(gate, str):
            raise InvalidInputError(f"gates.{metric}: {gate}")
    return [gate for gate in found if isinstance(gate, Gate)]


def read_gate(metric: str, text: str) -> Gate | str:
    """One gate, or what is wrong with it."""
    match = _GATE.fullmatch(text)
    if metric not in METRICS:
        return f"'{metric}' is no metric. Metrics: {', '.join(METRICS)}."
    if match is None:
        return f"'{text[:40]}' can't be held. Write it as \">= 0.60\"."
    threshold = float(match[2]) / (100 if match[3] else 1)
    if threshold > 1:
        return f"'{text[:40]}' is out of reach: {metric} is a share, 1 (or 100 %) at most."
    return Gate(metric=metric, comparison=match[1] or ">=", threshold=threshold)
