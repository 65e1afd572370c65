"""Gates: what a metric must reach: `token_f1: ">= 0.60"`, or `token_f1: ">= served - 0.02"`."""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from jobs.errors import InvalidInputError
from jobs.spec.judge import JUDGE
from jobs.spec.metric import Metric
from jobs.suggestions import did_you_mean

METRICS: tuple[Metric, ...] = get_args(Metric)

UNBOUNDED = frozenset(
    {"length", "latency_p50", "latency_p95", "tokens_per_1000", "perplexity_of_answers"}
)
"""Metrics that are no share from 0 to 1."""

PER_QUESTION = frozenset(METRICS) - UNBOUNDED - {"macro_f1"}
"""Shares that are a mean over questions: what a relative or a confident gate can be held by."""

OVER_BLOCKING = "over_blocking"
"""The share of allowed questions and near misses that the content filter refuses."""

_NUMBER = r"(?P<number>[0-9]*\.?[0-9]+)\s*(?P<percent>%?)"
_ABSOLUTE = re.compile(rf"\s*(?P<comparison>>=|<=|>|<|==)?\s*{_NUMBER}\s*")
_RELATIVE = re.compile(
    rf"\s*(?P<comparison>>=|<=|>|<|==)\s*(?P<name>[A-Za-z][\w-]*?)\s*(?:(?P<sign>[+-])\s*{_NUMBER})?\s*"
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeGate:
    """How a metric must compare with another model's on the same questions."""

    metric: str
    comparison: str
    against: str
    """What `compare_with` names."""
    margin: float
    """What is added to the other's: below 0 in `served - 0.02`."""

    @property
    def direction(self) -> Literal[1, -1]:
        """-1 where less is wanted."""
        return 1 if self.comparison in (">", ">=") else -1

    @property
    def needed(self) -> float:
        """What the difference must reach, in the direction that is wanted."""
        return self.direction * self.margin

    def opens(self, bound: float) -> bool:
        """Whether a difference that is surely above `bound`, in that direction, passes."""
        return bound > self.needed if self.comparison in (">", "<") else bound >= self.needed

    def __str__(self) -> str:
        margin = f" {'-' if self.margin < 0 else '+'} {abs(self.margin):g}" if self.margin else ""
        return f"{self.metric} {self.comparison} {self.against}{margin}"


def read_gates(
    written: Mapping[str, str], compare_with: Collection[str] = (), own: Collection[str] = ()
) -> list[Gate | RelativeGate]:
    """The gates as `{"token_f1": ">= 0.60"}` writes them; a bare number means at least.

    Raises:
        InvalidInputError: One can't be read, or is relative to whom `compare_with` doesn't name.
    """
    found: list[Gate | RelativeGate] = []
    for metric, text in written.items():
        gate = read_gate(metric, text, compare_with, own)
        if isinstance(gate, str):
            raise InvalidInputError(f"gates.{metric}: {gate}")
        found.append(gate)
    return found


def read_gate(
    metric: str, text: str, compare_with: Collection[str] = (), own: Collection[str] = ()
) -> Gate | RelativeGate | str:
    """One gate, or what is wrong with it; `own` are custom metrics, each a share."""
    if metric not in METRICS and metric not in own:
        return f"'{metric}' is no metric. Metrics: {', '.join((*METRICS, *own))}."
    if match := _ABSOLUTE.fullmatch(text):
        return _absolute(metric, text, match)
    if match := _RELATIVE.fullmatch(text):
        return _relative(metric, match, compare_with, own)
    return f"'{text[:40]}' can't be held. Write it as \">= 0.60\"."


def read_safety_gate(measure: str, text: str) -> Gate | str:
    """One gate of the content filter, or what is wrong with it."""
    if measure != OVER_BLOCKING:
        return f"'{measure}' is no measure of the filter. There is {OVER_BLOCKING}."
    match = _ABSOLUTE.fullmatch(text)
    if match is None or match["comparison"] not in ("<", "<="):
        return f"'{text[:40]}' can't be held. Write it as \"<= 0.1\"."
    return _absolute(measure, text, match)


def _absolute(metric: str, text: str, match: re.Match[str]) -> Gate | str:
    threshold = _number(match)
    if metric in UNBOUNDED:
        if match["percent"]:
            return f"'{text[:40]}' has a %, and {metric} is no share."
    elif threshold > 1:
        hint = " The scale's lowest score is 0 and its highest 1." if metric == JUDGE else ""
        return f"'{text[:40]}' is out of reach: {metric} is a share, 1 (or 100 %) at most.{hint}"
    return Gate(metric=metric, comparison=match["comparison"] or ">=", threshold=threshold)


def _relative(
    metric: str, match: re.Match[str], compare_with: Collection[str], own: Collection[str]
) -> RelativeGate | str:
    against = match["name"]
    if against not in compare_with:
        known = f" It names {', '.join(compare_with)}." if compare_with else ""
        hint = did_you_mean(against, compare_with)
        return f"'{against}' is not in compare_with.{known}{hint}"
    if metric not in PER_QUESTION and metric not in own:
        return f"{metric} is no share that each question has one of, so it can't be paired."
    if match["comparison"] == "==":
        return f'nothing shows that two models are the same. Write ">= {against} - 0.02".'
    margin = _number(match) * (-1 if match["sign"] == "-" else 1) if match["number"] else 0.0
    if abs(margin) >= 1:
        return f"{metric} is a share: no difference is {margin:g}."
    return RelativeGate(
        metric=metric, comparison=match["comparison"], against=against, margin=margin
    )


def _number(match: re.Match[str]) -> float:
    return float(match["number"]) / (100 if match["percent"] else 1)
