"""What the caller may do in a scope: the roles' actions, as Azure adds them up for a preflight."""

from emulator.arm.paging import page
from emulator.http.messages import Request, Response
from emulator.http.routing import Route

API_VERSIONS = ("2015-07-01", "2018-07-01", "2022-04-01", "2022-05-01-preview")


def list_permissions(request: Request) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/permissions."""
    scope = "/" + request.parameters.get("scope", "").strip("/")
    roles = request.cloud.access.roles_on(request.caller, scope)
    return page(
        request,
        [
            {
                "actions": role.actions,
                "notActions": role.not_actions,
                "dataActions": role.data_actions,
                "notDataActions": role.not_data_actions,
            }
            for role in roles
        ],
    )


ROUTES = (
    Route(
        "GET",
        "{scope*}/providers/Microsoft.Authorization/permissions",
        list_permissions,
        operation="Microsoft.Authorization/permissions/read",
        scope="{scope}",
        api_versions=API_VERSIONS,
    ),
)
