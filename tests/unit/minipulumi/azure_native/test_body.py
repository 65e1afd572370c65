"""Between the program's inputs, ARM's JSON and azure-native's outputs nothing is lost."""

from typing import Any

from minipulumi.azure_native.body import inputs_from, outputs, preview, request_body
from minipulumi.azure_native.resource_types import find
from minipulumi.values import SECRET, SIGNATURE, UNKNOWN

STORAGE = find("azure-native:storage:StorageAccount")
HUB = find("azure-native:machinelearningservices:Workspace")
CONNECTION = find("azure-native:machinelearningservices:WorkspaceConnection")
ASSIGNMENT = find("azure-native:authorization:RoleAssignment")

ACCOUNT: dict[str, Any] = {
    "accountName": "stfoundrydev",
    "resourceGroupName": "rg-foundry-dev",
    "location": "eastus2",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
    "tags": {"owner": "platform"},
    "enableHttpsTrafficOnly": True,
    "allowBlobPublicAccess": False,
    "networkRuleSet": {"defaultAction": "Deny"},
}
ANSWER: dict[str, Any] = {
    "id": "/subscriptions/s/resourceGroups/rg-foundry-dev/providers/Microsoft.Storage"
    "/storageAccounts/stfoundrydev",
    "name": "stfoundrydev",
    "type": "Microsoft.Storage/storageAccounts",
    "location": "eastus2",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS", "tier": "Standard"},
    "tags": {"owner": "platform"},
    "properties": {
        "supportsHttpsTrafficOnly": True,
        "allowBlobPublicAccess": False,
        "networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"},
        "primaryEndpoints": {"blob": "https://stfoundrydev.blob.core.windows.net/"},
        "provisioningState": "Succeeded",
        "customDomain": None,
    },
}


def test_a_flattened_type_goes_out_under_properties_with_arms_names() -> None:
    assert request_body(STORAGE, ACCOUNT) == {
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"owner": "platform"},
        "properties": {
            "supportsHttpsTrafficOnly": True,
            "allowBlobPublicAccess": False,
            "networkAcls": {"defaultAction": "Deny"},
        },
    }


def test_a_secret_goes_out_as_what_it_is() -> None:
    properties = {
        "authType": "ApiKey",
        "credentials": {"key": {SIGNATURE: SECRET, "value": "hush"}},
    }
    body = request_body(CONNECTION, {"connectionName": "c", "properties": properties})
    assert body == {"properties": {"authType": "ApiKey", "credentials": {"key": "hush"}}}


def test_arms_answer_comes_back_in_azure_natives_shape() -> None:
    assert outputs(STORAGE, ANSWER) == {
        "name": "stfoundrydev",
        "type": "Microsoft.Storage/storageAccounts",
        "azureApiVersion": "2024-01-01",
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "tags": {"owner": "platform"},
        "enableHttpsTrafficOnly": True,
        "allowBlobPublicAccess": False,
        "networkRuleSet": {"defaultAction": "Deny", "bypass": "AzureServices"},
        "primaryEndpoints": {"blob": "https://stfoundrydev.blob.core.windows.net/"},
        "provisioningState": "Succeeded",
    }


def test_a_preview_of_a_new_resource_knows_what_the_program_said() -> None:
    told = preview(STORAGE, ACCOUNT)
    assert told["name"] == UNKNOWN, "as azure-native: who reads it waits for Azure"
    assert told["enableHttpsTrafficOnly"] is True
    assert told["primaryEndpoints"] == UNKNOWN
    assert "accountName" not in told


def test_a_preview_leaves_the_principal_of_an_identity_unknown() -> None:
    hub = {"workspaceName": "hub", "identity": {"type": "SystemAssigned"}}
    told = preview(HUB, hub)
    assert told["identity"] == {
        "type": "SystemAssigned",
        "principalId": UNKNOWN,
        "tenantId": UNKNOWN,
    }
    assert "identity" not in preview(HUB, {"workspaceName": "hub"})


