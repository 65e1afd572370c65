"""A workspace's properties as the service shows them, at an api-version.

Their names are those of a recorded hub (Azure/azure-sdk-assets, test_hub_create_update_and_delete,
2023-08-01-preview); what stands for something that is not here is empty.
"""

from emulator.state.clock import isoformat
from emulator.state.json_text import Json
from emulator.state.store import Resource

ISOLATION = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")
"""The modes of a managed network, each stricter than the one before."""

_NONE_YET: Json = {
    "provisioningState": "NotStarted",
    "resourceId": None,
    "endpoint": None,
    "failureReason": None,
}
_OF_A_HUB: Json = {
    "azureOpenAI": _NONE_YET | {"proxyResourceId": None, "deployedModels": []},
    "azureCognitiveSearch": _NONE_YET,
    "azureAIContentSafety": _NONE_YET,
    "endpointResources": {},
    "aiServicesResource": None,
    "workspaceHubConfig": {},
}
_OF_ALL: Json = {
    "applicationInsights": None,
    "imageBuildCompute": None,
    "softDeleteEnabled": False,
    "notebookInfo": {
        "resourceId": None,
        "fqdn": None,
        "isPrivateLinkEnabled": False,
        "notebookPreparationError": None,
    },
    "linkedModelInventoryArmId": None,
    "privateLinkCount": 0,
    "ipAllowlist": [],
    "serverlessComputeSettings": {
        "serverlessComputeCustomSubnet": None,
        "serverlessComputeNoPublicIP": False,
    },
    "EnableSoftwareBillOfMaterials": False,
    "sdkTelemetryAppInsightsKey": None,
    "sasGetterUri": "",
}


_SWITCHES = (
    "allowRoleAssignmentOnRG", "enableDataIsolation", "hbiWorkspace", "softDeleteEnabled",
    "v1LegacyMode",
)  # fmt: skip
_TEXTS = ("description", "friendlyName")
# Written by azure-ai-ml's template, and shown by no recorded hub.
_NOT_SHOWN = ("provisionNetworkNow", "existingWorkspaces", "featureStoreSettings")


def plain(properties: Json) -> Json:
    """What a workspace was written with, as it is kept: a template's "false" is a false.

    What is empty says nothing: no "" but for a text's, no encryption that is off.
    """
    kept = {
        name: value
        for name, value in properties.items()
        if (value != "" or name in _TEXTS) and name not in _NOT_SHOWN
    }
    for name in _SWITCHES:
        if isinstance(kept.get(name), str):
            kept[name] = str(kept[name]).lower() == "true"
    encryption = kept.get("encryption")
    if isinstance(encryption, dict) and encryption.get("status") == "Disabled":  # pyright: ignore[reportUnknownMemberType]
        del kept["encryption"]
    return kept


def complete(workspace: Resource) -> Json:
    """Every property of a hub or a project, those that it says and those that it has anyway."""
    is_hub = str(workspace.body.get("kind")).lower() == "hub"
    shown = (
        _OF_ALL | (_OF_A_HUB if is_hub else {}) | {"creationTime": isoformat(workspace.created_at)}
    )
    shown |= {name: value for name, value in workspace.properties.items() if value is not None}
    if is_hub:
        shown["managedNetwork"] = _network(workspace.properties.get("managedNetwork") or {})
    return shown


def at_version(properties: Json, api_version: str) -> Json:
    """Without what a version doesn't know.

    `systemDatastoresAuthMode` came with the previews of 2024 and is in no stable version before
    2025: a recorded 2023-08-01-preview has none, nor have the schemas of 2024-04-01 and 2024-10-01.
    """
    first = "2024-01-01" if api_version.lower().endswith("-preview") else "2025-01-01"
    if api_version >= first:
        return properties
    return {name: value for name, value in properties.items() if name != "systemDatastoresAuthMode"}


def _network(network: Json) -> Json:
    mode = str(network.get("isolationMode") or ISOLATION[0])
    stricter = ISOLATION[ISOLATION.index(mode) + 1 :]
    return {"isolationMode": mode, "changeableIsolationModes": list(stricter)} | network
