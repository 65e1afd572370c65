"""Serves the pack to Pulumi's engine: a policy for each rule that a foundry-policy.yaml holds.

The files are those above this pack, the repository's root the last; the variable FOUNDRY_POLICY
names another in their place.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

from infra.policy_pack.rules import Held, policies

FILE = "foundry-policy.yaml"


def files() -> tuple[Path, ...]:
    """The policies that are held, the nearest first."""
    if named := os.environ.get("FOUNDRY_POLICY"):
        return (Path(named),)
    return tuple(_above(Path(__file__).resolve().parent))


def _above(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            yield folder / FILE
        if (folder / ".git").exists():
            return


def pack(held: Sequence[Held]) -> list[ResourceValidationPolicy]:
    """The rules as Pulumi knows policies."""
    return [
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


if __name__ == "__main__":
    found = files()
    PolicyPack(name="foundry-policy", policies=[*pack(policies(found))])
