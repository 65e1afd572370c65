"""Holding subjects against what a policy says."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from policy.exceptions import clause, exception_of, state
from policy.rule import Breach, Rule
from policy.rules import RULES
from policy.settings import Policy
from policy.subject import Subject

Severity = Literal["error", "warning", "note"]
"""An error refuses, a warning tells, a note is of what an exception allows."""


class Verdict(NamedTuple):
    """A rule that a subject breaks."""

    rule: Rule
    breach: Breach
    severity: Severity
    message: str
    """One sentence without its stop: what breaks it, and the exception that there is or was."""
    is_excused: bool
    """Whether an exception allows it today."""


def judge(subject: Subject, policy: Policy, on: date | None = None) -> Iterator[Verdict]:
    """Every rule of a policy that a subject breaks, by the rules' order.

    Exceptions are held against a day: today (UTC) where it is left out.
    """
    for rule in RULES:
        yield from judge_by(rule, subject, policy, on)


def judge_by(
    rule: Rule, subject: Subject, policy: Policy, on: date | None = None
) -> Iterator[Verdict]:
    """What of a subject breaks one rule, where the policy holds it."""
    value = policy.value(rule.key)
    if value is None:
        return
    excused, today = exception_of(subject, rule.key, policy), on or today_utc()
    for breach in rule.judge(subject, value):
        if not subject.sees(breach.field):
            continue
        severity: Severity = "warning" if rule.key in policy.advisory else "error"
        message, is_excused = breach.message, False
        if excused:
            stands = state(excused, today)
            message = f"{message}; {clause(excused, today)}"
            if stands != "over":
                severity = "note" if stands == "holds" else "warning"
            is_excused = stands != "over"
        yield Verdict(rule, breach, severity, message, is_excused)


def today_utc() -> date:
    """The day that it is, for everybody the same."""
    return datetime.now(UTC).date()
