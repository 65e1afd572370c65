"""What is there already: told all at once where it can't be used, and never made or hung upon."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra import existing, roles
from infra.config import Settings
from infra.config_existing import KINDS
from infra.existing import Found, check, untouched
from tests.unit.infra.conftest import ALICE, BUILD, CONFIG, SUBSCRIPTION, Recording
from tests.unit.infra.test_config import MINIMAL, findings, read

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mine"
IDS = {
    name: f"{GROUP}/providers/{kind.type}/{name.lower()}" if kind.type else GROUP
    for name, kind in KINDS.items()
}
GUARDED = {
    "budget": json.dumps({"amount": 500, "emails": ["platform@example.com"]}),
    "locks": "true",
    "protect": "true",
    "diagnostics": "{}",
    "network": json.dumps({"addressSpace": "10.60.0.0/24"}),
    "publicNetworkAccess": "Disabled",
}
OWN = {
    "vaultUri": "https://keyvault.vault.azure.net/",
    "endpoint": "https://aiservices.cognitiveservices.azure.com/",
}


def found(which: str, **changes: Any) -> Found:
    kinds = {"hub": "Hub", "aiServices": "AIServices"}
    properties: dict[str, Any] = {}
    if which == "hub":
        own = existing.OF_THE_HUB
        properties = {of_hub: IDS[key] for key, of_hub in own.items()}
    elif which in ("keyVault", "aiServices"):
        key = "vaultUri" if which == "keyVault" else "endpoint"
        properties = {key: OWN[key]}
    values: dict[str, Any] = {
        "id": IDS[which],
        "name": IDS[which].rpartition("/")[2],
        "location": "eastus2",
        "kind": kinds.get(which, ""),
        "principal_id": ALICE if which == "hub" else "",
        "properties": properties,
    }
    return Found(**{**values, **changes})


def always(there: Mapping[str, Found]) -> Callable[..., Mapping[str, Found]]:
    def look(settings: Settings, subscription_id: str) -> Mapping[str, Found]:
        assert settings.existing
        assert subscription_id == SUBSCRIPTION
        return there

    return look


def config(*names: str, **more: str) -> dict[str, str]:
    return {**CONFIG, **more, "existing": json.dumps({name: IDS[name] for name in names})}


def test_each_id_is_of_its_kind_and_every_mistake_is_told_at_once() -> None:
    settings = read(config(*IDS))
    assert settings.existing == IDS
    wrong = {
        "resourceGroup": "rg-mine",
        "storage": IDS["keyVault"],
        "keyVault": f"{IDS['keyVault']}/secrets/x",
        "containerRegistry": 5,
        "search": "x",
    }
    told = findings({**MINIMAL, "existing": json.dumps(wrong)})
    assert [line.partition(": ")[0] for line in told] == [
        "foundry-tune:existing.search",
        "foundry-tune:existing.resourceGroup",
        "foundry-tune:existing.storage",
        "foundry-tune:existing.keyVault",
        "foundry-tune:existing.containerRegistry",
    ]
    assert f"{IDS['keyVault']!r} isn't the id of a storage account. For example: " in told[2]
    assert told[2].endswith("/providers/Microsoft.Storage/storageAccounts/NAME")


def test_a_managed_network_is_not_asked_of_a_hub_that_is_there() -> None:
    network = json.dumps({"isolation": "AllowInternetOutbound"})
    (finding,) = findings(config("hub", network=network))
    assert finding.startswith("foundry-tune:network.isolation: the managed network of a hub")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("storage", {"location": "westus3"}, "is in westus3, and the stack in eastus2"),
        ("hub", {"location": "West US 3"}, "is in westus3, and the stack in eastus2"),
        ("hub", {"kind": "Project"}, "is a workspace of kind Project"),
        ("hub", {"name": "xbox"}, "a project can't have the hub's name"),
        ("aiServices", {"kind": "OpenAI"}, "is a Cognitive Services account of kind OpenAI"),
        ("containerRegistry", {"location": "westus3"}, ""),
        ("resourceGroup", {"location": "westus3"}, ""),
    ],
)
def test_what_can_not_be_used_is_told(name: str, change: dict[str, Any], told: str) -> None:
    settings = read(config(name))
    assert list(check({name: found(name)}, settings)) == []
    lines = list(check({name: found(name, **change)}, settings))
    assert [told in line for line in lines] == ([True] if told else []), lines


def test_a_hub_keeps_what_it_has() -> None:
    there = {name: found(name) for name in IDS}
    assert list(check(there, read(config(*IDS)))) == []
    another = f"{IDS['storage']}2"
    told = list(
        check(there, read({**config(), "existing": json.dumps(IDS | {"storage": another})}))
    )
    what = f"the hub 'hub' has {IDS['storage']}, and keeps it"
    assert told == [f"foundry-tune:existing.storage: {what}. Leave it out."]


def test_what_the_network_leaves_open_is_said_with_whose_it_is() -> None:
    settings = read(config("storage", "keyVault", "containerRegistry", **GUARDED))
    closed = {"publicNetworkAccess": "Disabled"}
    there = {
        "storage": found("storage"),
        "keyVault": found("keyVault", properties=closed),
        "containerRegistry": found("containerRegistry", properties=closed),
    }
    storage, vault = untouched(there, settings)
    assert "storage account 'storage' isn't the stack's to harden: it answers on the int" in storage
    assert f"az resource update --ids {IDS['storage']} --set properties.publicNet" in storage
    assert vault.endswith("isn't the stack's to harden: no private endpoint is made for it.")
    assert list(untouched(there, read(config("storage", "keyVault")))) == []


def test_who_has_a_role_there_already_keeps_it_and_is_not_given_it_twice(
    run: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = f"{IDS['storage']}/providers/Microsoft.Authorization/roleAssignments/by-hand"
    has = {(ALICE, roles.BLOB_DATA_CONTRIBUTOR): by_hand}
    there = {"storage": found("storage", assignments=has)}
    monkeypatch.setattr(existing, "look", always(there))
    made = run(config("storage")).inputs
    assert "alice-blobs" not in made
    assert {"alice-developer", "build-blobs", "project-xbox-blobs"} <= made.keys()

    # Its own it knows by its name, which no other stack's has.
    own = made["build-blobs"]["roleAssignmentName"]
    has = {(BUILD, roles.BLOB_DATA_CONTRIBUTOR): f"{IDS['storage']}/x/{own.upper()}"}
    there["storage"] = found("storage", assignments=has)
    assert run(config("storage")).inputs["build-blobs"]["roleAssignmentName"] == own
    other = run({**config("storage"), "environment": "other"}).inputs
    assert "build-blobs" not in other
    assert other["alice-blobs"]["roleAssignmentName"] != own


@pytest.mark.parametrize("names", [*([name] for name in IDS), list(IDS)], ids="+".join)
def test_what_is_there_is_not_made_and_nothing_but_roles_hangs_on_it(
    names: list[str], run: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {name: found(name) for name in names}
    if "hub" in names:
        there |= {name: found(name) for name in ("storage", "keyVault")}
    monkeypatch.setattr(existing, "look", always(there))
    recording = run(config(*names, **GUARDED))
    made = {
        "resourceGroup": "group",
        "storage": "storage",
        "keyVault": "vault",
        "applicationInsights": "insights",
        "hub": "hub",
        "aiServices": "ai-services",
    }
    assert not {made[name] for name in there if name in made} & recording.inputs.keys()
    for name, one in there.items():
        if name == "resourceGroup":
            continue
        hanging = {
            recording.types[label].rpartition(":")[2]
            for label, inputs in recording.inputs.items()
            if one.id in json.dumps(inputs)
        }
        allowed = {"RoleAssignment", "Workspace", "WorkspaceConnection", "Recovery"}
        assert hanging <= allowed, (name, hanging)
    group = GROUP if "resourceGroup" in there else "/made/group"
    assert recording.inputs["budget"]["scope"] == group
    of_stack = "foundry-tune-foundry-dev" if "resourceGroup" in there else "foundry-tune"
    assert recording.inputs["budget"]["budgetName"] == of_stack
    assert recording.inputs["alice-developer"]["scope"] == group
    storage = IDS["storage"] if "storage" in there else "/made/storage"
    assert recording.inputs["project-xbox-blobs"]["scope"] == storage
    assert recording.inputs["alice-blobs"]["scope"] == storage
    connections = recording.of_type("azure-native:machinelearningservices:WorkspaceConnection")
    if "hub" in there:
        assert set(connections) == {"connection-xbox", "connection-surface"}
        assert recording.inputs["project-xbox"]["hubResourceId"] == IDS["hub"]
        assert "hub-blobs" not in recording.inputs
        assert ("hub-ai-services" in recording.inputs) == ("aiServices" not in there)
    else:
        assert set(connections) == {"connection"}
        hub = recording.inputs["hub"]
        assert hub.get("containerRegistry") == (
            IDS["containerRegistry"] if "containerRegistry" in there else None
        )
        insights = (
            IDS["applicationInsights"] if "applicationInsights" in there else "/made/insights"
        )
        assert hub["applicationInsights"] == insights
    assert recording.outputs["storageAccountName"] == (
        "storage" if "storage" in there else recording.inputs["storage"]["accountName"]
    )


def test_what_is_there_waits_for_the_registrations_and_is_known_in_a_preview(
    run: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(existing, "look", always({name: found(name) for name in IDS}))
    preview = run(config(*IDS), preview=True)
    assert preview.outputs["resourceGroupName"] == "rg-mine"
    assert preview.outputs["hubId"] == IDS["hub"]
    order = list(preview.inputs)
    assert order.index("microsoft-storage") < order.index("project-xbox")
