"""Deleted vaults: listed, looked at, and purged at the subscription."""

from emulator.arm.operations import Operations
from emulator.arm.paging import page
from emulator.arm.soft_deletion import Remains
from emulator.arm.types import Polling, Tracking
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.keyvault.vaults import API_VERSIONS, DELETED, VAULT
from emulator.state.clock import isoformat
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId, parse_path
from emulator.state.json_text import Json

_TYPE = "Microsoft.KeyVault/deletedVaults"


def list_deleted(request: Request) -> Response:
    """GET the deleted vaults of a subscription."""
    found = DELETED.all(request.cloud, request.parameters["subscription"])
    return page(request, [_shown(remains) for remains in found])


def get_deleted(request: Request) -> Response:
    """GET one by location and name."""
    return Response.json(_shown(_require(request)))


def purge(request: Request) -> Response:
    """POST …/purge: gone for good, unless the vault is protected from that."""
    cloud, remains = request.cloud, _require(request)
    if remains.resource.properties.get("enablePurgeProtection"):
        raise AzureError(
            405,
            "MethodNotAllowed",
            f"Operation 'DeletedVaultPurge' is not allowed: the vault '{remains.resource.name}' is "
            f"protected from purging until {isoformat(remains.purged_at)}.",
        )
    DELETED.purge(cloud, remains.resource.id)
    scope: ResourceId = parse_path(f"/subscriptions/{request.parameters['subscription']}").id
    operation = cloud.part(Operations).start(
        request, scope, VAULT, "purge", location=request.parameters["location"]
    )
    headers = cloud.part(Operations).headers(
        operation, Polling.LOCATION, Tracking(), request.api_version
    )
    return Response.empty(202, headers)


def check_name(request: Request) -> Response:
    """POST …/checkNameAvailability."""
    cloud, name = request.cloud, str(request.json().get("name", ""))
    used = any(vault.name.lower() == name.lower() for vault in cloud.resources.of_type(VAULT))
    if not used and DELETED.named(cloud, name) is None:
        return Response.json({"nameAvailable": True})
    return Response.json(
        {
            "nameAvailable": False,
            "reason": "AlreadyExists",
            "message": f"The vault name '{name}' is already in use.",
        }
    )


def _require(request: Request) -> Remains:
    name, location = request.parameters["name"], request.parameters["location"].lower()
    remains = DELETED.named(request.cloud, name)
    if (
        remains is None
        or remains.resource.location != location
        or remains.resource.id.subscription.lower() != request.parameters["subscription"].lower()
    ):
        raise AzureError(
            404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist."
        )
    return remains


def _shown(remains: Remains) -> Json:
    vault = remains.resource
    return {
        "id": f"/subscriptions/{vault.id.subscription}/providers/Microsoft.KeyVault/locations/"
        f"{vault.location}/deletedVaults/{vault.name}",
        "name": vault.name,
        "type": _TYPE,
        "properties": {
            "vaultId": vault.id.text,
            "location": vault.location,
            "tags": vault.body.get("tags") or {},
            "deletionDate": isoformat(remains.deleted_at),
            "scheduledPurgeDate": isoformat(remains.purged_at),
            "purgeProtectionEnabled": vault.properties.get("enablePurgeProtection"),
        },
    }


_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_ONE = f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{name}}"

ROUTES = (
    Route(
        "GET",
        f"{_PROVIDER}/deletedVaults",
        list_deleted,
        operation=f"{_TYPE}/read",
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET",
        _ONE,
        get_deleted,
        operation="Microsoft.KeyVault/locations/deletedVaults/read",
        api_versions=API_VERSIONS,
    ),
    Route(
        "POST",
        f"{_ONE}/purge",
        purge,
        operation="Microsoft.KeyVault/locations/deletedVaults/purge/action",
        api_versions=API_VERSIONS,
    ),
    Route(
        "POST",
        f"{_PROVIDER}/checkNameAvailability",
        check_name,
        operation="Microsoft.KeyVault/checkNameAvailability/read",
        api_versions=API_VERSIONS,
    ),
)
