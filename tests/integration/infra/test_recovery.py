"""`recoverDeleted`: a stack that was destroyed comes back as what it was."""

import os
from pathlib import Path

import pytest

from emulator.server import Emulator
from emulator.services.machinelearningservices.versions import WORKSPACES
from minipulumi.azure_native.arm import Arm
from minipulumi.azure_native.credentials import account
from tests.integration.infra.conftest import Pulumi, in_the_bin

PRODUCTION = "config:\n  foundry-tune:projects: [workshop, lab]\n"
RECOVER = f"{PRODUCTION}  foundry-tune:recoverDeleted: true\n"

pytestmark = [pytest.mark.timeout(300), pytest.mark.rehearsal]


def test_a_destroyed_production_stack_comes_back_with_its_hub_and_projects(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    _configure(project, PRODUCTION)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    guids = _guids(emulator, subscription_id)
    assert guids.keys() == {"hub-foundry-dev", "workshop", "lab"}
    pulumi("destroy", "--yes", "--skip-preview")
    assert len(in_the_bin(emulator, subscription_id)) == 5

    refused = pulumi("up", "--yes", "--skip-preview", code=1)
    assert "exists in deleted state" in refused.stdout

    _configure(project, RECOVER)
    assert "to create" in pulumi("preview").stdout
    done = pulumi("up", "--yes", "--skip-preview").stdout
    assert "= 3 imported" in done
    assert _guids(emulator, subscription_id) == guids
    assert in_the_bin(emulator, subscription_id) == []
    pulumi("preview", "--expect-no-changes")
    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    # And once more, with the setting left on; and without it what lives is as it is.
    pulumi("destroy", "--yes", "--skip-preview")
    pulumi("up", "--yes")
    assert _guids(emulator, subscription_id) == guids
    _configure(project, PRODUCTION)
    pulumi("up", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes")
    assert _guids(emulator, subscription_id) == guids


def test_where_nothing_is_in_the_bin_all_is_made(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    _configure(project, RECOVER)
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes")
    made = _guids(emulator, subscription_id)
    assert len(made) == 3
    pulumi("preview", "--expect-no-changes")

    # Deleted behind Pulumi's back: seen by a refresh, and brought back.
    group = f"/subscriptions/{subscription_id}/resourceGroups/rg-foundry-dev"
    azure = Arm(account({}, os.environ).credential())
    azure.delete(f"{group}/providers/{WORKSPACES}/lab", "2025-12-01", patience=60)
    pulumi("refresh", "--yes", "--skip-preview")
    pulumi("up", "--yes", "--skip-preview")
    assert _guids(emulator, subscription_id) == made


def _configure(project: Path, text: str) -> None:
    """Other settings, under the salt that the stack has."""
    file = project / "Pulumi.dev.yaml"
    salt = next(
        line for line in file.read_text("utf-8").splitlines() if line.startswith("encryptionsalt")
    )
    file.write_text(f"{salt}\n{text}", encoding="utf-8")


def _guids(emulator: Emulator, subscription_id: str) -> dict[str, str]:
    """The immutable id of every workspace, by its name."""
    workspaces = emulator.cloud.resources.of_type(WORKSPACES, subscription_id)
    return {each.name: str(each.properties["workspaceId"]) for each in workspaces}
