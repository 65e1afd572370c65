"""Requests that a deployment must answer as its document says before it gets any traffic.

A managed online endpoint has no content filter of Azure's in front. Where the document asks for
`client_side`, what is sent and what comes back is judged by Azure AI Content Safety first: that
guards what foundry-tune itself asks, and nobody else's calls.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from jobs.foundry.scoring import Scored
from jobs.spec.online_endpoint import ScoringExpectation, ScoringTest

Asks = Callable[[Any], Scored]
Judges = Callable[[str], Mapping[str, int]]
"""Gives the severity of each category of harm that is in a text, from 2 to 6."""

REFUSED_FROM = 4
"""The severity that counts as harm: medium, where Azure's own filters begin to refuse."""

MISSING = object()
"""What there is where an answer has no such member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResult:
    """What became of one request; no problems is a pass."""

    number: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the answer met every expectation."""
        return not self.problems


def run(
    ask: Asks, tests: Sequence[ScoringTest], judge: Judges | None = None
) -> list[RequestResult]:
    """Send every request, and hold the answers against the expectations."""
    return [_run(number, test, ask, judge) for number, test in enumerate(tests, 1)]


def problems(said: Scored, expected: ScoringExpectation) -> list[str]:
    """Every expectation that an answer misses, in words."""
    if said.status != expected.status:
        return [f"answered with HTTP {said.status}, not {expected.status}: {_short(said.text)}"]
    value, text = value_of(said.text), said.text
    where = "it"
    if expected.at is not None:
        value, where = member(value, expected.at), f"'{expected.at}'"
        if value is MISSING:
            return [f"the answer has no '{expected.at}': {_short(said.text)}"]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    found: list[str] = []
    if expected.equals is not None and value != expected.equals:
        wanted = json.dumps(expected.equals, ensure_ascii=False)
        found.append(f"{where} is {_short(text)}, not {_short(wanted)}")
    folded = text.casefold()
    found += [
        f"{where} lacks '{w}'" for w in _words(expected.contains) if w.casefold() not in folded
    ]
    found += [f"{where} holds '{w}'" for w in _words(expected.excludes) if w.casefold() in folded]
    if expected.matches and not re.search(expected.matches, text):
        found.append(f"{where} doesn't match /{expected.matches}/")
    if expected.at_least is not None and not _reaches(value, expected.at_least):
        found.append(f"{where} is {_short(text)}, not at least {expected.at_least:g}")
    return found


def harm_in(judge: Judges, value: Any) -> Mapping[str, int]:
    """The categories of harm in the texts of a JSON value that are refused, with their severity."""
    found = judge("\n".join(_texts(value)))
    return {name: severity for name, severity in found.items() if severity >= REFUSED_FROM}


def value_of(text: str) -> Any:
    """A body as JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def member(value: Any, path: str) -> Any:
    """The member of a JSON value that a path as `labels.0.name` leads to, or `MISSING`."""
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = cast("dict[str, Any]", value)[step]
        elif (
            isinstance(value, list)
            and step.isdecimal()
            and int(step) < len(items := cast("list[Any]", value))
        ):
            value = items[int(step)]
        else:
            return MISSING
    return value


def _run(number: int, test: ScoringTest, ask: Asks, judge: Judges | None) -> RequestResult:
    if judge is not None and (harm := _harm(judge, test.request)):
        refused = () if test.expect.filtered else (f"the request was not sent: {harm}",)
        return RequestResult(number=number, problems=refused, seconds=0.0)
    said = ask(test.request)
    if judge is not None and (harm := _harm(judge, value_of(said.text))):
        refused = () if test.expect.filtered else (f"its answer is {harm}",)
        return RequestResult(number=number, problems=refused, seconds=said.seconds)
    if test.expect.filtered:
        missed = "Azure AI Content Safety saw no harm in the request or its answer"
        return RequestResult(number=number, problems=(missed,), seconds=said.seconds)
    return RequestResult(
        number=number, problems=tuple(problems(said, test.expect)), seconds=said.seconds
    )


def _harm(judge: Judges, value: Any) -> str:
    """What is harmful in the texts of a JSON value, in words; empty where nothing is."""
    grave = sorted(harm_in(judge, value))
    return f"harmful by Azure AI Content Safety ({', '.join(grave)})" if grave else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        plain = cast("dict[str, Any]", value)
        return [text for key, one in plain.items() for text in (key, *_texts(one))]
    if isinstance(value, list | tuple):
        return [text for one in cast("Sequence[Any]", value) for text in _texts(one)]
    return []


def _reaches(value: Any, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def _short(text: str) -> str:
    """The beginning of an answer, on one line: it may be as long as it likes."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "…"


def _words(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value
