"""A platform team's policy: `foundry-policy.yaml`, which every spec below it is held to.

Each that lies above a spec holds: one that is nearer can rule more, and never less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.findings import Finding, in_order
from jobs.spec.places import finding_at, place_of
from jobs.spec.prices import wrong_model
from jobs.spec.reader import Tree
from jobs.spec.team_files import above, read_team_file
from jobs.suggestions import did_you_mean
from jobs.values import day
from policy.roles import BUILT_IN, PRIVILEGED
from policy.rules import is_guid, is_role
from policy.settings import POLICY_FILE, Policy


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """A policy, read."""

    file: str
    """The file as messages name it."""
    tree: Tree
    written: Policy

    def place(self, key: str) -> str:
        """Where a rule is written: `foundry-policy.yaml:4`."""
        return place_of(self.file, self.tree, ("rules", key))

    def place_of_exception(self, index: int) -> str:
        """Where an exception is written."""
        return place_of(self.file, self.tree, ("exceptions", index))


def is_policy(file: str | Path) -> bool:
    """Whether a file's name says that it is a policy, and no spec."""
    return Path(file).name == POLICY_FILE


def policies_above(folder: Path) -> tuple[str, ...]:
    """Every policy that specs of a folder are held to, the nearest first."""
    return tuple(above(folder, POLICY_FILE))


def read_policy(file: str) -> tuple[TeamPolicy | None, tuple[Finding, ...]]:
    """A policy, and everything that is wrong with it; none where something is."""
    tree, written, findings = read_team_file(file, Policy, "a policy", "rules: {…}", "FT-P000")
    if tree is not None and written is not None:
        findings += _strange(file, tree, written)
    if findings or tree is None or written is None:
        return None, tuple(in_order(findings))
    return TeamPolicy(file, tree, written), ()


def _strange(file: str, tree: Tree, written: Policy) -> Iterator[Finding]:
    for index, name in enumerate(written.rules.allowed_models or ()):
        if wrong := wrong_model(name):
            path = ("rules", "allowed_models", index)
            yield finding_at(file, tree, "FT-P000", path, wrong)
    for index, role in enumerate(written.rules.allowed_roles or ()):
        if not is_role(role) and not is_guid(role):
            hint = did_you_mean(role, (*BUILT_IN, *PRIVILEGED.values()))
            message = f"'{role[:80]}' is no built-in role that is known here.{hint}"
            message += "" if hint else " Name it by its GUID."
            yield finding_at(file, tree, "FT-P000", ("rules", "allowed_roles", index), message)
    for index, key in enumerate(written.advisory):
        if written.value(key) is None:
            message = f"'{key}' isn't among the rules, so it can't warn of anything."
            yield finding_at(file, tree, "FT-P000", ("advisory", index), message)
    for index, one in enumerate(written.exceptions):
        if written.value(one.rule) is None:
            message = f"'{one.rule}' isn't among the rules, so nothing is an exception of it."
            yield finding_at(file, tree, "FT-P000", ("exceptions", index, "rule"), message)
        if day(one.until) is None:
            message = f"'{one.until[:40]}' is no day. Write it as 2026-12-31."
            yield finding_at(file, tree, "FT-S007", ("exceptions", index, "until"), message)
