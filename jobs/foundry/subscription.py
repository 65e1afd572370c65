"""What the subscription allows: registered providers, the caller's rights, quota."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.foundry.answers import Json, text
from jobs.foundry.credential import caller
from jobs.foundry.session import Session

_PROVIDERS_API = "2021-04-01"
_PERMISSIONS_API = "2022-04-01"
_ROLES_API = "2022-04-01"
_USAGES_API = "2024-10-01"


_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
ACTIONS = {
    "submit jobs": (f"{_WORKSPACES}/jobs/write", f"{_WORKSPACES}/data/versions/write"),
    "create endpoints": (
        f"{_WORKSPACES}/serverlessEndpoints/write",
        f"{_WORKSPACES}/serverlessEndpoints/listKeys/action",
        f"{_WORKSPACES}/serverlessEndpoints/delete",
        f"{_WORKSPACES}/connections/write",
    ),
}
"""What applying takes, in words and in Azure's actions."""

ONLINE_ACTIONS = {
    "deploy online endpoints": (
        f"{_WORKSPACES}/onlineEndpoints/write",
        f"{_WORKSPACES}/onlineEndpoints/delete",
        f"{_WORKSPACES}/onlineEndpoints/listKeys/action",
        f"{_WORKSPACES}/onlineEndpoints/deployments/write",
        f"{_WORKSPACES}/onlineEndpoints/deployments/delete",
    ),
}
"""The same of documents that are served by managed online endpoints."""

SENT_ACTIONS = {
    "code": f"{_WORKSPACES}/codes/versions/write",
    "environment": f"{_WORKSPACES}/environments/versions/write",
}
"""What it takes besides to send a job's script, or a deployment's, with its environment."""

TAKES = {
    "submit jobs": ("Azure AI Developer", "tunes"),
    "create endpoints": ("Azure AI Developer", "serves"),
    "deploy online endpoints": ("Azure AI Developer", "serves"),
    "read and write blobs": ("Storage Blob Data Contributor", "tunes"),
}
"""The built-in role that gives it, and the part of the stack's `access` that gives no more."""

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
BLOB_ACTIONS = (f"{_BLOBS}/read", f"{_BLOBS}/write")
"""The data actions of uploading training data, and of keeping answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the caller may do in a scope, as Azure's role assignments add up."""

    grants: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Pairs of actions and what each grant takes away again."""
    data_grants: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    """The same of data actions."""

    def allow(self, action: str, *, data: bool = False) -> bool:
        """Whether at least one grant allows the action and doesn't exclude it."""
        return any(
            _matches(action, actions) and not _matches(action, excluded)
            for actions, excluded in (self.data_grants if data else self.grants)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role that somebody has, themselves or through a group."""

    role: str
    """Its name: `Azure AI Developer`."""
    scope: str
    """The ARM id on which it was assigned."""
    group: str
    """The object id of the group that it comes through; empty where it is their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One quota line."""

    name: str
    used: int
    limit: int


def registration_state(session: Session, namespace: str) -> str:
    """The state in Azure's word: `Registered`, `Registering`, `NotRegistered`."""
    path = f"/subscriptions/{session.target.subscription_id}/providers/{namespace}"
    found = session.arm.get(path, _PROVIDERS_API, f"read provider '{namespace}'")
    return str(found.get("registrationState") or "Unknown")


def permissions(session: Session, scope: str) -> Permissions:
    """The caller's control-plane rights in a scope."""
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    items = session.arm.list(path, _PERMISSIONS_API, "read your permissions")
    return Permissions(
        grants=tuple(
            (tuple(item.get("actions") or ()), tuple(item.get("notActions") or ()))
            for item in items
        ),
        data_grants=tuple(
            (tuple(item.get("dataActions") or ()), tuple(item.get("notDataActions") or ()))
            for item in items
        ),
    )


def how_to_grant(session: Session, words: str, scope: str) -> str:
    """What gives the caller a right of `TAKES` on a scope: the stack's way, and az's."""
    role, part_of_access = TAKES[words]
    who = caller(session.arm.credential)
    assignee = f"--assignee-object-id {who.object_id or '<your object id>'}"
    if who.principal_type:
        assignee += f" --assignee-principal-type {who.principal_type}"
    return (
        f"It takes '{role}' on {scope}. Ask the platform team: either you join the stack's "
        f"`developers`, or `{part_of_access}` of its `access`, and pulumi up; or "
        f"az role assignment create {assignee} --role '{role}' --scope {scope}"
    )


def group_id(session: Session) -> str:
    """The ARM id of the resource group that the project is in."""
    target = session.target
    return f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"


def grants(session: Session, scope: str) -> list[Grant]:
    """The caller's roles in a scope, assigned there or above it, with those of their groups."""
    who = caller(session.arm.credential).object_id
    if not who:
        return []
    provider = f"{scope}/providers/Microsoft.Authorization"
    # assignedTo follows groups, and groups in groups (Microsoft: role-assignments-list-rest).
    wanted = {"$filter": f"atScope() and assignedTo('{who}')"}
    doing = "read your roles"
    found = session.arm.list(f"{provider}/roleAssignments", _ROLES_API, doing, **wanted)
    names: dict[str, str] = {}
    granted: list[Grant] = []
    for item in found:
        role = text(item, "properties", "roleDefinitionId").rpartition("/")[2]
        if role not in names:
            shown = session.arm.find(f"{provider}/roleDefinitions/{role}", _ROLES_API, doing)
            names[role] = text(shown or {}, "properties", "roleName") or role
        principal = text(item, "properties", "principalId")
        granted.append(
            Grant(
                role=names[role],
                scope=text(item, "properties", "scope"),
                group="" if principal.casefold() == who.casefold() else principal,
            )
        )
    return granted


def usages(session: Session, location: str) -> list[Usage]:
    """Azure Machine Learning's quota lines in a region."""
    path = (
        f"/subscriptions/{session.target.subscription_id}/providers"
        f"/Microsoft.MachineLearningServices/locations/{location}/usages"
    )
    return [_usage(item) for item in session.arm.list(path, _USAGES_API, "read the quota")]


def _usage(item: Json) -> Usage:
    return Usage(
        name=text(item, "name", "value") or text(item, "name") or text(item, "id"),
        used=int(item.get("currentValue") or 0),
        limit=int(item.get("limit") or 0),
    )


def _matches(action: str, patterns: Sequence[str]) -> bool:
    wanted = action.casefold()
    return any(fnmatch.fnmatchcase(wanted, pattern.casefold()) for pattern in patterns)