def test_a_preview_of_an_update_keeps_what_only_azure_knows() -> None:
    before = outputs(STORAGE, ANSWER)
    told = preview(STORAGE, {**ACCOUNT, "tags": {"owner": "data"}}, before)
    assert told["tags"] == {"owner": "data"}
    assert told["primaryEndpoints"] == before["primaryEndpoints"]
    assert UNKNOWN not in told.values()


def test_an_unchanged_resource_reads_back_as_the_program_wrote_it() -> None:
    before = outputs(STORAGE, ANSWER)
    assert inputs_from(STORAGE, ACCOUNT, before, before) == ACCOUNT


def test_drift_shows_in_the_inputs_and_nothing_else_does() -> None:
    before = outputs(STORAGE, ANSWER)
    now: dict[str, Any] = {**before, "allowBlobPublicAccess": True, "tags": dict[str, str]()}
    now["networkRuleSet"] = {"defaultAction": "Allow", "bypass": "AzureServices"}
    del now["enableHttpsTrafficOnly"]
    found = inputs_from(STORAGE, ACCOUNT, before, now)
    expected: dict[str, Any] = {**ACCOUNT, "allowBlobPublicAccess": True, "tags": dict[str, str]()}
    expected["networkRuleSet"] = {"defaultAction": "Allow"}
    del expected["enableHttpsTrafficOnly"]
    assert found == expected


def test_a_property_that_the_program_left_alone_shows_when_it_drifts() -> None:
    before = {**outputs(STORAGE, ANSWER), "publicNetworkAccess": "Enabled"}
    found = inputs_from(STORAGE, ACCOUNT, before, {**before, "publicNetworkAccess": "Disabled"})
    assert found == {**ACCOUNT, "publicNetworkAccess": "Disabled"}


def test_what_azure_never_answers_is_no_drift() -> None:
    properties = {"authType": "ApiKey", "credentials": {"key": "hush"}, "target": "https://x"}
    inputs = {"connectionName": "c", "workspaceName": "w", "properties": properties}
    now = {"name": "c", "properties": {"authType": "ApiKey", "target": "https://x"}}
    assert inputs_from(CONNECTION, inputs, now, now) == inputs


def test_an_imported_resource_has_inputs_from_azure_alone() -> None:
    found = inputs_from(STORAGE, {"accountName": "stfoundrydev"}, {}, outputs(STORAGE, ANSWER))
    assert found == {
        "accountName": "stfoundrydev",
        "location": "eastus2",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"owner": "platform"},
        "enableHttpsTrafficOnly": True,
        "allowBlobPublicAccess": False,
        "networkRuleSet": {"defaultAction": "Deny", "bypass": "AzureServices"},
    }


def test_a_role_assignment_answers_its_scope() -> None:
    inputs = {
        "scope": "/subscriptions/s",
        "roleAssignmentName": "g",
        "principalId": "p",
        "roleDefinitionId": "r",
    }
    assert request_body(ASSIGNMENT, inputs) == {
        "properties": {"principalId": "p", "roleDefinitionId": "r"}
    }
    assert preview(ASSIGNMENT, inputs)["scope"] == "/subscriptions/s"


def test_a_role_definition_has_a_type_on_both_levels() -> None:
    role = find("azure-native:authorization:RoleDefinition")
    answer: dict[str, Any] = {
        "id": "/x",
        "name": "guid",
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {"roleName": "r", "type": "CustomRole", "permissions": [{"actions": ["a"]}]},
    }
    answered = outputs(role, answer)
    assert answered["type"] == "Microsoft.Authorization/roleDefinitions"
    assert answered["roleType"] == "CustomRole"
    sent = request_body(role, {"roleType": "CustomRole", "permissions": [{"actions": ["a"]}]})
    assert sent == {"properties": {"type": "CustomRole", "permissions": [{"actions": ["a"]}]}}
