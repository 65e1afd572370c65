"""Empties Azure's bin after a destroy: a resource that does nothing until it is deleted.

Azure keeps a deleted vault, AI Services account and workspace for days, and their names taken, so
an environment that is destroyed could not be made again. azure-native can't purge. What is to be
purged depends on its `PurgeOnDestroy`, and that one on the group: Pulumi deletes the thing, then
this, then the group, without which Azure can't be asked for what was deleted in it. The group is
one of its properties, since a replacement of the group takes along only what has it in one.
"""

from typing import Any

import pulumi
from azure.core.rest import HttpResponse
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from infra import arm

# A 404 with one of these says nothing of the thing itself: it may well be in the bin.
MISSING_PARENTS = ("ResourceGroupNotFound", "SubscriptionNotFound", "ParentResourceNotFound")


class PurgeOnDestroy(Resource):
    """The purge of one deleted resource, for when its time has come."""

    def __init__(
        self,
        name: str,
        request: dict[str, str],
        resource_group: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(PurgeProvider(), name, {**request, "resource_group": resource_group}, opts)


def vault(subscription_id: str, location: str, name: str) -> dict[str, str]:
    """The request that purges a deleted key vault."""
    return {
        "method": "POST",
        "path": f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault"
        f"/locations/{location}/deletedVaults/{name}/purge",
        "api_version": "2024-11-01",
    }


def ai_services(subscription_id: str, location: str, group: str, name: str) -> dict[str, str]:
    """The request that purges a deleted AI Services account."""
    return {
        "method": "DELETE",
        "path": f"/subscriptions/{subscription_id}/providers/Microsoft.CognitiveServices"
        f"/locations/{location}/resourceGroups/{group}/deletedAccounts/{name}",
        "api_version": "2025-06-01",
    }


def workspace(subscription_id: str, group: str, name: str) -> dict[str, str]:
    """The request that purges a deleted hub or project."""
    return {
        "method": "DELETE",
        "path": f"/subscriptions/{subscription_id}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{name}",
        "api_version": "2025-12-01",
        # This path is the living workspace's as well: see PurgeProvider.delete.
        "force_to_purge": "true",
    }


class PurgeProvider(ResourceProvider):
    """What Pulumi calls; only deleting reaches Azure."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another name or place is another purge, and so is one in a group that is replaced."""
        keys = ("method", "path", "api_version", "resource_group")
        changed = [key for key in keys if _olds.get(key) != _news.get(key)]
        # A state of before the group was one of the properties has none: it is only written down.
        moved = [key for key in changed if key != "api_version" and key in _olds]
        return DiffResult(changes=bool(changed), replaces=moved, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Remember what to purge."""
        return CreateResult(id_=f"{props['method']} {props['path']}", outs=dict(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Remember it anew."""
        return UpdateResult(dict(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Purge it; what isn't in the bin is fine, and what lives is left alone."""
        method, path = str(_props["method"]), str(_props["path"])
        params = {"api-version": str(_props["api_version"])}
        if _props.get("force_to_purge"):
            if _lives(path, params):
                return
            params["forceToPurge"] = "true"
        what = f"{method} {path}"
        response = arm.send(method, path, params)
        if _is_missing(response, what):
            return
        if response.status_code >= 400:
            raise arm.refusal(response, what)
        arm.wait(response, what)


def _lives(path: str, params: dict[str, str]) -> bool:
    what = f"GET {path}"
    response = arm.send("GET", path, params)
    if _is_missing(response, what):
        return False
    if response.status_code != 200:
        raise arm.refusal(response, what)
    arm.body(response, what)
    return True


def _is_missing(response: HttpResponse, what: str) -> bool:
    """Whether Azure says that there is no such thing; that its group is gone says no such thing."""
    if response.status_code not in (404, 410):
        return False
    if arm.code(response) in MISSING_PARENTS:
        raise arm.ArmError(
            f"{arm.refusal(response, what)} What was deleted in it may still be in the bin and "
            "keep its name. Make the group again (az group create), then run this again: it "
            "purges, and deletes the group."
        )
    return True
