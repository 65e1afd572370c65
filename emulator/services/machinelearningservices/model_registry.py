"""The model registry behind ARM's models: all versions of a workspace in one list.

As azure-ai-ml's generated client has it (`_restclient/model_dataplane`): its path, its filters, its
`Model`. azureml-core follows its `nextLink`, and asks for 255 a page, the most there is. Only the
list is emulated.
"""

from collections.abc import Callable, Iterator

from emulator.arm.paging import Place, page, page_of_resources
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import assets
from emulator.services.machinelearningservices.runs import require_workspace
from emulator.state.clock import isoformat
from emulator.state.errors import bad_request
from emulator.state.json_text import Json
from emulator.state.store import Resource, all_of

_PAGE = 255
_FILTERS: dict[str, Callable[[Resource, str], bool]] = {
    "name": lambda version, wanted: _container(version) == wanted,
    "version": lambda version, wanted: version.name == wanted,
    "runId": lambda version, wanted: version.properties.get("jobName") == wanted,
}
_ORDERS = {
    "createdatdesc": (True, True),
    "createdatasc": (True, False),
    "updatedatdesc": (False, True),
    "updatedatasc": (False, False),
}
"""Whether an order is that of creation, and whether the newest come first."""


def list_models(request: Request) -> Response:
    """Every version of every model, filtered and in order."""
    workspace = require_workspace(request, "models/versions/read")
    is_viewed = assets.viewed(request)
    order = request.option("orderBy", "CreatedAtDesc")
    if order.lower() not in _ORDERS:
        raise bad_request(f"orderBy '{order}' is not known.", target="orderBy")
    by_creation, newest_first = _ORDERS[order.lower()]

    def keeps(version: Resource) -> bool:
        return (
            version.id.within(workspace.id)
            and is_viewed(version)
            and all(
                passes(version, wanted)
                for name, passes in _FILTERS.items()
                if (wanted := request.option(name))
            )
        )

    def walk(after: Place | None, wanted: int) -> Iterator[Resource]:
        found = request.cloud.resources.walk(
            among, after=after, newest_first=newest_first, wanted=wanted
        )
        return filter(keeps, found)

    among = all_of(f"{assets.MODELS}/versions", workspace.id.subscription)
    most, options = _size(request), (*_FILTERS, "count", "orderBy", "listViewType")
    if by_creation:
        return page_of_resources(request, walk, _model, most=most, options=options)
    # Nothing has them in this order: all are read.
    changed = sorted(walk(None, most), key=lambda one: one.changed_at, reverse=newest_first)
    return page(request, changed, _model, most=most, options=options)


def _size(request: Request) -> int:
    count = request.option("count", str(_PAGE))
    if not count.isdecimal() or not 1 <= int(count) <= _PAGE:
        raise bad_request(f"count is a number from 1 to {_PAGE}, not '{count}'.", target="count")
    return int(count)


def _model(version: Resource) -> Json:
    properties = version.properties
    kind = str(properties.get("modelType") or "custom_model")
    return {
        "id": f"{_container(version)}:{version.name}",
        "name": _container(version),
        "version": int(version.name) if version.name.isdecimal() else None,
        "description": properties.get("description"),
        "kvTags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "runId": properties.get("jobName"),
        "url": properties.get("modelUri"),
        "mimeType": "application/x-python",
        "modelFormat": kind.removesuffix("_model").upper(),
        "flavors": properties.get("flavors") or {},
        "stage": properties.get("stage"),
        "createdTime": isoformat(version.created_at),
        "modifiedTime": isoformat(version.changed_at),
        "isAnonymous": bool(properties.get("isAnonymous")),
        "isArchived": bool(properties.get("isArchived")),
        "isRegistered": True,
    }


def _container(version: Resource) -> str:
    assert version.id.parent is not None
    return version.id.parent.name


ROUTES = (
    Route(
        "GET",
        "/modelregistry/v1.0/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        "Microsoft.MachineLearningServices/workspaces/{workspace}/models",
        list_models,
    ),
)
