"""Hubs and projects through ARM, as Pulumi's provider writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry, MakeFoundry

WORKSPACES = "providers/Microsoft.MachineLearningServices/workspaces"


def project_body(foundry: Foundry, **properties: Any) -> dict[str, Any]:
    return {
        "location": "eastus2",
        "kind": "project",
        "identity": {"type": "SystemAssigned"},
        "properties": {"hubResourceId": foundry.hub, **properties},
    }


def test_a_project_shows_its_hubs_dependencies_and_its_own_identity(foundry: Foundry) -> None:
    project = foundry.developer.ok("GET", foundry.project)
    properties = project["properties"]
    assert project["kind"] == "Project"
    assert project["identity"]["principalId"]
    assert properties["storageAccount"] == foundry.storage
    assert properties["provisioningState"] == "Succeeded"
    assert properties["discoveryUrl"] == "https://eastus2.api.azureml.ms/discovery"
    assert len(properties["workspaceId"]) == 36
    assert foundry.project in properties["mlFlowTrackingUri"]
    hub = foundry.platform.ok("GET", foundry.hub)
    assert hub["kind"] == "Hub"
    assert foundry.project in hub["properties"]["associatedWorkspaces"]


RECORDED = """
friendlyName description storageAccount keyVault applicationInsights hbiWorkspace tenantId
imageBuildCompute provisioningState managedNetwork v1LegacyMode softDeleteEnabled creationTime
notebookInfo storageHnsEnabled workspaceId linkedModelInventoryArmId privateLinkCount
publicNetworkAccess ipAllowlist discoveryUrl mlFlowTrackingUri serverlessComputeSettings
EnableSoftwareBillOfMaterials sdkTelemetryAppInsightsKey sasGetterUri enableDataIsolation
azureOpenAI azureCognitiveSearch azureAIContentSafety workspaceHubConfig endpointResources
aiServicesResource
"""


def test_a_hub_shows_what_a_recorded_one_does_and_a_version_what_it_knows(foundry: Foundry) -> None:
    arm = foundry.platform
    then = arm.ok("GET", foundry.hub, version="2023-08-01-preview")["properties"]
    assert set(RECORDED.split()) <= set(then)
    assert "systemDatastoresAuthMode" not in then
    assert (
        "systemDatastoresAuthMode"
        not in (arm.ok("GET", foundry.hub, version="2024-10-01")["properties"])
    )
    now = arm.ok("GET", foundry.hub, version="2024-10-01-preview")["properties"]
    assert now["systemDatastoresAuthMode"] == "identity"
    assert now["managedNetwork"]["changeableIsolationModes"] == [
        "AllowInternetOutbound",
        "AllowOnlyApprovedOutbound",
    ]
    arm.ok("PATCH", foundry.hub, {"properties": {"description": "Once", "imageBuildCompute": ""}})
    arm.ok("PATCH", foundry.hub, {"properties": {"description": ""}})
    assert arm.ok("GET", foundry.hub)["properties"]["description"] == "", "cleared, not kept"
    hubs = arm.ok("GET", f"{foundry.group_id}/{WORKSPACES}", kind="hub")["value"]
    assert [hub["id"] for hub in hubs] == [foundry.hub]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hubResourceId": None}, "needs a hubResourceId"),
        ({"hubResourceId": "/subscriptions/s/resourceGroups/g"}, "not an existing hub"),
        ({"storageAccount": "/subscriptions/s/resourceGroups/g"}, "from the hub"),
    ],
)
def test_what_a_project_may_not_say(foundry: Foundry, change: dict[str, Any], said: str) -> None:
    status, answer = foundry.platform(
        "PUT", f"{foundry.group_id}/{WORKSPACES}/other", project_body(foundry, **change)
    )
    assert status == 400
    assert said in answer["error"]["message"]


def test_a_hub_needs_dependencies_that_exist(foundry: Foundry) -> None:
    hub: dict[str, Any] = {"location": "eastus2", "kind": "Hub", "properties": {}}
    path = f"{foundry.group_id}/{WORKSPACES}/bare"
    status, answer = foundry.platform("PUT", path, hub)
    assert (status, answer["error"]["code"]) == (400, "ValidationError")
    hub["properties"] = {"storageAccount": f"{foundry.storage}x", "keyVault": foundry.storage}
    status, answer = foundry.platform("PUT", path, hub)
    assert status == 400
    assert "doesn't exist" in answer["error"]["message"]


def test_a_developer_may_use_a_project_but_not_make_one(foundry: Foundry) -> None:
    status, answer = foundry.developer(
        "PUT", f"{foundry.group_id}/{WORKSPACES}/mine", project_body(foundry)
    )
    assert (status, answer["error"]["code"]) == (403, "AuthorizationFailed")


def test_a_hub_with_projects_stays_until_they_are_gone(another_foundry: MakeFoundry) -> None:
    foundry = another_foundry()
    arm = foundry.platform
    status, answer = arm("DELETE", foundry.hub)
    assert status == 409
    assert foundry.project.rsplit("/", 1)[-1] in answer["error"]["message"]
    arm.wait("DELETE", foundry.project, forceToPurge="true")
    arm.wait("DELETE", foundry.hub, forceToPurge="true")
    assert arm("GET", foundry.hub)[0] == 404


def test_a_soft_deleted_name_is_taken_until_it_is_purged(
    another_foundry: MakeFoundry, emulator: Emulator
) -> None:
    foundry = another_foundry()
    arm = foundry.platform
    arm.wait("DELETE", foundry.project)
    status, answer = arm("PUT", foundry.project, project_body(foundry))
    assert status == 409
    assert "forceToPurge" in answer["error"]["message"]
    assert arm("DELETE", foundry.project, forceToPurge="true")[0] == 204
    assert arm.wait("PUT", foundry.project, project_body(foundry))["name"]


def test_a_soft_deleted_project_is_recovered_as_itself(another_foundry: MakeFoundry) -> None:
    foundry = another_foundry()
    arm = foundry.platform
    arm.wait("DELETE", foundry.project)
    body = project_body(foundry)
    body["properties"]["allowRecoverSoftDeletedWorkspace"] = "True"
    recovered = arm.wait("PUT", foundry.project, body)
    assert recovered["properties"]["workspaceId"] == foundry.project_guid
    assert "allowRecoverSoftDeletedWorkspace" not in recovered["properties"]
    arm.wait("DELETE", foundry.project, forceToPurge="true")
    made = arm.wait("PUT", foundry.project, body)
    assert made["properties"]["workspaceId"] != foundry.project_guid, "there was none to recover"


def test_the_default_datastores_are_there_with_their_containers(foundry: Foundry) -> None:
    listed = foundry.developer.ok("GET", f"{foundry.project}/datastores")["value"]
    stores = {store["name"]: store["properties"] for store in listed}
    blob = stores["workspaceblobstore"]
    assert blob["containerName"] == f"azureml-blobstore-{foundry.project_guid}"
    assert blob["isDefault"]
    assert blob["credentials"] == {"credentialsType": "None"}
    assert stores["workspaceartifactstore"]["containerName"] == "azureml"


def test_identity_datastores_have_no_secret_and_key_datastores_give_a_sas(
    foundry: Foundry, another_foundry: MakeFoundry
) -> None:
    path = "datastores/workspaceblobstore/listSecrets"
    status, answer = foundry.developer("POST", f"{foundry.project}/{path}", {})
    assert status == 400
    assert "credentials are of type None" in answer["error"]["message"]
    keyed = another_foundry(auth_mode="accesskey")
    secret = keyed.developer.ok(
        "POST", f"{keyed.project}/{path}", {"expirableSecret": True, "expireAfterHours": 1}
    )
    assert secret["secretsType"] == "Sas"
    assert "sig=" in secret["sasToken"]
    key = keyed.developer.ok("POST", f"{keyed.project}/{path}")
    assert key["secretsType"] == "AccountKey", "what the credential is, where nothing else is asked"
    assert len(key["key"]) == 88


def test_a_hub_that_turns_to_identities_takes_its_projects_along(
    another_foundry: MakeFoundry,
) -> None:
    foundry = another_foundry(auth_mode="accesskey")
    path = f"{foundry.project}/datastores/workspaceblobstore"
    before = foundry.developer.ok("GET", path)["properties"]
    assert before["credentials"] == {"credentialsType": "AccountKey"}
    hub = foundry.platform.ok("GET", foundry.hub)
    hub["properties"]["systemDatastoresAuthMode"] = "identity"
    foundry.platform.ok("PUT", foundry.hub, hub)
    after = foundry.developer.ok("GET", path)["properties"]
    assert after["credentials"] == {"credentialsType": "None"}
    assert after["containerName"] == before["containerName"]


def test_a_connections_secret_is_written_and_only_listsecrets_shows_it(foundry: Foundry) -> None:
    path = f"{foundry.hub}/connections/services"
    body = {
        "properties": {
            "category": "AIServices",
            "authType": "ApiKey",
            "target": "https://ai.cognitiveservices.azure.com",
            "credentials": {"key": "s3cret"},
            "isSharedToAll": True,
            "metadata": {"ApiType": "Azure", "ResourceId": foundry.hub},
        }
    }
    made = foundry.platform.ok("PUT", path, body, version="2024-04-01-preview")
    assert made["properties"]["credentials"] is None
    assert "s3cret" not in str(foundry.platform.ok("GET", path))
    shown = foundry.platform.ok("POST", f"{path}/listsecrets")
    assert shown["properties"]["credentials"] == {"key": "s3cret"}
    assert foundry.platform("DELETE", path)[0] == 200
    assert foundry.platform("DELETE", path)[0] == 204


def test_usages_say_that_there_is_no_managed_compute(foundry: Foundry) -> None:
    path = (
        f"/subscriptions/{foundry.subscription}/providers/Microsoft.MachineLearningServices"
        "/locations/eastus2/usages"
    )
    (usage,) = foundry.platform.ok("GET", path)["value"]
    assert (usage["currentValue"], usage["limit"]) == (0, 0)


def test_what_is_not_emulated_is_refused_by_name(foundry: Foundry) -> None:
    path = f"{foundry.project}/batchEndpoints/chat"
    status, answer = foundry.platform("PUT", path, {"location": "x"})
    assert status == 501
    assert "batchEndpoints" in answer["error"]["message"]
    steps = {"properties": {"jobType": "Pipeline"}}
    status, answer = foundry.developer("PUT", f"{foundry.project}/jobs/steps", steps)
    assert (status, answer["error"]["code"]) == (501, "NotEmulated")
