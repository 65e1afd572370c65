"""What the subscription allows: registered providers, the caller's rights, quota."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.foundry.answers import Json, text
from jobs.foundry.credential import object_id
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the caller may do in a scope, as Azure's role assignments add up."""

    grants: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Pairs of actions and what each grant takes away again."""

    def allow(self, action: str) -> bool:
        """Whether at least one grant allows the action and doesn't exclude it."""
        return any(
            _matches(action, actions) and not _matches(action, excluded)
            for actions, excluded in self.grants
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
        )
    )


def grants(session: Session, scope: str) -> list[Grant]:
    """The caller's roles in a scope, assigned there or above it, with those of their groups."""
    caller = object_id(session.arm.credential)
    if not caller:
        return []
    provider = f"{scope}/providers/Microsoft.Authorization"
    # assignedTo follows groups, and groups in groups (Microsoft: role-assignments-list-rest).
    wanted = {"$filter": f"atScope() and assignedTo('{caller}')"}
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
                group="" if principal.casefold() == caller.casefold() else principal,
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
