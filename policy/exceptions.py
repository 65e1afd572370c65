"""What of a policy somebody may break for a while: for whom, why, and until which day."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from policy.settings import Policy, PolicyException
from policy.subject import Subject

State = Literal["holds", "soon", "over"]
SOON = timedelta(days=14)
"""How long before its last day an exception is warned of."""


def exception_of(subject: Subject, key: str, policy: Policy) -> PolicyException | None:
    """The exception of a rule for a subject that lasts the longest; None where there is none."""
    found = [one for one in policy.exceptions if one.rule == key and is_of(one, subject)]
    return max(found, key=lambda one: one.last_day, default=None)


def is_of(exception: PolicyException, subject: Subject) -> bool:
    """Whether an exception speaks of a subject, by any of its names."""
    return exception.of.casefold() in {name.casefold() for name in _names(subject)}


def state(exception: PolicyException, today: date) -> State:
    """How an exception stands on a day; it holds on its last one too."""
    if today > exception.last_day:
        return "over"
    return "soon" if exception.last_day - today < SOON else "holds"


def clause(exception: PolicyException, today: date) -> str:
    """What is said of it beside what breaks the rule."""
    if state(exception, today) == "over":
        return f"the exception for '{exception.of}' ended on {exception.until}"
    ends = "ends soon, on" if state(exception, today) == "soon" else "until"
    return f"an exception, {ends} {exception.until}: {exception.reason}"


def _names(subject: Subject) -> Iterable[str]:
    return (subject.name, *subject.also)
