"""Role definitions: Azure's built-in roles, by their real GUIDs. Custom roles are refused."""

import re

from emulator.arm.resources import page
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.access import RoleDefinition, role_definitions
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json

API_VERSIONS = (
    "2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview",
)  # fmt: skip


def get_definition(request: Request) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}."""
    name = request.parameters["name"]
    role = role_definitions().get(name.lower())
    if role is None:
        raise unknown_role(name)
    return Response.json(_shown(request, role))


def list_definitions(request: Request) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/roleDefinitions; by `roleName eq '…'`."""
    roles = list(role_definitions().values())
    wanted = request.option("$filter")
    if wanted:
        match = re.fullmatch(r"\s*(roleName|type)\s+eq\s+'([^']*)'\s*", wanted, re.IGNORECASE)
        if match is None:
            raise not_emulated(f"the filter '{wanted}'", "Use \"roleName eq 'Reader'\", or none.")
        name, value = match.group(1).lower(), match.group(2).lower()
        if name == "rolename":
            roles = [role for role in roles if role.name.lower() == value]
        elif value != "builtinrole":
            roles = []
    return page(request, [_shown(request, role) for role in roles])


def refuse_custom(request: Request) -> Response:
    """PUT and DELETE of a custom role."""
    del request
    raise not_emulated("custom role definitions", "Assign one of the built-in roles.")


def unknown_role(name: str) -> AzureError:
    """Azure's refusal of a role that does not exist."""
    return AzureError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{name.replace('-', '')}' does not exist.",
    )


def _shown(request: Request, role: RoleDefinition) -> Json:
    scope = request.parameters.get("scope", "")
    subscription = re.match(r"/?subscriptions/[^/]+", scope, re.IGNORECASE)
    prefix = f"/{subscription.group(0).lstrip('/')}" if subscription else ""
    return {
        "id": f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{role.id}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
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
_READ = "Microsoft.Authorization/roleDefinitions/read"

ROUTES = (
    Route(
        "GET",
        _COLLECTION,
        list_definitions,
        operation=_READ,
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET",
        f"{_COLLECTION}/{{name}}",
        get_definition,
        operation=_READ,
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
    Route("PUT", f"{_COLLECTION}/{{name}}", refuse_custom, api_versions=API_VERSIONS),
    Route("DELETE", f"{_COLLECTION}/{{name}}", refuse_custom, api_versions=API_VERSIONS),
)
