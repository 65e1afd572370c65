"""Artifacts of runs: listed, read and written by azureml-mlflow, registered by azure-ai-evaluation.

A run's files lie in the artifact container below the run's folder, where a job writes its log. One
that a client put into another datastore is registered: the run then notes where it lies. Paths and
shapes are those of azureml-mlflow's generated client (`_restclient/run_artifact`).
"""

from collections.abc import Callable
from typing import Any, cast

from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import artifacts, blobs, datastores, workspaces
from emulator.services.machinelearningservices.runs import find_run
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

_WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/workspaces/{workspace}"
)
_ORIGIN = "ExperimentRun"
_CONTAINER = "dcid."
_SAS_HOURS = 8

Place = tuple[str, str]
"""A datastore's name, and a path in it."""


def _list(request: Request) -> Response:
    run = find_run(request, "read")
    below = request.option("path").strip("/")
    found = [
        (path, place)
        for path, place in sorted(_places(request.cloud, run).items())
        if not below or path == below or path.startswith(f"{below}/")
    ]
    shown = [_artifact(request.cloud, run, path, place) for path, place in found]
    return Response.json({"value": shown, "continuationToken": None, "nextLink": None})


def _content(request: Request) -> Response:
    run = find_run(request, "read")
    path = request.option("path").strip("/")
    place = _places(request.cloud, run).get(path)
    if place is None:
        raise AzureError(404, "UserError", f"Run {run.name} has no artifact '{path}'.")
    return Response.json(_readable(request.cloud, run, path, place))


def _create(request: Request) -> Response:
    """For each artifact an address that takes its content; there is none until it has any."""
    cloud = request.cloud
    run = find_run(request, "write")
    paths = [_path(one.get("path")) for one in _objects(request.json(), "paths")]
    return Response.json(
        {
            "artifacts": {path: _artifact(cloud, run, path, _own(run, path)) for path in paths},
            "artifactContentInformation": {
                path: _readable(cloud, run, path, _own(run, path), "rcw") for path in paths
            },
            "errors": {},
        }
    )


def _register(request: Request) -> Response:
    """Note for a run where one of its artifacts lies."""
    cloud = request.cloud
    asked = request.json()
    container = str(asked.get("container") or "")
    if str(asked.get("origin")) != _ORIGIN or not container.startswith(_CONTAINER):
        raise bad_request(
            f"An artifact belongs to the origin '{_ORIGIN}' and a container '{_CONTAINER}RUN'.",
            target="container",
        )
    request.parameters["run"] = container.removeprefix(_CONTAINER)
    place = as_object(asked.get("dataPath") or {}, "dataPath")
    store, relative = str(place.get("dataStoreName") or ""), _path(place.get("relativePath"))
    path = _path(asked.get("path"))
    with cloud.database.transaction():
        run = find_run(request, "write")
        if datastores.find(cloud, workspaces.workspace_of(cloud, run), store) is None:
            raise AzureError(404, "UserError", f"There is no datastore '{store}'.")
        registered: dict[str, Any] = run.private.get("registered") or {}
        noted = run.with_private(registered=registered | {path: [store, relative]})
        cloud.resources.put(noted)
    return Response.json(_artifact(cloud, run, path, (store, relative)))


def _places(cloud: Cloud, run: Resource) -> dict[str, Place]:
    """Every artifact of a run by its path, and where it lies."""
    folder = f"{artifacts.run_folder(run.name)}/"
    own = blobs.listing(cloud, _account(cloud, run), datastores.ARTIFACT_CONTAINER, folder)
    registered: dict[str, list[str]] = run.private.get("registered") or {}
    return {
        name.removeprefix(folder): (datastores.ARTIFACT_STORE, name) for name in own
    } | {path: (store, relative) for path, (store, relative) in registered.items()}  # fmt: skip


def _own(run: Resource, path: str) -> Place:
    return datastores.ARTIFACT_STORE, f"{artifacts.run_folder(run.name)}/{path}"


def _account(cloud: Cloud, run: Resource) -> Resource:
    project = workspaces.workspace_of(cloud, run)
    return datastores.storage_account(cloud, workspaces.hub_of(cloud, project))


def _artifact(cloud: Cloud, run: Resource, path: str, place: Place) -> Json:
    return {
        "artifactId": f"{_ORIGIN}/{_CONTAINER}{run.name}/{path}",
        "origin": _ORIGIN,
        "container": f"{_CONTAINER}{run.name}",
        "path": path,
        "etag": None,
        "createdTime": isoformat(cloud.clock.timestamp()),
        "dataPath": {"dataStoreName": place[0], "relativePath": place[1], "sqlDataPath": None},
        "tags": {},
    }


def _readable(cloud: Cloud, run: Resource, path: str, place: Place, permissions: str = "r") -> Json:
    project = workspaces.workspace_of(cloud, run)
    store = datastores.find(cloud, project, place[0])
    account = blobs.find_account(cloud, str(store.properties["accountName"])) if store else None
    if store is None or account is None:
        raise AzureError(404, "UserError", f"The datastore '{place[0]}' is gone.")
    container = str(store.properties["containerName"])
    return {
        "contentUri": blobs.signed_url(
            cloud, account, container, place[1], _SAS_HOURS, permissions
        ),
        "origin": _ORIGIN,
        "container": f"{_CONTAINER}{run.name}",
        "path": path,
        "tags": {},
    }


def _objects(asked: Json, name: str) -> list[Json]:
    given: object = asked.get(name) or []
    if not isinstance(given, list):
        raise bad_request(f"'{name}' must be a list.", target=name)
    return [as_object(one, name) for one in cast("list[object]", given)]


def _path(given: object) -> str:
    path = given.strip("/") if isinstance(given, str) else ""
    if not path or len(path) > 1024 or ".." in path.split("/"):
        raise bad_request(f"'{given}' is no path of an artifact.", target="path")
    return path


_HANDLERS: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
    ("GET", "", _list),
    ("GET", "/path", _list),
    ("GET", "/contentinfo", _content),
    ("POST", "/batch/metadata", _create),
)

ROUTES = (
    *(
        Route(method, f"/history/v1.0{_WORKSPACE}/{kind}/runs/{{run}}/artifacts{path}", handle)
        for kind in ("experiments/{experiment}", "experimentids/{experiment}")
        for method, path, handle in _HANDLERS
    ),
    Route("POST", f"/artifact/v2.0{_WORKSPACE}/artifacts/register", _register),
)
