"""Each type of the program through its whole life: made, read, changed, deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from minipulumi.values import from_struct
from tests.integration.infra.conftest import AbortedError, Context, Engine, Made

TENANT = "e0e0e0e0-0000-4000-8000-000000000001"
DEVELOPER = "e0e0e0e0-0000-4000-8000-000000000021"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BASIC = {"name": "Basic", "tier": "Basic"}


def storage(engine: Engine, unique: str) -> dict[str, Any]:
    return {
        "accountName": f"st{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "enableHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
        "tags": {"owner": "platform"},
    }


def vault(engine: Engine, unique: str) -> dict[str, Any]:
    return {
        "vaultName": f"kv-{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "publicNetworkAccess": "Enabled",
            "softDeleteRetentionInDays": 90,
        },
        "tags": {"owner": "platform"},
    }


def ai_services(engine: Engine, unique: str) -> dict[str, Any]:
    return {
        "accountName": f"ais-{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "kind": "AIServices",
        "sku": {"name": "S0"},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "customSubDomainName": f"ais-{unique}",
            "disableLocalAuth": True,
            "publicNetworkAccess": "Enabled",
        },
        "tags": {"owner": "platform"},
    }


def hub(engine: Engine, unique: str) -> dict[str, Any]:
    account = engine.create(STORAGE, storage(engine, unique))
    key_vault = engine.create(VAULT, vault(engine, unique))
    return {
        "workspaceName": f"hub-{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "kind": "Hub",
        "sku": BASIC,
        "identity": {"type": "SystemAssigned"},
        "storageAccount": account.id,
        "keyVault": key_vault.id,
        "systemDatastoresAuthMode": "Identity",
        "publicNetworkAccess": "Enabled",
        "friendlyName": "a hub",
        "tags": {"owner": "platform"},
    }


def project(engine: Engine, unique: str) -> dict[str, Any]:
    parent = engine.create(WORKSPACE, hub(engine, unique))
    return {
        "workspaceName": f"proj-{unique}",
        "resourceGroupName": "rg-test",
        "location": "eastus2",
        "kind": "Project",
        "sku": BASIC,
        "identity": {"type": "SystemAssigned"},
        "hubResourceId": parent.id,
        "friendlyName": "a project",
        "tags": {"owner": "platform"},
    }


def connection(engine: Engine, unique: str) -> dict[str, Any]:
    account = engine.create(AI_SERVICES, ai_services(engine, unique))
    parent = engine.create(WORKSPACE, hub(engine, unique))
    return {
        "connectionName": "ai-services",
        "workspaceName": parent.outputs["name"],
        "resourceGroupName": "rg-test",
        "properties": {
            "authType": "AAD",
            "category": "AIServices",
            "target": account.outputs["properties"]["endpoint"],
            "isSharedToAll": True,
            "metadata": {"ApiType": "Azure", "ResourceId": account.id},
        },
    }


def assignment(engine: Engine, unique: str) -> dict[str, Any]:
    scope = f"/subscriptions/{engine.subscription}"
    return {
        "scope": f"{scope}/resourceGroups/rg-test",
        "roleAssignmentName": f"{unique[:8]}-0000-4000-8000-000000000001",
        "principalId": DEVELOPER,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{READER}",
        "description": "may look",
    }


def resource_group(engine: Engine, unique: str) -> dict[str, Any]:
    return {"resourceGroupName": f"rg-{unique}", "location": "eastus2", "tags": {"owner": "me"}}


GROUP = "azure-native:resources:ResourceGroup"
STORAGE = "azure-native:storage:StorageAccount"
VAULT = "azure-native:keyvault:Vault"
AI_SERVICES = "azure-native:cognitiveservices:Account"
WORKSPACE = "azure-native:machinelearningservices:Workspace"
CONNECTION = "azure-native:machinelearningservices:WorkspaceConnection"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"


@dataclass(frozen=True, slots=True)
class Case:
    """One type: how to describe one, what to change in place, and what only Azure knows."""

    token: str
    inputs: Callable[[Engine, str], dict[str, Any]]
    change: dict[str, Any]
    computed: Callable[[dict[str, Any]], Any]


TAGS = {"tags": {"owner": "data"}}
CASES = {
    "group": Case(GROUP, resource_group, TAGS, lambda o: o["properties"]["provisioningState"]),
    "storage": Case(STORAGE, storage, TAGS, lambda o: o["primaryEndpoints"]["blob"]),
    "vault": Case(VAULT, vault, TAGS, lambda o: o["properties"]["vaultUri"]),
    "ai-services": Case(AI_SERVICES, ai_services, TAGS, lambda o: o["properties"]["endpoint"]),
    "hub": Case(WORKSPACE, hub, {"friendlyName": "x"}, lambda o: o["identity"]["principalId"]),
    "project": Case(WORKSPACE, project, TAGS, lambda o: o["workspaceId"]),
    "connection": Case(
        CONNECTION, connection, {"properties": {"isSharedToAll": False}}, lambda o: o["type"]
    ),
    "assignment": Case(ASSIGNMENT, assignment, {"description": "reads"}, lambda o: o["createdOn"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_resource_lives_from_create_to_delete(
    engine: Engine, group: Made, unique: str, name: str
) -> None:
    case = CASES[name]
    made = engine.create(case.token, case.inputs(engine, unique))
    assert made.outputs["azureApiVersion"]
    assert case.computed(made.outputs)

    read = engine.read(made)
    assert read.id == made.id
    assert from_struct(read.properties) == made.outputs
    assert from_struct(read.inputs) == made.inputs, "reading it back is no drift"
    assert engine.diff(made, made.inputs).changes == provider_pb2.DiffResponse.DIFF_NONE

    news = _merged(made.inputs, case.change)
    difference = engine.diff(made, news)
    assert difference.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not difference.replaces
    updated = engine.update(made, news)
    assert from_struct(engine.read(updated).inputs) == news

    drifted = from_struct(engine.read(made).inputs)
    assert drifted == news, "what changed since is seen as drift"

    engine.delete(updated)
    assert engine.read(updated).id == ""
    engine.delete(updated)  # gone already: a success


def test_what_is_there_already_is_not_taken_over(engine: Engine, group: Made) -> None:
    with pytest.raises(AbortedError, match="cannot create already existing resource") as error:
        engine.create(GROUP, group.inputs)
    assert group.id in str(error.value)


def test_a_resource_can_be_imported_by_its_id_alone(
    engine: Engine, group: Made, unique: str
) -> None:
    made = engine.create(STORAGE, storage(engine, unique))
    answer = engine.read(Made(made.urn, made.id, {}, {}))
    imported = from_struct(answer.inputs)
    assert made.inputs.items() <= {**imported, "sku": made.inputs["sku"]}.items()
    difference = engine.diff(Made(made.urn, made.id, imported, {}), imported)
    assert difference.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_azures_refusal_is_told_in_azures_words(engine: Engine, unique: str) -> None:
    with pytest.raises(AbortedError, match='Status=404 Code="ResourceGroupNotFound"'):
        engine.create(STORAGE, storage(engine, unique))


def test_who_is_signed_in_comes_from_the_token(engine: Engine) -> None:
    request = provider_pb2.InvokeRequest(tok="azure-native:authorization:getClientConfig")
    answer = engine.provider.Invoke(request, Context())
    assert from_struct(getattr(answer, "return")) == {
        "clientId": "e0e0e0e0-0000-4000-8000-000000000010",
        "objectId": "e0e0e0e0-0000-4000-8000-000000000011",
        "subscriptionId": engine.subscription,
        "tenantId": TENANT,
    }


def _merged(inputs: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    if "properties" in change:
        return {**inputs, "properties": {**inputs["properties"], **change["properties"]}}
    return {**inputs, **change}
