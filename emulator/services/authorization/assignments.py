"""Role assignments, at any scope, at api-version 2022-04-01."""

import re
import sqlite3
import uuid
from collections.abc import Iterator

from emulator.arm import filters
from emulator.arm.paging import Place, page
from emulator.arm.resources import require_resource
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.authorization.definitions import unknown_role
from emulator.state import conditions
from emulator.state.clock import isoformat
from emulator.state.errors import AzureError, not_emulated
from emulator.state.ids import parse_path
from emulator.state.json_text import Json, as_object, decode_json

API_VERSIONS = (
    "2015-07-01", "2018-01-01-preview", "2020-04-01-preview", "2020-10-01-preview", "2022-04-01",
)  # fmt: skip
TYPE = "Microsoft.Authorization/roleAssignments"


def put_assignment(request: Request) -> Response:
    """PUT: 201 when it is new, 200 when the very same one is written again."""
    cloud, access = request.cloud, request.cloud.access
    scope, name = _scope(request), request.parameters["name"]
    if scope:
        require_resource(cloud, parse_path(scope).id)
    if not _is_guid(name):
        raise AzureError(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
        )
    properties = as_object(request.json().get("properties"), "properties")
    role = _role(request, properties, scope)
    access.require_assigning(request.caller, f"{TYPE}/write", scope, role)
    principal_id = str(properties.get("principalId", "")).lower()
    kind = str(properties.get("principalType") or "")
    condition = _condition(properties)
    _check_principal(request, principal_id, kind)
    existing = _find(request, scope, name)
    if existing is not None and (existing["role"], existing["principal"]) != (role, principal_id):
        raise AzureError(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    twin = cloud.database.row(
        "SELECT * FROM role_assignments WHERE scope_key=? AND role=? AND principal=? AND key<>?",
        (scope.lower(), role, principal_id, _key(scope, name)),
    )
    if twin is not None:
        raise AzureError(
            409,
            "RoleAssignmentExists",
            "The role assignment already exists. The ID of the existing role assignment is "
            f"{twin['name'].replace('-', '')}.",
        )
    found = access.principal(principal_id)
    body: Json = {
        "roleDefinitionId": properties["roleDefinitionId"],
        "principalId": principal_id,
        "principalType": found.type if found else kind,
        "description": properties.get("description"),
        "condition": condition or None,
        "conditionVersion": properties.get("conditionVersion"),
    }
    if existing is None:
        access.assign(principal_id, role, scope, name=name, body=body, created_by=request.caller.id)
    else:
        # All that may differ here are the description and the condition.
        access.describe_assignment(_key(scope, name), body)
    written = _find(request, scope, name)
    assert written is not None
    return Response.json(_shown(written), 200 if existing else 201)


def get_assignment(request: Request) -> Response:
    """GET one."""
    row = _find(request, _scope(request), request.parameters["name"])
    if row is None:
        raise AzureError(
            404,
            "RoleAssignmentNotFound",
            f"The role assignment '{request.parameters['name']}' is not found.",
        )
    return Response.json(_shown(row))


def delete_assignment(request: Request) -> Response:
    """DELETE: 200 with what it was, or 204."""
    scope, name = _scope(request), request.parameters["name"]
    row = _find(request, scope, name)
    if row is None:
        return Response.empty(204)
    request.cloud.access.require_assigning(request.caller, f"{TYPE}/delete", scope, row["role"])
    request.cloud.access.unassign(_key(scope, name))
    return Response.json(_shown(row))


def list_assignments(request: Request) -> Response:
    """GET the assignments that hold at a scope: above, at and below it, as ARM lists them."""
    cloud = request.cloud
    scope = parse_path(_scope(request)).id
    wanted = filters.terms(request.option("$filter"), ("atScope()", "principalId", "assignedTo()"))
    who = {wanted["principalid"].lower()} if "principalid" in wanted else None
    if "assignedto" in wanted:
        # With what comes through groups, and groups in them (role-assignments-list-rest).
        theirs = set(cloud.access.identities_of(wanted["assignedto"]))
        who = theirs if who is None else theirs & who

    def walk(after: Place | None, _: int) -> Iterator[tuple[Place, sqlite3.Row]]:
        found = cloud.access.assignments(scope, below="atscope" not in wanted, after=after)
        return (one for one in found if who is None or one[1]["principal"] in who)

    return page(request, walk, _shown, options=("$filter",))


def _condition(properties: Json) -> str:
    condition = str(properties.get("condition") or "")
    if condition and not conditions.is_known(condition):
        raise not_emulated(
            "this condition of a role assignment",
            "Constrain the roles that may be assigned, as the portal writes it, or leave it out.",
        )
    if condition and properties.get("conditionVersion") != "2.0":
        raise AzureError(
            400, "InvalidConditionVersion", "A condition's conditionVersion must be '2.0'."
        )
    return condition


def _role(request: Request, properties: Json, scope: str) -> str:
    id = str(properties.get("roleDefinitionId", ""))
    match = re.fullmatch(
        r"(?:/subscriptions/[^/]+)?(?:/resourcegroups/[^/]+)?/providers/Microsoft.Authorization/"
        r"roleDefinitions/([^/]+)",
        id,
        re.IGNORECASE,
    )
    if match is None:
        raise AzureError(
            400, "InvalidRoleDefinitionId", f"The role definition ID '{id}' is not valid."
        )
    role = match.group(1).lower()
    found = request.cloud.access.roles.find(role)
    if found is None or not found.assignable_on(scope or "/"):
        refusal = unknown_role(role)
        raise AzureError(400, refusal.code, refusal.message)
    return role


def _check_principal(request: Request, principal_id: str, kind: str) -> None:
    if not _is_guid(principal_id):
        raise AzureError(
            400, "InvalidPrincipalId", f"A valid principal ID must be provided: '{principal_id}'."
        )
    found = request.cloud.access.principal(principal_id)
    if found is None and not kind:
        # With a principalType Azure skips the look-up: the way round a directory that lags.
        raise AzureError(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id.replace('-', '')} does not exist in the directory "
            f"{request.cloud.tenant}. Check that you have the correct principal ID. If you are "
            "creating this principal and then immediately assigning a role, this error might be "
            "related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group. See "
            "https://aka.ms/docs-principaltype",
        )
    if found is not None and kind and found.type.lower() != kind.lower():
        raise AzureError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal_id.replace('-', '')}' has type '{found.type}', which is "
            f"different from specified PrincipalType '{kind}'.",
        )


