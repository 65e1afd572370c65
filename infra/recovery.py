"""Brings back what Azure keeps in its bin under the stack's names, instead of making it anew.

A vault and an AI Services account are recovered by the PUT that makes them, which azure-native can
say. A hub or project is too (`allowRecoverSoftDeletedWorkspace`, Microsoft.MachineLearningServices
2022-01-01-preview), but azure-native has no word for it and takes over nothing that lives. So
`Recovery` sends that PUT, and the program then imports what is there.

Azure lists deleted vaults and accounts, but no workspaces: to one that isn't in the bin either, the
same PUT is what makes it.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider

from infra import arm

VAULTS = "2024-11-01"
ACCOUNTS = "2025-06-01"
WORKSPACES = "2025-12-01"

# What azure-native may find of a workspace beside what the program says of it: never a change.
_UNSAID = (
    "allowPublicAccessWhenBehindVnet", "applicationInsights", "associatedWorkspaces",
    "containerRegistry", "description", "discoveryUrl", "enableDataIsolation",
    "enableServiceSideCMKEncryption", "encryption", "featureStoreSettings", "hbiWorkspace",
    "hubResourceId", "imageBuildCompute", "keyVault", "managedNetwork",
    "primaryUserAssignedIdentity", "provisionNetworkNow", "publicNetworkAccess",
    "serverlessComputeSettings", "serviceManagedResourcesSettings", "sharedPrivateLinkResources",
    "storageAccount", "systemDatastoresAuthMode", "v1LegacyMode", "workspaceHubConfig",
)  # fmt: skip
# And what it may find written in another way, which is settled by the next `pulumi up`.
_SAID = (
    "friendlyName", "identity", "kind", "location", "resourceGroupName", "sku", "tags",
    "workspaceName",
)  # fmt: skip


class Recovery(Resource):
    """A hub or project that lives once this is made: recovered, or made if it wasn't in the bin."""

    def __init__(
        self,
        name: str,
        path: str,
        body: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RecoveryProvider(), name, {"path": path, "body": dict(body)}, opts)


def vault_is_deleted(subscription_id: str, location: str, name: str) -> bool:
    """Whether a vault of this name waits in the bin."""
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault"
    return _is_there(f"{path}/locations/{location}/deletedVaults/{name}", VAULTS)


def account_is_deleted(subscription_id: str, location: str, group: str, name: str) -> bool:
    """Whether an AI Services account of this name waits in the bin."""
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.CognitiveServices"
    place = f"{path}/locations/{location}/resourceGroups/{group}"
    return _is_there(f"{place}/deletedAccounts/{name}", ACCOUNTS)


def workspace_lives(path: str) -> bool:
    """Whether there is a workspace at the ARM `path`."""
    return _is_there(path, WORKSPACES)


def ignored(body: Mapping[str, Any], *, adopting: bool) -> list[str]:
    """The properties of a workspace in which a difference is none, or none while it is adopted."""
    unsaid = [name for name in _UNSAID if name not in body["properties"]]
    return sorted([*_UNSAID, *_SAID] if adopting else unsaid)


def _is_there(path: str, api_version: str) -> bool:
    """Asks while the program runs, where an error is told without a traceback."""
    try:
        return _get(path, api_version) is not None
    except arm.ArmError as error:
        raise pulumi.RunError(str(error)) from error


def _get(path: str, api_version: str) -> dict[str, Any] | None:
    response = arm.send("GET", path, {"api-version": api_version})
    if response.status_code == 404:
        return None
    if response.status_code != 200:
        raise arm.refusal(response, f"GET {path}")
    return arm.body(response, f"GET {path}")


class RecoveryProvider(ResourceProvider):
    """What Pulumi calls; only creating changes anything, and what it has made is another's."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another workspace is another recovery; what is asked of it later is not its matter."""
        moved = _olds.get("path") != _news.get("path")
        return DiffResult(changes=moved, replaces=["path"] if moved else [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Recover the workspace, and wait until it is whole."""
        path, body = str(props["path"]), props["body"]
        if _get(path, WORKSPACES) is None:
            properties = {**body["properties"], "allowRecoverSoftDeletedWorkspace": "True"}
            params = {"api-version": WORKSPACES}
            response = arm.send("PUT", path, params, {**body, "properties": properties})
            if response.status_code >= 400:
                raise arm.refusal(response, f"PUT {path}")
            arm.wait(response, f"PUT {path}")
        made = _get(path, WORKSPACES) or {}
        state = made.get("properties", {}).get("provisioningState")
        if state != "Succeeded":
            raise arm.ArmError(f"{path} was recovered, and ended as {state}. Look at it in Azure.")
        return CreateResult(id_=path, outs={"path": path})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A refresh: what is gone again has to be recovered again."""
        gone = _get(id_, WORKSPACES) is None
        return ReadResult(None if gone else id_, dict(props))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """The workspace is deleted by the one that has adopted it."""
