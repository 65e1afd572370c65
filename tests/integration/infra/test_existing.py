"""Bring your own: what is there already is used, and afterwards it is byte for byte what it was."""

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator
from infra.config_existing import KINDS
from infra.roles import AI_DEVELOPER, BLOB_DATA_CONTRIBUTOR
from minipulumi.azure_native.arm import Arm
from minipulumi.azure_native.credentials import account
from tests.integration.infra.conftest import Pulumi, in_the_bin
from tests.integration.infra.test_profiles import change, resources, use

pytestmark = pytest.mark.rehearsal

GROUP = "rg-mine"


@pytest.fixture
def own(emulator: Emulator, subscription_id: str) -> dict[str, str]:
    """One of each kind, made by somebody else in a group of theirs: the ids."""
    azure = Arm(account({}, os.environ).credential())
    group = f"/subscriptions/{subscription_id}/resourceGroups/{GROUP}"
    unique = uuid.uuid4().hex[:10]
    ids = {
        name: f"{group}/providers/{kind.type}/my{name.lower()[:8]}{unique}" if kind.type else group
        for name, kind in KINDS.items()
    }
    logs = f"{group}/providers/Microsoft.OperationalInsights/workspaces/log-mine"
    place = {"location": "eastus2", "tags": {"owner": "research"}}
    vault = {"tenantId": emulator.cloud.tenant, "sku": {"family": "A", "name": "premium"}}
    bodies: dict[str, dict[str, Any]] = {
        "resourceGroup": {},
        "storage": {"kind": "StorageV2", "sku": {"name": "Standard_GRS"}, "properties": {}},
        "keyVault": {"properties": {**vault, "enableRbacAuthorization": True}},
        "containerRegistry": {"sku": {"name": "Basic"}},
        "applicationInsights": {"kind": "web", "properties": {"WorkspaceResourceId": logs}},
        "hub": {
            "kind": "Hub",
            "properties": {"storageAccount": ids["storage"], "keyVault": ids["keyVault"]},
        },
        "aiServices": {
            "kind": "AIServices",
            "sku": {"name": "S0"},
            "properties": {"customSubDomainName": ids["aiServices"].rpartition("/")[2]},
        },
    }
    for name, body in bodies.items():
        if name == "applicationInsights":
            azure.put(logs, "2023-09-01", {**place, "properties": {}}, patience=60)
        if name == "hub":
            body["properties"] |= {
                key: ids[key] for key in ("containerRegistry", "applicationInsights")
            }
        azure.put(ids[name], KINDS[name].api_version, {**place, **body}, patience=60)
    return ids


def kept(emulator: Emulator, subscription_id: str) -> list[str]:
    """Every byte that is stored of the group that isn't the stack's, and of all in and on it."""
    rows = emulator.cloud.database.rows(
        "SELECT * FROM resources WHERE key LIKE ? ORDER BY key",
        (f"/subscriptions/{subscription_id}/resourcegroups/{GROUP}%".lower(),),
    )
    return [repr(tuple(row)) for row in rows]


def assignments(emulator: Emulator, subscription_id: str) -> set[str]:
    """Every role assignment in the group that isn't the stack's."""
    rows = emulator.cloud.database.rows(
        "SELECT * FROM role_assignments WHERE scope_key LIKE ?",
        (f"/subscriptions/{subscription_id}/resourcegroups/{GROUP}%".lower(),),
    )
    return {repr(tuple(row)) for row in rows}


def containers(emulator: Emulator) -> set[str]:
    """The containers of all storage accounts; those of a project stay when it goes, as in Azure."""
    rows = emulator.cloud.database.rows("SELECT * FROM containers")
    return {repr(tuple(row)) for row in rows}