def _shown(row: sqlite3.Row) -> Json:
    body = decode_json(row["body"])
    created = isoformat(row["created_at"])
    # As its definition's own id is shown in a subscription: `az` joins the two by it.
    subscription = re.match(r"/subscriptions/[^/]+", row["scope"])
    role = (
        f"{subscription[0] if subscription else ''}/providers/Microsoft.Authorization"
        f"/roleDefinitions/{row['role']}"
    )
    return {
        "id": row["id"],
        "type": TYPE,
        "name": row["name"],
        "properties": {
            "roleDefinitionId": body.get("roleDefinitionId", role),
            "principalId": row["principal"],
            "principalType": body.get("principalType", "ServicePrincipal"),
            "scope": row["scope"] or "/",
            "condition": body.get("condition"),
            "conditionVersion": body.get("conditionVersion"),
            "createdOn": created,
            "updatedOn": created,
            "createdBy": row["created_by"],
            "updatedBy": row["created_by"],
            "delegatedManagedIdentityResourceId": None,
            "description": body.get("description"),
        },
    }


def _find(request: Request, scope: str, name: str) -> sqlite3.Row | None:
    return request.cloud.database.row(
        "SELECT * FROM role_assignments WHERE key=?", (_key(scope, name),)
    )


def _scope(request: Request) -> str:
    return request.parameters["scope"].rstrip("/")


def _key(scope: str, name: str) -> str:
    return f"{scope}/providers/{TYPE}/{name}".lower()


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


_COLLECTION = "{scope*}/providers/" + TYPE
_ONE = f"{_COLLECTION}/{{name}}"

ROUTES = (
    Route(
        "GET",
        _COLLECTION,
        list_assignments,
        operation=f"{TYPE}/read",
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET",
        _ONE,
        get_assignment,
        operation=f"{TYPE}/read",
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
    Route(
        "PUT",
        _ONE,
        put_assignment,
        operation=f"{TYPE}/write",
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
    Route(
        "DELETE",
        _ONE,
        delete_assignment,
        operation=f"{TYPE}/delete",
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
)
