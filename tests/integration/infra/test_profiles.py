"""Every profile as a platform team uses it: up, nothing to change, drift and repair, down."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.rehearsal import inventory
from emulator.server import Emulator
from tests.integration.infra.conftest import ROOT, Pulumi

PROFILES = ROOT / "infra" / "profiles"


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_the_standard_profile_is_watched_repaired_and_removed(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    use(project, "standard")
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes")
    made = resources(emulator, subscription_id)
    budget = f"{GROUP}/providers/Microsoft.Consumption/budgets/foundry-tune"
    assert budget in made
    assert sum("/providers/Microsoft.Authorization/locks/" in id for id in made) == 4
    assert sum("/diagnosticSettings/" in id for id in made) == 5
    alerts = {id.rpartition("/")[2] for id in made if "Alerts/" in id}
    assert alerts == {
        f"alert-{rule}-foundry-dev" for rule in ("endpoints", "errors", "latency", "refusals")
    }

    # Somebody raises the budget in the portal.
    stored = emulator.cloud.resources.get(f"/subscriptions/{subscription_id}{budget}")
    assert stored is not None
    emulator.cloud.resources.put(stored.with_properties(amount=100_000))
    assert "amount" in pulumi("refresh", "--yes").stdout
    pulumi("up", "--yes", "--skip-preview")
    repaired = emulator.cloud.resources.get(stored.id)
    assert repaired is not None
    assert repaired.properties["amount"] == 500
    pulumi("preview", "--expect-no-changes")

    pulumi("destroy", "--yes", "--skip-preview")
    assert resources(emulator, subscription_id) == set()


GROUP = "/resourceGroups/rg-foundry-dev"


def use(project: Path, profile: str, **changes: Any) -> None:
    """Make the project's stack of the profile, with keys of the test's own."""
    shutil.copy(PROFILES / f"{profile}.yaml", project / "Pulumi.dev.yaml")
    change(project, **changes)


def change(project: Path, name: str = "dev", /, **changes: Any) -> None:
    """Set keys of one of the project's stacks; None removes one."""
    path = project / f"Pulumi.{name}.yaml"
    stack = yaml.safe_load(path.read_text("utf-8"))
    for key, value in changes.items():
        stack["config"].pop(f"foundry-tune:{key}", None)
        if value is not None:
            stack["config"][f"foundry-tune:{key}"] = value
    path.write_text(json.dumps(stack), "utf-8")


def resources(emulator: Emulator, subscription_id: str) -> set[str]:
    """The ids of all there is in the subscription, after its own."""
    prefix = f"/subscriptions/{subscription_id}/"
    found: list[dict[str, str]] = inventory.take(emulator.cloud)["resources"]
    return {each["id"].removeprefix(prefix[:-1]) for each in found if each["id"].startswith(prefix)}


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_the_private_profile_is_reached_privately_repaired_and_removed(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str
) -> None:
    use(project, "private")
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes")
    made = resources(emulator, subscription_id)
    assert sum("/privateEndpoints/" in id and "/privateDns" not in id for id in made) == 5
    assert sum("/virtualNetworkLinks/" in id for id in made) == 8
    hub = f"/subscriptions/{subscription_id}{GROUP}/providers/Microsoft.MachineLearningServices"
    stored = emulator.cloud.resources.get(f"{hub}/workspaces/hub-foundry-dev")
    assert stored is not None
    managed = stored.properties["managedNetwork"]
    assert managed["isolationMode"] == "AllowOnlyApprovedOutbound"
    assert managed["outboundRules"]["pypi"]["destination"] == "pypi.org"

    # Somebody opens the vault to the internet.
    vaults = [
        id
        for id in made
        if "/Microsoft.KeyVault/vaults/" in id and "/providers/Microsoft.A" not in id
    ]
    vault = emulator.cloud.resources.get(f"/subscriptions/{subscription_id}{min(vaults, key=len)}")
    assert vault is not None
    emulator.cloud.resources.put(vault.with_properties(publicNetworkAccess="Enabled"))
    pulumi("refresh", "--yes", "--skip-preview")
    pulumi("up", "--yes", "--skip-preview")
    repaired = emulator.cloud.resources.get(vault.id)
    assert repaired is not None
    assert repaired.properties["publicNetworkAccess"] == "Disabled"

    pulumi("destroy", "--yes", "--skip-preview")
    assert resources(emulator, subscription_id) == set()
