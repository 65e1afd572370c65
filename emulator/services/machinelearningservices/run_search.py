"""MLflow's search for runs and experiments: its filter, its order, its pages.

The grammar is MLflow's own (documented under "Search Runs"): comparisons joined by AND, of metrics,
parameters, tags and attributes. What it has beyond that (IN, IS NULL, dataset) is refused by name.
"""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from emulator.state.errors import AzureError, not_emulated

T = TypeVar("T")

Facts = Mapping[str, Mapping[str, Any]]
"""What can be compared: `metrics`, `params`, `tags` and `attributes`, each by name."""

MAX_RESULTS = 50_000
"""MLflow's own limit."""

_KINDS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attr": "attributes", "attribute": "attributes", "attributes": "attributes",
    "run": "attributes", "run_info": "attributes",
}  # fmt: skip
_ALIASES = {"created": "start_time", "Created": "start_time", "run name": "run_name"}
_NAME = r"""(?:(?P<kind>\w+)\.)?(?P<name>[\w/.]+|"[^"]+"|`[^`]+`)"""
_COMPARISON = re.compile(
    rf"""\s*{_NAME}\s*(?P<sign>!=|<=|>=|=|<|>|\bI?LIKE\b)\s*"""
    r"""(?P<value>'[^']*'|"[^"]*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*""",
    re.IGNORECASE,
)
_ORDER = re.compile(rf"\s*{_NAME}\s*(?P<way>ASC|DESC)?\s*", re.IGNORECASE)
_AND = re.compile(r"AND\b", re.IGNORECASE)

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "LIKE": lambda left, right: _is_like(str(left), str(right)),
    "ILIKE": lambda left, right: _is_like(str(left).lower(), str(right).lower()),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a filter."""

    kind: str
    name: str
    sign: str
    value: str | float

    def holds(self, facts: Facts) -> bool:
        """Whether it does; what isn't there compares as nothing does."""
        found = facts.get(self.kind, {}).get(self.name)
        if found is None:
            return False
        if isinstance(found, int | float) != isinstance(self.value, float):
            raise _invalid(f"'{self.kind}.{self.name}' can't be compared with {self.value!r}.")
        return _SIGNS[self.sign](found, self.value)


def read_filter(text: str) -> list[Comparison]:
    """The comparisons of a filter, all of which must hold."""
    comparisons: list[Comparison] = []
    place = 0
    while text[place:].strip():
        match = _COMPARISON.match(text, place)
        if match is None:
            raise not_emulated(
                f"the filter '{text}' from its character {place + 1} on",
                "Join comparisons such as metrics.loss < 0.5 or tags.team = 'xbox' by AND.",
            )
        kind, name = _named(match)
        value = match["value"]
        comparisons.append(
            Comparison(
                kind,
                name,
                match["sign"].upper(),
                value[1:-1] if value[0] in "'\"" else float(value),
            )
        )
        place = match.end()
        joined = _AND.match(text, place)
        if joined is not None:
            place = joined.end()
        elif place < len(text):
            raise _invalid(f"The filter '{text}' has no AND at its character {place + 1}.")
    return comparisons


def in_order(found: Sequence[T], orders: Sequence[str], facts: Callable[[T], Facts]) -> list[T]:
    """What was found, by the orders given; what lacks a value comes last, ties stay as they are."""
    ordered = list(found)
    for text in reversed(orders):
        match = _ORDER.fullmatch(text)
        if match is None:
            raise _invalid(f"The order '{text}' is invalid; it is NAME, NAME ASC or NAME DESC.")
        kind, name = _named(match)
        down = (match["way"] or "").upper() == "DESC"
        there = [one for one in ordered if facts(one).get(kind, {}).get(name) is not None]
        absent = [one for one in ordered if facts(one).get(kind, {}).get(name) is None]
        there.sort(key=lambda one: facts(one)[kind][name], reverse=down)
        ordered = [*there, *absent]
    return ordered


def page(found: Sequence[T], asked: Mapping[str, Any], size: int) -> tuple[list[T], str]:
    """The page that is asked for, and the token of the next one ("" for none)."""
    given = asked.get("max_results")
    most = int(str(given)) if str(given).isdecimal() else size
    if not 1 <= most <= MAX_RESULTS:
        raise _invalid(f"'max_results' must be a number from 1 to {MAX_RESULTS}.")
    token = str(asked.get("page_token") or "0")
    if not token.isdecimal():
        raise _invalid(f"The page_token '{token}' is invalid.")
    begin = int(token)
    more = begin + most < len(found)
    return list(found[begin : begin + most]), str(begin + most) if more else ""


def _named(match: re.Match[str]) -> tuple[str, str]:
    written, name = match["kind"], match["name"].strip('"`')
    kind = _KINDS.get((written or "attribute").lower())
    if kind is None:
        raise not_emulated(f"'{written}.{name}' in a search", "Use metrics, params, tags or none.")
    return kind, _ALIASES.get(name, name) if kind == "attributes" else name


def _is_like(text: str, pattern: str) -> bool:
    plain = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in pattern)
    return fnmatch.fnmatchcase(text, plain.replace("%", "*").replace("_", "?"))


def _invalid(message: str) -> AzureError:
    return AzureError(400, "INVALID_PARAMETER_VALUE", message)
