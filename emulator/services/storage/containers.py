"""Blob containers as ARM has them: the same containers that the blob plane has."""

from collections.abc import Iterator

from emulator.arm.paging import Place, page
from emulator.arm.resources import require_resource
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.storage import blobs
from emulator.services.storage.accounts import ACCOUNT, API_VERSIONS
from emulator.state.clock import http_date
from emulator.state.ids import parse_path
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

TYPE = f"{ACCOUNT}/blobServices/containers"


def put_container(request: Request) -> Response:
    """PUT: 201 when it is new, 200 when it was there."""
    account, name = _account(request), request.parameters["container"]
    properties = as_object(request.json().get("properties"), "properties")
    metadata: dict[str, str] = as_object(properties.get("metadata"), "properties.metadata")
    if blobs.find_container(request.cloud, account.name, name) is not None:
        blobs.set_container_metadata(request.cloud, account.name, name, metadata)
        return _shown(request, account, name, 200)
    blobs.create_container(request.cloud, account.name, name, metadata)
    return _shown(request, account, name, 201)


def get_container(request: Request) -> Response:
    """GET one."""
    account = _account(request)
    blobs.require_container(request.cloud, account.name, request.parameters["container"])
    return _shown(request, account, request.parameters["container"], 200)


def delete_container(request: Request) -> Response:
    """DELETE: 200, or 204 when it was not there."""
    account = _account(request)
    gone = blobs.delete_container(request.cloud, account.name, request.parameters["container"])
    return Response.empty(200 if gone else 204)


def list_containers(request: Request) -> Response:
    """GET all of an account."""
    account = _account(request)

    def walk(after: Place | None, _: int) -> Iterator[tuple[Place, blobs.Container]]:
        behind = after[1] if after else None
        found = blobs.list_containers(request.cloud, account.name, after=behind)
        return (((0, container.name), container) for container in found)

    return page(request, walk, lambda container: _body(account, container))


def _account(request: Request) -> Resource:
    scope = _SCOPE.format(**request.parameters)
    return require_resource(request.cloud, parse_path(scope).id)


def _shown(request: Request, account: Resource, name: str, status: int) -> Response:
    container = blobs.require_container(request.cloud, account.name, name)
    return Response.json(_body(account, container), status)


def _body(account: Resource, container: blobs.Container) -> Json:
    return {
        "id": f"{account.id.text}/blobServices/default/containers/{container.name}",
        "name": container.name,
        "type": TYPE,
        "etag": container.etag,
        "properties": {
            "publicAccess": "None",
            "metadata": container.metadata,
            "lastModifiedTime": http_date(container.modified),
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
            "deleted": False,
        },
    }


_SCOPE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/"
    "storageAccounts/{account}"
)
_COLLECTION = f"{_SCOPE}/blobServices/default/containers"
_ONE = f"{_COLLECTION}/{{container}}"

ROUTES = (
    Route(
        "GET",
        _COLLECTION,
        list_containers,
        operation=f"{TYPE}/read",
        scope=_SCOPE,
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET", _ONE, get_container, operation=f"{TYPE}/read", scope=_ONE, api_versions=API_VERSIONS
    ),
    Route(
        "PUT", _ONE, put_container, operation=f"{TYPE}/write", scope=_ONE, api_versions=API_VERSIONS
    ),
    Route(
        "DELETE",
        _ONE,
        delete_container,
        operation=f"{TYPE}/delete",
        scope=_ONE,
        api_versions=API_VERSIONS,
    ),
)
