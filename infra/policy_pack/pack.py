"""The pack as Pulumi's engine asks it: a policy for each rule that a foundry-policy.yaml holds.

The files are those above the folder that was named to Pulumi, the repository's root the last; the
variable FOUNDRY_POLICY names another in their place.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

from infra.policy_pack.rules import Held, policies

FILE = "foundry-policy.yaml"


def serve(folder: Path) -> None:
    """Answer the engine for the pack in a folder, until it has asked all it wants to know.

    Raises:
        RunError: There is no policy that it could hold, or one that can't be read.
    """
    found = files(folder)
    PolicyPack(name="foundry-policy", policies=[*pack(policies(found))])


def files(folder: Path) -> tuple[Path, ...]:
    """The policies that are held, the nearest first."""
    if named := os.environ.get("FOUNDRY_POLICY"):
        return (Path(named),)
    return tuple(_above(folder.resolve()))


def pack(held: Sequence[Held]) -> list[ResourceValidationPolicy]:
    """The rules as Pulumi knows policies."""
    rules = [
        ResourceValidationPolicy(
            name=one.rule.id,
            description=f"{one.rule.title}. {one.rule.why}",
            enforcement_level=EnforcementLevel.ADVISORY
            if one.is_advisory
            else EnforcementLevel.MANDATORY,
            validate=one.validate,
        )
        for one in held
    ]
    # A policy is mandatory or advisory as a whole, and what is excepted is only told.
    excepted = [
        ResourceValidationPolicy(
            name=f"{one.rule.id}-exception",
            description=f"{one.rule.title}, until a day",
            enforcement_level=EnforcementLevel.ADVISORY,
            validate=one.tell_exceptions,
        )
        for one in held
        if one.has_exceptions
    ]
    return [*rules, *excepted]


def _above(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            yield folder / FILE
        if (folder / ".git").exists():
            return
