"""Deleted accounts: listed at the subscription, purged by location, group and name."""

from emulator.arm.operations import Operations
from emulator.arm.paging import page
from emulator.arm.show import show
from emulator.arm.soft_deletion import Remains
from emulator.arm.types import Polling, Tracking
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.cognitiveservices.accounts import ACCOUNT, API_VERSIONS, DELETED
from emulator.state.clock import isoformat
from emulator.state.errors import resource_not_found
from emulator.state.ids import parse_id
from emulator.state.json_text import Json

_OPERATION = "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts"


def list_deleted(request: Request) -> Response:
    """GET the deleted accounts of a subscription."""
    found = DELETED.all(request.cloud, request.parameters["subscription"])
    return page(request, [_shown(request, remains) for remains in found])


def get_deleted(request: Request) -> Response:
    """GET one."""
    return Response.json(_shown(request, _require(request)))


def purge(request: Request) -> Response:
    """DELETE: gone for good, as a long-running operation."""
    cloud, remains = request.cloud, _require(request)
    DELETED.purge(cloud, remains.resource.id)
    operation = cloud.part(Operations).start(
        request, remains.resource.id, ACCOUNT, "purge", location=request.parameters["location"]
    )
    headers = cloud.part(Operations).headers(
        operation, Polling.LOCATION, Tracking(), request.api_version
    )
    return Response.empty(202, headers)


def _require(request: Request) -> Remains:
    parameters = request.parameters
    id = parse_id(
        f"/subscriptions/{parameters['subscription']}/resourceGroups/{parameters['group']}"
        f"/providers/{ACCOUNT}/{parameters['name']}"
    )
    remains = DELETED.find(request.cloud, id)
    if remains is None or remains.resource.location != parameters["location"].lower():
        raise resource_not_found(
            f"Microsoft.CognitiveServices/deletedAccounts/{parameters['name']}", parameters["group"]
        )
    return remains


def _shown(request: Request, remains: Remains) -> Json:
    account = remains.resource
    shown = show(request.cloud, account, request.api_version)
    shown["id"] = (
        f"/subscriptions/{account.id.subscription}/providers/Microsoft.CognitiveServices/locations/"
        f"{account.location}/resourceGroups/{account.id.group}/deletedAccounts/{account.name}"
    )
    shown["type"] = "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts"
    shown["properties"] = account.properties | {
        "deletionDate": isoformat(remains.deleted_at),
        "scheduledPurgeDate": isoformat(remains.purged_at),
    }
    return shown


_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.CognitiveServices"
_ONE = f"{_PROVIDER}/locations/{{location}}/resourceGroups/{{group}}/deletedAccounts/{{name}}"

ROUTES = (
    Route(
        "GET",
        f"{_PROVIDER}/deletedAccounts",
        list_deleted,
        operation="Microsoft.CognitiveServices/deletedAccounts/read",
        api_versions=API_VERSIONS,
    ),
    Route("GET", _ONE, get_deleted, operation=f"{_OPERATION}/read", api_versions=API_VERSIONS),
    Route("DELETE", _ONE, purge, operation=f"{_OPERATION}/delete", api_versions=API_VERSIONS),
)
