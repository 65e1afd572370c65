"""Specs held against the policies above them, with each breach at its place."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jobs.findings import Finding
from jobs.read.subjects import Judged, subjects
from jobs.spec.policies import TeamPolicy, policies_above, read_policy
from jobs.spec.story import Story
from policy.exceptions import State, state
from policy.judge import Verdict, judge, today_utc
from policy.subject import Subject


class Excepted(NamedTuple):
    """An exception of a policy, and how it stands today."""

    rule: str
    """Its word: `most_epochs`."""
    of: str
    reason: str
    until: str
    state: State
    place: str
    """Where it is written: `foundry-policy.yaml:21`."""


def exceptions(policies: Sequence[TeamPolicy]) -> Iterator[Excepted]:
    """Every exception that policies make."""
    today = today_utc()
    for policy in policies:
        for index, one in enumerate(policy.written.exceptions):
            place, stands = policy.place_of_exception(index), state(one, today)
            yield Excepted(one.rule, one.of, one.reason, one.until, stands, place)


class Policies:
    """The policies of many specs, each looked for once a folder and read once.

    `named` wins over those above, and so does the variable FOUNDRY_POLICY, as it does in the policy
    pack: what is named once holds at every gate.
    """

    def __init__(self, named: str | None = None) -> None:
        self._named = named or os.environ.get("FOUNDRY_POLICY") or None
        self._above: dict[Path, tuple[str, ...]] = {}
        self._read: dict[str, TeamPolicy | None] = {}

    def files(self, folder: Path) -> tuple[str, ...]:
        """The files that specs of a folder are held to."""
        if self._named is not None:
            return (self._named,)
        if folder not in self._above:
            self._above[folder] = policies_above(folder)
        return self._above[folder]

    def of(self, folder: Path) -> tuple[list[TeamPolicy], list[Finding]]:
        """The policies that hold in a folder; what is wrong with one is told once."""
        found: list[TeamPolicy] = []
        findings: list[Finding] = []
        for file in self.files(folder):
            if file not in self._read:
                self._read[file], wrong = read_policy(file)
                findings += wrong
            if (one := self._read[file]) is not None:
                found.append(one)
        return found, findings


def policy_findings(story: Story, policies: Sequence[TeamPolicy]) -> Iterator[Finding]:
    """What of a story breaks a policy."""
    for asked in subjects(story):
        for verdict, message in breaches(asked.subject, policies):
            yield at(asked, verdict, message)


def found_live(place: str, subject: Subject, policies: Sequence[TeamPolicy]) -> Iterator[Finding]:
    """What breaks a policy in Azure; its place is an ARM id, from the group's name on."""
    for verdict, message in breaches(subject, policies):
        yield Finding(place, 0, 0, verdict.breach.field, message, verdict.rule.id, verdict.severity)


def at(asked: Judged, verdict: Verdict, message: str) -> Finding:
    """A breach at its place in the document; what isn't written is told at its beginning."""
    path = asked.places.get(verdict.breach.field, ())
    found = asked.chapter.finding(verdict.rule.id, path, message)
    return found._replace(severity=verdict.severity)


def breaches(subject: Subject, policies: Sequence[TeamPolicy]) -> Iterator[tuple[Verdict, str]]:
    """What of a subject breaks policies, each with a sentence that names the place of the rule."""
    for policy in policies:
        for verdict in judge(subject, policy.written):
            place = policy.place(verdict.rule.key)
            yield verdict, f"{verdict.message} ({place}: {verdict.rule.key})."