def test_all_that_is_there_is_used_and_left_as_it_was(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str, own: dict[str, str]
) -> None:
    # Somebody gave the developer two of the stack's roles by hand: Azure takes neither twice.
    for place, role in (("resourceGroup", AI_DEVELOPER), ("storage", BLOB_DATA_CONTRIBUTOR)):
        emulator.control.assign(DEVELOPER[1], role, own[place])
    before, filled = kept(emulator, subscription_id), containers(emulator)
    given = assignments(emulator, subscription_id)
    change(project, existing=own)
    pulumi("stack", "init", "dev")
    told = pulumi("up", "--yes", "--skip-preview").stdout
    for role, name in (
        ("Azure AI Developer", GROUP),
        ("Storage Blob Data Contributor", "mystorage"),
    ):
        assert f"has the role '{role}' on '{name}" in told
    assert given < assignments(emulator, subscription_id)
    assert [line for line in kept(emulator, subscription_id) if line in before] == before
    pulumi("destroy", "--yes", "--skip-preview")
    assert kept(emulator, subscription_id) == before
    assert assignments(emulator, subscription_id) == given
    assert filled <= containers(emulator)


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_two_stacks_share_a_group_and_a_hub(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str, own: dict[str, str]
) -> None:
    before = kept(emulator, subscription_id)
    audit = {"principalId": "0a11ce00-0000-4000-8000-0000000000a3", "principalType": "Group"}
    both = {"resourceGroup": own["resourceGroup"], "hub": own["hub"]}
    use(project, "standard", existing=both, access={"calls": [{"name": "audit", **audit}]})
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    # The other team's, which is somebody else and has projects of its own.
    shutil.copy(project / "Pulumi.dev.yaml", project / "Pulumi.other.yaml")
    change(project, "other", environment="other", projects=["halo"], developers=[], access={
        "calls": [{"name": "audit", **audit, "project": "halo"}]
    })  # fmt: skip
    pulumi("stack", "init", "other", stack="other")
    pulumi("up", "--yes", "--skip-preview", stack="other")
    pulumi("preview", "--expect-no-changes")
    pulumi("destroy", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes", stack="other")
    pulumi("destroy", "--yes", "--skip-preview", stack="other")
    assert kept(emulator, subscription_id) == before


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", [*([name] for name in KINDS), list(KINDS)], ids="+".join)
def test_what_is_there_comes_through_up_change_refresh_and_down(
    names: list[str],
    emulator: Emulator,
    pulumi: Pulumi,
    project: Path,
    subscription_id: str,
    own: dict[str, str],
) -> None:
    before, filled = kept(emulator, subscription_id), containers(emulator)
    use(project, "standard", existing={name: own[name] for name in names})
    pulumi("stack", "init", "dev")
    pulumi("up", "--yes", "--skip-preview")
    pulumi("preview", "--expect-no-changes")
    theirs = [line for line in kept(emulator, subscription_id) if line in before]
    assert theirs == before

    pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    tags = {"owner": "another-team", "costCenter": "4712"}
    change(project, tags=tags, publicNetworkAccess="Disabled")
    told = pulumi("up", "--yes", "--skip-preview").stdout
    hardened = {"storage", "keyVault", "containerRegistry", "hub", "aiServices"} & set(names)
    assert told.count("isn't the stack's to harden") >= len(hardened)
    theirs = [line for line in kept(emulator, subscription_id) if line in before]
    assert theirs == before

    pulumi("destroy", "--yes", "--skip-preview")
    assert kept(emulator, subscription_id) == before
    assert filled <= containers(emulator)
    assert {id for id in resources(emulator, subscription_id) if f"/{GROUP}" not in id} == set()


def test_what_can_not_be_used_is_told_by_the_preview_all_at_once(
    emulator: Emulator, pulumi: Pulumi, project: Path, subscription_id: str, own: dict[str, str]
) -> None:
    elsewhere = own["keyVault"].replace(subscription_id, "e0e0e0e0-0000-4000-8000-0000000000ff")
    missing = f"{own['aiServices']}x"
    change(
        project,
        location="westus3",
        existing={"storage": own["storage"], "keyVault": elsewhere, "aiServices": missing},
    )
    pulumi("stack", "init", "dev")
    told = pulumi("preview", code=1)
    output = told.stdout + told.stderr
    for line in (
        "existing.keyVault: it is in subscription e0e0e0e0-0000-4000-8000-0000000000ff, and the",
        f"existing.aiServices: there is no {missing}. Look for its id: az resource list",
        "is in eastus2, and the stack in westus3. Set location: eastus2",
    ):
        assert line in output
    assert "Traceback" not in output
    assert in_the_bin(emulator, subscription_id) == []
    assert json.loads(pulumi("stack", "export").stdout)["deployment"].get("resources", []) == []
