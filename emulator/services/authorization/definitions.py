"""Role definitions: Azure's built-in roles, by their real GUIDs, and custom ones."""

import re
import uuid
from typing import Any

from emulator.arm import filters
from emulator.arm.paging import page
from emulator.arm.resources import require_resource
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.errors import AzureError, bad_request, not_emulated
from emulator.state.ids import parse_path
from emulator.state.json_text import Json, as_object
from emulator.state.roles import RoleDefinition

API_VERSIONS = (
    "2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview",
)  # fmt: skip
_WRITE = "Microsoft.Authorization/roleDefinitions/write"
_DELETE = "Microsoft.Authorization/roleDefinitions/delete"


def get_definition(request: Request) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}."""
    name = request.parameters["name"]
    role = request.cloud.access.roles.find(name)
    if role is None:
        raise unknown_role(name)
    return Response.json(_shown(request, role))


def list_definitions(request: Request) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/roleDefinitions; by `roleName eq '…'`."""
    scope = _scope(request)
    roles = [role for role in request.cloud.access.roles.all() if role.assignable_on(scope)]
    wanted = filters.terms(request.option("$filter"), ("roleName", "type"))
    if "rolename" in wanted:
        roles = [role for role in roles if role.name.lower() == wanted["rolename"].lower()]
    if "type" in wanted:
        roles = [role for role in roles if _type(role).lower() == wanted["type"].lower()]
    return page(request, [_shown(request, role) for role in roles], options=("$filter",))


def put_definition(request: Request) -> Response:
    """PUT a custom role: 201, new or not, as azure-mgmt-authorization expects it."""
    cloud, name = request.cloud, request.parameters["name"].lower()
    _require_guid(name)
    properties = as_object(request.json().get("properties"), "properties")
    known = cloud.access.roles.find(name)
    if known is not None and not known.is_custom:
        raise AzureError(
            403,
            "CannotModifyBuiltInRole",
            f"The built-in role '{known.name}' can't be changed. Make a custom role.",
        )
    role = _from_wire(name, properties)
    for scope in role.assignable_scopes:
        require_resource(cloud, parse_path(scope).id)
        # Microsoft: creating one takes this on all of its assignable scopes (custom-roles).
        cloud.access.require(request.caller, _WRITE, scope)
    twin = next(
        (
            other
            for other in cloud.access.roles.all()
            if other.name.lower() == role.name.lower() and other.id != name
        ),
        None,
    )
    if twin is not None:
        raise AzureError(
            409,
            "RoleDefinitionWithSameNameExists",
            "A custom role with the same name already exists in this directory. Use a different "
            f"name: '{role.name}'.",
        )
    cloud.access.roles.put(role)
    return Response.json(_shown(request, role), 201)


def delete_definition(request: Request) -> Response:
    """DELETE a custom role that nobody has: 200 with what it was, or 204."""
    cloud = request.cloud
    role = cloud.access.roles.find(request.parameters["name"])
    if role is None:
        return Response.empty(204)
    if not role.is_custom:
        raise AzureError(403, "CannotModifyBuiltInRole", "A built-in role can't be deleted.")
    for scope in role.assignable_scopes:
        cloud.access.require(request.caller, _DELETE, scope)
    if cloud.database.row("SELECT 1 FROM role_assignments WHERE role=?", (role.id,)):
        raise AzureError(
            400,
            "RoleDefinitionHasAssignments",
            f"There are existing role assignments referencing role '{role.id}'.",
        )
    cloud.access.roles.remove(role)
    return Response.json(_shown(request, role))


def unknown_role(name: str) -> AzureError:
    """Azure's refusal of a role that does not exist."""
    return AzureError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{name.replace('-', '')}' does not exist.",
    )


def _require_guid(name: str) -> None:
    try:
        uuid.UUID(name)
    except ValueError:
        raise bad_request(
            f"The role definition ID '{name}' is not valid. It must be a GUID.",
            "InvalidRoleDefinitionId",
        ) from None


def _from_wire(name: str, properties: Json) -> RoleDefinition:
    role_name = str(properties.get("roleName") or "")
    if not role_name:
        raise bad_request("The role definition has no roleName.", "RoleDefinitionNameNullOrEmpty")
    scopes = tuple(str(scope).rstrip("/") for scope in properties.get("assignableScopes") or ())
    if not scopes or not all(re.match(r"/subscriptions/[^/]+", scope) for scope in scopes):
        raise not_emulated(
            f"custom roles with the assignable scopes {list(scopes)}",
            "Name subscriptions or resource groups.",
        )
    permissions: list[Json] = list(properties.get("permissions") or ())
    if len(permissions) != 1:
        raise bad_request(
            "A role definition has exactly one set of permissions.", "InvalidRoleDefinition"
        )
    return RoleDefinition(
        id=name,
        name=role_name,
        description=str(properties.get("description") or ""),
        actions=_texts(permissions[0], "actions"),
        not_actions=_texts(permissions[0], "notActions"),
        data_actions=_texts(permissions[0], "dataActions"),
        not_data_actions=_texts(permissions[0], "notDataActions"),
        assignable_scopes=scopes,
    )


def _texts(permission: Json, key: str) -> tuple[str, ...]:
    value: Any = permission.get(key) or ()
    return tuple(str(each) for each in value)


def _type(role: RoleDefinition) -> str:
    return "CustomRole" if role.is_custom else "BuiltInRole"


def _scope(request: Request) -> str:
    return "/" + request.parameters.get("scope", "").strip("/")


def _shown(request: Request, role: RoleDefinition) -> Json:
    subscription = re.match(r"/subscriptions/[^/]+", _scope(request), re.IGNORECASE)
    prefix = subscription.group(0) if subscription else ""
    return {
        "id": f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{role.id}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": _type(role),
            "description": role.description,
            "assignableScopes": role.assignable_scopes,
            "permissions": [
                {
                    "actions": role.actions,
                    "notActions": role.not_actions,
                    "dataActions": role.data_actions,
                    "notDataActions": role.not_data_actions,
                }
            ],
        },
    }


_COLLECTION = "{scope*}/providers/Microsoft.Authorization/roleDefinitions"
_ONE = f"{_COLLECTION}/{{name}}"
_READ = "Microsoft.Authorization/roleDefinitions/read"

ROUTES = tuple(
    Route(method, path, handler, operation=operation, scope="{scope}", api_versions=API_VERSIONS)
    for method, path, handler, operation in (
        ("GET", _COLLECTION, list_definitions, _READ),
        ("GET", _ONE, get_definition, _READ),
        ("PUT", _ONE, put_definition, _WRITE),
        ("DELETE", _ONE, delete_definition, _DELETE),
    )
)
