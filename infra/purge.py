"""Empties Azure's bin after a destroy: a resource that does nothing until it is deleted.

Azure keeps a deleted vault, AI Services account and workspace for days, and their names taken, so
an environment that is destroyed could not be made again. azure-native can't purge. What is to be
purged depends on its `PurgeOnDestroy`, so that Pulumi deletes the thing first and this right after.
"""

import time
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from infra import arm

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

PATIENCE_SECONDS = 600.0


class PurgeOnDestroy(Resource):
    """The purge of one deleted resource, for when its time has come."""

    def __init__(
        self, name: str, request: dict[str, str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(PurgeProvider(), name, dict(request), opts)


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
        """Another name or place is another purge."""
        moved = [key for key in ("method", "path") if _olds.get(key) != _news.get(key)]
        changed = bool(moved) or _olds.get("api_version") != _news.get("api_version")
        return DiffResult(changes=changed, replaces=moved, delete_before_replace=False)

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
            living = arm.send("GET", path, params)
            if living.status_code == 200:
                return
            if living.status_code != 404:
                raise arm.refusal(living, f"GET {path}")
            params["forceToPurge"] = "true"
        response = arm.send(method, path, params)
        if response.status_code in (404, 410):
            return
        if response.status_code >= 400:
            raise arm.refusal(response, f"{method} {path}")
        _wait(response, f"{method} {path}")


def _wait(response: "HttpResponse", what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.2
    while response.status_code == 202 and (address := response.headers.get("Location")):
        if time.monotonic() > deadline:
            raise arm.ArmError(f"{what} isn't done after {PATIENCE_SECONDS:.0f} s. Run it again.")
        time.sleep(pause)
        pause = min(pause * 2, 10.0)
        response = arm.send("GET", address, {})
        if response.status_code >= 400 and response.status_code != 404:
            raise arm.refusal(response, what)
