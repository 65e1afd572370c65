"""The unmodified program, run by `pulumi` as a user types it, against the emulator."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.types import TypeTable
from emulator.server import Emulator
from tests.integration.infra.conftest import Pulumi, in_the_bin

DEVELOPER = "e0e0e0e0-0000-4000-8000-000000000021"
READS = ("GET", "HEAD")
# Signing in and the directory are no part of the environment.
ARM = "management.azure.com"


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_the_environment_is_made_kept_changed_and_removed_without_a_trace(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    before = _configuration(project)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")

    outputs: dict[str, Any] = json.loads(pulumi("stack", "output", "--json").stdout)
    assert outputs["schemaVersion"] == 1
    assert outputs["subscriptionId"] == subscription_id
    assert outputs["projectNames"] == ["xbox"]
    assert _resources(emulator, subscription_id) == {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.MachineLearningServices/workspaces",
    }
    access = emulator.cloud.access
    developer = access.principal(DEVELOPER)
    assert developer is not None
    jobs = "Microsoft.MachineLearningServices/workspaces/jobs/write"
    assert access.allows(developer, jobs, outputs["projectId"]), "the developer may fine-tune"
    assert not access.allows(developer, jobs, f"/subscriptions/{subscription_id}")

    mark = emulator.control.last_call()
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    pulumi("preview", "--expect-no-changes")
    assert _writes(emulator, mark) == []

    pulumi("destroy", "--yes", "--skip-preview")
    assert _resources(emulator, subscription_id) == set()
    assert not access.allows(developer, jobs, outputs["projectId"])
    assert not [each for each in _writes(emulator, mark) if "unregister" in each]
    assert in_the_bin(emulator, subscription_id) == [], "the same names can be had again"
    assert _configuration(project) == before, "rehearsing leaves the checkout as it was"


def _resources(emulator: Emulator, subscription_id: str) -> set[str]:
    """The types of everything there is, but for the subscription itself and things inside."""
    names = [name for name in emulator.cloud.part(TypeTable).names() if name.count("/") == 1]
    of_type = emulator.cloud.resources.of_type
    found = {name for name in names if of_type(name, subscription_id)}
    return found - {"Microsoft.Resources/subscriptions"}


def _writes(emulator: Emulator, mark: int) -> list[str]:
    calls = emulator.control.calls(after=mark, host=ARM)
    return [f"{each['method']} {each['path']}" for each in calls if each["method"] not in READS]


def _configuration(project: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in project.glob("Pulumi*.yaml")}
