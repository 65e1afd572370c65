"""Faults on demand: deterministic (the nth match, so many times), never random.

A rule is JSON: `{"match": {"method", "host", "path", "after", "count"}, "do": {...}}`. `path` is a
regular expression searched in the path; `after` skips that many matches, `count` (1) limits how
often it fires. `do` is one of
`{"status": 503, "code": "ServerBusy", "message": "…", "headers": {}}` instead of the handler;
`{"answer": {"status": 200, "content_type": "text/html", "body": "…"}}` likewise, whatever Azure is;
`{"lose_answer": true}` runs the handler, commits, then drops the connection;
`{"fail_after": 500}` runs the handler, commits, then answers with that status;
`{"drop": true}` drops the connection before the handler runs;
`{"truncate": 0.5}` sends that part of the body, then drops the connection;
`{"delay": 3}` answers so many real seconds later;
`{"merge": {…}}` patches the answer's JSON (RFC 7396): a read that lies;
`{"filter": {"category", "severity", "language", "side"}}` lets that harm through the content
filter, on the `prompt` or `completion` side, unseen; what isn't said is any;
`{"says": {"to": "…", "text": "…"}}` has the model say this to questions in which that is found;
`{"operation_fails": {"code", "message"}}` and `{"operation_takes": seconds}` for the long-running
operation that the call starts (seconds on the virtual clock).
docs/emulator.md shows them in use.
"""

import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from emulator.state.errors import AzureError
from emulator.state.json_text import Json, as_object

