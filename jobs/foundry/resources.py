"""Everything of a resource group in full, as ARM shows it, with who has roles on it."""

from collections.abc import Iterator
from functools import partial

from jobs.errors import AccessDeniedError
from jobs.foundry.answers import Json, text
from jobs.foundry.session import API_VERSION, Session
from jobs.side_by_side import Pool

_LIST_API = "2021-04-01"
_ROLES_API = "2022-04-01"
_STORAGE_API = "2023-05-01"
_APIS = {
    "microsoft.storage/storageaccounts": _STORAGE_API,
    "microsoft.keyvault/vaults": "2023-07-01",
    "microsoft.cognitiveservices/accounts": "2024-10-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.machinelearningservices/workspaces": API_VERSION,
}
"""The types of which more is asked than what a list of everything shows."""


def everything(session: Session) -> list[Json]:
    """The group, its resources, the containers of its storage, endpoints, and role assignments.

    Raises:
        AccessDeniedError: Some of it may not be read: what can't be seen isn't passed off as fine.
    """
    try:
        return _everything(session)
    except AccessDeniedError as error:
        raise AccessDeniedError(
            error.message,
            next_step="It takes the role 'Reader' on the resource group: `access: {reads: …}` in "
            "the stack's configuration gives it.",
        ) from error


def _everything(session: Session) -> list[Json]:
    group = session.resource_group_id
    found = session.arm.get(group, _LIST_API, "read the resource group")
    path = f"{group}/resources"
    listed = list(session.arm.list(path, _LIST_API, "list the resources of the group"))
    with Pool(8) as pool:
        full = list(pool.map(partial(_in_full, session), listed))
        below = pool.map(partial(_below, session), full)
        assigned = pool.submit(lambda: list(_assignments(session, group)))
        inner = [one for some in below for one in some]
    return [
        {**found, "type": "Microsoft.Resources/resourceGroups"},
        *full,
        *inner,
        *assigned.result(),
    ]


def _in_full(session: Session, listed: Json) -> Json:
    api = _APIS.get(text(listed, "type").casefold())
    id = text(listed, "id")
    return session.arm.get(id, api, f"read {id}") if api else listed


def _below(session: Session, resource: Json) -> list[Json]:
    id, type = text(resource, "id"), text(resource, "type").casefold()
    if type == "microsoft.storage/storageaccounts":
        path = f"{id}/blobServices/default/containers"
        return list(session.arm.list(path, _STORAGE_API, f"list the containers of {id}"))
    is_project = text(resource, "kind").casefold() == "project"
    if type == "microsoft.machinelearningservices/workspaces" and is_project:
        return [
            endpoint
            for kind in ("serverlessEndpoints", "onlineEndpoints")
            for endpoint in session.arm.list(
                f"{id}/{kind}", API_VERSION, f"list the endpoints of {id}"
            )
        ]
    return []


def _assignments(session: Session, group: str) -> Iterator[Json]:
    """Those on the group, below it, and above it as far as they reach it."""
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments"
    return session.arm.list(path, _ROLES_API, "list the role assignments of the group")
