"""Template deployments: azure-ai-ml's own hub and project, and what is refused before it begins."""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity import ClientSecretCredential

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import ManagementClient

VERSION = "2021-04-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
HERE = "providers/Microsoft.Resources/deployments"


@pytest.mark.filterwarnings("ignore")
def test_azure_ai_ml_makes_a_hub_and_a_project_by_its_own_templates(
    emulator: Emulator, arm: ManagementClient, group: str, subscription: str, monkeypatch: Any
) -> None:
    logging.getLogger("azure").setLevel(logging.ERROR)
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Hub, Project

    # It sleeps five seconds before it looks whether the deployment is done.
    monkeypatch.setattr("azure.ai.ml.constants._common.LROConfigurations.SLEEP_TIME", 0)
    monkeypatch.setattr("azure.ai.ml.constants._common.LROConfigurations.POLL_INTERVAL", 0)
    who = emulator.identities.platform
    began = time.monotonic()
    with ClientSecretCredential(who.tenant, who.client_id, who.secret) as credential:
        client = MLClient(credential, subscription, "rg-test", enable_telemetry=False)
        hub = client.workspaces.begin_create(Hub(name="hub-1", location="eastus2")).result()
        project = client.workspaces.begin_create(
            Project(name="project-1", hub_id=str(hub.id), location="eastus2")
        ).result()
    assert time.monotonic() - began < 60
    assert hub.id == f"{group}/providers/Microsoft.MachineLearningServices/workspaces/hub-1"
    shown = arm.ok("GET", str(project.id), version="2024-10-01-preview")["properties"]
    assert (shown["hubResourceId"], shown["storageAccount"]) == (hub.id, hub.storage_account)
    properties = arm.ok("GET", str(hub.id), version="2024-10-01-preview")["properties"]
    assert (properties["hbiWorkspace"], properties["systemDatastoresAuthMode"]) == (
        False,
        "accesskey",
    )
    (made, _) = arm.ok("GET", f"{group}/{HERE}", version=VERSION)["value"]
    resources = {one["id"] for one in made["properties"]["outputResources"]}
    assert {hub.id, hub.storage_account, hub.key_vault} == resources
    account = arm.ok("GET", str(hub.storage_account), version="2023-05-01")
    assert account["tags"]["createdByToolkit"].startswith("sdk-v2")


def _body(*resources: Any, **parts: Any) -> Any:
    return {
        "properties": {
            "mode": "Incremental",
            "parameters": {},
            "template": {"contentVersion": "1.0.0.0", "resources": list(resources), **parts},
        }
    }


def _vnet(name: str, **parts: Any) -> Any:
    return {
        "type": "Microsoft.Network/virtualNetworks",
        "apiVersion": "2024-05-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        **parts,
    }


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (_body(_vnet("v", copy={"name": "c", "count": 2})), "NotEmulated", "loops"),
        (_body(_vnet("[reference('x').name]")), "NotEmulated", "reference"),
        (_body(outputs={"x": {"type": "string", "value": "1"}}), "NotEmulated", "outputs"),
        (_body({"type": "Microsoft.Web/sites", "name": "w"}), "InvalidResourceType", "sites"),
        (_body(_vnet("[variables('none')]")), "InvalidTemplate", "'none' is not found"),
        (_body(_vnet("v1", dependsOn=3)), "InvalidTemplate", "must be an array"),
        (_body(_vnet("v1", resources={"a": 1})), "InvalidTemplate", "must be an array"),
        (_body(_vnet("v1", tags={"[array('x')]": 1})), "InvalidTemplate", "to a string"),
        (_body(_vnet("[concat('a']")), "InvalidTemplate", "is not valid"),
        (_body(_vnet("[" + "not(" * 3000 + ")" * 3000 + "]")), "InvalidTemplate", "too deeply"),
        (
            _body(_vnet("v"), parameters={"p": {"type": "string"}}),
            "InvalidTemplate",
            "not provided",
        ),
    ],
)
def test_a_template_that_is_not_known_is_refused_whole(
    arm: ManagementClient, group: str, body: Any, code: str, said: str
) -> None:
    _, error = arm.refused("PUT", f"{group}/{HERE}/d", body, version=VERSION)
    assert (error["code"], said in error["message"]) == (code, True), error
    assert arm.ok("GET", f"{group}/{HERE}", version=VERSION)["value"] == []


def test_what_depends_on_another_comes_after_it_and_a_refusal_fails_the_deployment(
    emulator: Emulator,
    arm: ManagementClient,
    developer: ManagementClient,
    group: str,
    subscription: str,
) -> None:
    name = f"st{subscription[:8]}"
    account = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-05-01",
        "name": "[variables('name')]",
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"group": "[toUpper(resourceGroup().name)]", "text": "[[not one]"},
    }
    needs = "[resourceId('Microsoft.Storage/storageAccounts', variables('name'))]"
    network = _vnet("net", dependsOn=[needs])
    body = _body(network, account, variables={"name": f"[concat('st', '{subscription[:8]}')]"})
    emulator.control.faults.add(
        {"match": {"method": "PUT", "path": f"/{name}$"}, "do": {"operation_takes": 600}}
    )
    poller = arm.begin("PUT", f"{group}/{HERE}/d", body, version=VERSION)
    shown = arm.ok("GET", f"{group}/{HERE}/d", version=VERSION)["properties"]
    assert shown["provisioningState"] == "Running"
    again = arm.refused("PUT", f"{group}/{HERE}/d", body, version=VERSION)
    assert again[1]["code"] == "DeploymentActive"
    reader = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{READER}",
        "principalId": emulator.identities.developer.object_id,
    }
    arm.ok("PUT", reader, {"properties": role}, version="2022-04-01")
    emulator.control.clock.advance(601)
    # It goes on in the name of who deploys, whoever looks.
    developer.ok("GET", f"{group}/{HERE}/d", version=VERSION)
    assert poller.result(10)["properties"]["provisioningState"] == "Succeeded"
    listed = arm.ok("GET", f"{group}/deployments/d/operations", version=VERSION)["value"]
    targets = [one["properties"].get("targetResource", {}).get("resourceName") for one in listed]
    assert targets == ["net", name, None], "newest first"
    id = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    tags = arm.ok("GET", id, version="2023-05-01")["tags"]
    assert tags == {"group": "RG-TEST", "text": "[not one]"}

    broken = _body(_vnet("wide", properties={"addressSpace": {"addressPrefixes": ["nonsense"]}}))
    arm.ok("POST", f"{group}/{HERE}/e/validate", broken, version=VERSION)
    arm.ok("PUT", f"{group}/{HERE}/e", broken, version=VERSION)
    failed = arm.ok("GET", f"{group}/{HERE}/e", version=VERSION)["properties"]
    assert (failed["provisioningState"], failed["error"]["code"]) == ("Failed", "DeploymentFailed")
    arm.begin("DELETE", f"{group}/{HERE}/e", version=VERSION).result(10)
    assert arm.refused("GET", f"{group}/{HERE}/e", version=VERSION)[1]["code"] == (
        "DeploymentNotFound"
    )