MATCHES = {"method", "host", "path", "after", "count"}
"""What a rule's `match` may say."""
_DO_OPERATION = {"operation_fails", "operation_takes"}
_DO_MODEL = {"filter", "says"}
# What each part of `do` must be: a rule that can't work is refused when it is added.
_DOES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "status": (lambda it: isinstance(it, int) and 400 <= it <= 599, "a status from 400 to 599"),
    "code": (lambda it: isinstance(it, str), "a text"),
    "message": (lambda it: isinstance(it, str), "a text"),
    "headers": (lambda it: isinstance(it, dict), "an object"),
    "answer": (
        lambda it: (
            isinstance(it, dict) and set(cast("Json", it)) <= {"status", "content_type", "body"}
        ),
        "an object of status, content_type and body",
    ),
    "lose_answer": (lambda it: it is True, "true"),
    "fail_after": (
        lambda it: isinstance(it, int) and 400 <= it <= 599,
        "a status from 400 to 599",
    ),
    "delay": (lambda it: isinstance(it, int | float) and 0 <= it <= 120, "from 0 to 120 seconds"),
    "merge": (lambda it: isinstance(it, dict), "an object"),
    "drop": (lambda it: it is True, "true"),
    "truncate": (lambda it: isinstance(it, int | float) and 0 <= it < 1, "a part from 0 to 1"),
    "filter": (
        lambda it: (
            isinstance(it, dict)
            and set(cast("Json", it)) <= {"category", "severity", "language", "side"}
            and all(isinstance(word, str) for word in cast("Json", it).values())
            and cast("Json", it).get("side") in (None, "prompt", "completion")
        ),
        "an object of category, severity, language and side (prompt or completion)",
    ),
    "says": (
        lambda it: isinstance(it, dict) and {"to", "text"} == set(cast("Json", it)),
        "an object of to and text",
    ),
    "operation_fails": (
        lambda it: isinstance(it, dict) and {"code", "message"} <= set(cast("Json", it)),
        "an object with a code and a message",
    ),
    "operation_takes": (
        lambda it: isinstance(it, int | float) and 0 <= it <= 1e9,
        "a number of seconds",
    ),
}
KINDS = set(_DOES)
"""What a rule's `do` may say."""
_DO = KINDS - _DO_OPERATION - _DO_MODEL


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule, and how often it matched and fired."""

    id: str
    method: str
    host: re.Pattern[str]
    path: re.Pattern[str]
    after: int
    count: int
    match: Json
    do: Json
    matched: int = 0
    fired: int = 0
    _seen: set[str] = field(default_factory=set[str])

    def fires(self, method: str, host: str, path: str, id: str) -> bool:
        """Whether it strikes this request; asked twice about one request it says the same."""
        if id in self._seen:
            return True
        if (
            (self.method and self.method != method)
            or not self.host.search(host)
            or not self.path.search(path)
        ):
            return False
        self.matched += 1
        if self.matched <= self.after or self.fired >= self.count:
            return False
        self.fired += 1
        self._seen.add(id)
        return True


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(self, rule: Json) -> str:
        """Add a rule; returns its id. What the emulator does not know is refused by name."""
        match, do = as_object(rule.get("match"), "match"), as_object(rule.get("do"), "do")
        unknown = set(rule) - {"match", "do"} | set(match) - MATCHES | set(do) - set(_DOES)
        if unknown:
            raise _refusal(f"A fault rule has no {', '.join(sorted(unknown))}.")
        if not do:
            raise _refusal("A fault rule needs something to `do`.")
        for name, value in do.items():
            fits, expected = _DOES[name]
            if not fits(value):
                raise _refusal(f"`{name}` is {expected}, not {value!r}.")
        try:
            fault = Fault(
                id=uuid.uuid4().hex[:8],
                method=str(match.get("method", "")).upper(),
                host=re.compile(str(match.get("host", "")), re.IGNORECASE),
                path=re.compile(str(match.get("path", "")), re.IGNORECASE),
                after=int(match.get("after", 0)),
                count=int(match.get("count", 1)),
                match=match,
                do=do,
            )
        except re.error as error:
            raise _refusal(f"'{error.pattern}' is not a regular expression: {error}.") from error
        with self._lock:
            self._rules.append(fault)
        return fault.id

    def clear(self) -> None:
        """Take every rule back."""
        with self._lock:
            self._rules = []

    @property
    def are_none(self) -> bool:
        """Whether no rule is in force."""
        return not self._rules

    def rules(self) -> list[Json]:
        """The rules in force, with how often each fired."""
        with self._lock:
            return [
                {
                    "id": rule.id,
                    "match": rule.match,
                    "do": rule.do,
                    "matched": rule.matched,
                    "fired": rule.fired,
                }
                for rule in self._rules
            ]

    def strike(self, method: str, host: str, path: str, id: str) -> Json:
        """What to do to the request with this id: {} for nothing."""
        if self.are_none:
            return {}
        with self._lock:
            for rule in self._rules:
                if not _DO.isdisjoint(rule.do) and rule.fires(method, host, path, id):
                    return rule.do
        return {}

    def answering(
        self, method: str, host: str, path: str, id: str, question: str
    ) -> tuple[list[Json], str | None]:
        """For a question to a model: what its filter lets through, and what the model says."""
        unseen: list[Json] = []
        says: str | None = None
        with self._lock:
            for rule in self._rules:
                if _DO_MODEL.isdisjoint(rule.do) or not _is_asked(rule, question):
                    continue
                if rule.fires(method, host, path, id):
                    unseen += [rule.do["filter"]] if "filter" in rule.do else []
                    says = rule.do["says"]["text"] if "says" in rule.do else says
        return unseen, says

    def operation(self, method: str, host: str, path: str, id: str) -> tuple[float, Json | None]:
        """For a long-running operation that starts: extra virtual seconds, and its error."""
        seconds, error = 0.0, None
        with self._lock:
            for rule in self._rules:
                if not _DO_OPERATION.isdisjoint(rule.do) and rule.fires(method, host, path, id):
                    seconds += float(rule.do.get("operation_takes", 0.0))
                    error = rule.do.get("operation_fails", error)
        return seconds, error


def _is_asked(rule: Fault, question: str) -> bool:
    return "says" not in rule.do or str(rule.do["says"]["to"]) in question


def _refusal(message: str) -> AzureError:
    return AzureError(400, "UnknownFault", message)


def refuse(do: Json) -> None:
    """Raise what a `status` fault answers; other faults pass."""
    if "status" not in do:
        return
    headers: dict[str, Any] = do.get("headers") or {}
    raise AzureError(
        int(do["status"]),
        str(do.get("code", "InjectedFault")),
        str(do.get("message", "A fault rule of foundry-emulator answered this call.")),
        headers={str(name).lower(): str(value) for name, value in headers.items()},
    )
