"""Holding subjects against what a policy says."""

from collections.abc import Iterator
from typing import NamedTuple

from policy.rule import Breach, Rule
from policy.rules import RULES
from policy.settings import Policy
from policy.subject import Subject


class Verdict(NamedTuple):
    """A rule that a subject breaks."""

    rule: Rule
    breach: Breach
    is_advisory: bool


def judge(subject: Subject, policy: Policy) -> Iterator[Verdict]:
    """Every rule of a policy that a subject breaks, by the rules' order."""
    for rule in RULES:
        value = policy.value(rule.key)
        if value is None:
            continue
        for breach in rule.judge(subject, value):
            if subject.sees(breach.field):
                yield Verdict(rule, breach, rule.key in policy.advisory)
