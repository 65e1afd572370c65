"""The data plane of a region, `{region}.api.azureml.ms`: runs, their logs and resolved paths.

What azure-ai-ml's generated clients read and send is emulated; the rest of run history is not.
"""

from dataclasses import replace
from typing import Any, cast

from emulator.arm.show import show
from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.services.machinelearningservices import (
    artifacts,
    blobs,
    data_paths,
    datastores,
    experiments,
    lifecycle,
    metric_service,
    mlflow,
    model_registry,
    registry,
    run_artifacts,
    tracking,
    workspaces,
)
from emulator.services.machinelearningservices.references import (
    DatastorePath,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.runs import find_run, is_job, require_workspace
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

_WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/workspaces/{workspace}"
)
_HISTORY = f"/history/v1.0{_WORKSPACE}"
_METRIC = f"/metric/v2.0{_WORKSPACE}/runs/{{run}}"
_SAS_HOURS = 8
_RUN_TYPES = {"finetuning": "azureml.FineTuning", "command": "azureml.scriptrun"}


def _discovery(request: Request) -> Response:
    """Where the region's services are; asked before anybody signs in."""
    address = f"https://{request.host}"
    names = (
        "api", "history", "hyperdrive", "experimentation", "metricservice", "modelmanagement",
        "pipelines", "studio", "catalog", "mlflow", "dataset",
    )  # fmt: skip
    return Response.json(dict.fromkeys(names, address) | {"notebooks": "", "ws": ""})


def _details(request: Request) -> Response:
    job = find_run(request, "read")
    return Response.json(_run(request.cloud, job) | {"logFiles": _log_files(request.cloud, job)})


def _get(request: Request) -> Response:
    return Response.json(_run(request.cloud, find_run(request, "read")))


def _run_data(request: Request) -> Response:
    asked = request.json()
    request.parameters["run"] = str(asked.get("runId", ""))
    job = find_run(request, "read")
    return Response.json(
        {
            "runMetadata": _run(request.cloud, job),
            "runDefinition": None,
            "jobSpecification": {"job": show(request.cloud, job, "")["properties"]}
            if asked.get("selectJobSpecification") and is_job(job)
            else None,
        }
    )


def _patch(request: Request) -> Response:
    """What a client may still change of a run: azure-ai-ml sends updates and archiving here."""
    with request.cloud.database.transaction():
        job = find_run(request, "write")
        change = request.json()
        properties = dict(job.properties)
        for name in ("displayName", "description"):
            if change.get(name) is not None:
                properties[name] = change[name]
        for name in ("tags", "properties"):
            if change.get(name) is not None:
                properties[name] = properties[name] | as_object(change[name], name)
        if change.get("hidden") is not None:
            properties["isArchived"] = bool(change["hidden"])
        body = job.body | {"properties": properties}
        changed = request.cloud.resources.put(replace(job, body=body), request.caller.client_id)
    return Response.json(_run(request.cloud, changed))


def _service_instances(request: Request) -> Response:
    find_run(request, "read")
    return Response.json({"instances": {}})


def _resolved_uris(request: Request) -> Response:
    """Data plane ids of outputs and assets, as paths in a datastore."""
    workspace = require_workspace(request, "data/versions/read")
    ids: Any = request.json().get("values") or []
    if not isinstance(ids, list):
        raise bad_request("'values' must be a list of ids.", target="values")
    texts = [str(id) for id in cast("list[object]", ids)]
    values = {id: {"uri": _resolved(request.cloud, workspace, id)} for id in texts}
    return Response.json({"values": values})


def _resolved(cloud: Cloud, workspace: Resource, id: str) -> str:
    reference = parse(id)
    version: Resource | None = None
    if isinstance(reference, WorkspaceAsset):
        kind = reference.kind or "data"
        version = data_paths.find_asset(cloud, workspace, reference, kind)
    if version is None:
        raise AzureError(404, "NotFound", f"There is no asset '{id}'.")
    uri = str(version.properties.get("dataUri") or version.properties.get("modelUri"))
    path = parse(uri)
    if isinstance(path, DatastorePath) and path.workspace is None:
        return (
            f"azureml://subscriptions/{workspace.id.subscription}/resourceGroups/"
            f"{workspace.id.group}/workspaces/{workspace.name}/datastores/{path.datastore}"
            f"/paths/{path.path}"
        )
    return uri


def _run(cloud: Cloud, job: Resource) -> Json:
    properties = job.properties
    private = job.private
    return {
        "runId": job.name,
        "runUuid": job.etag,
        "rootRunId": job.name,
        "parentRunId": None,
        "experimentId": experiments.id_of(
            workspaces.workspace_of(cloud, job), properties["experimentName"]
        ),
        "displayName": properties["displayName"],
        "description": properties["description"],
        "hidden": bool(properties.get("isArchived")),
        "status": lifecycle.shown(properties["jobType"], properties["status"]),
        "createdUtc": isoformat(job.created_at),
        "createdTimeUtc": isoformat(job.created_at),
        "startTimeUtc": private.get("startTime"),
        "endTimeUtc": private.get("endTime"),
        "runType": _RUN_TYPES.get(str(properties["jobType"]).lower()),
        "dataContainerId": f"dcid.{job.name}",
        "properties": properties["properties"],
        "tags": properties["tags"],
        "parameters": private.get("parameters") or {},
        "warnings": [
            {"source": None, "message": warning["message"]}
            for warning in private.get("warnings", [])
        ],
        "error": private.get("error"),
        "inputs": {},
        "outputs": _outputs(cloud, job),
    }


def _outputs(cloud: Cloud, job: Resource) -> Json:
    """What became of each output; the kind of an asset is said by its id."""
    ids: Json = job.private.get("outputs") or {artifacts.OUTPUT: job.private.get("model", "")}
    project = workspaces.workspace_of(cloud, job)
    found: Json = {}
    for name, id in ids.items():
        version = cloud.resources.get(str(id))
        container = version.id.parent if version else None
        if version is None or container is None:
            continue
        # With a model's own type, azure-ai-ml 1.35.2 fails on its own renamed field.
        kind = version.properties.get("dataType") or "uri_folder"
        found[name] = {
            "assetId": f"azureml://locations/{project.location}/workspaces/"
            f"{project.properties['workspaceId']}/{container.type.rsplit('/', 1)[-1]}"
            f"/{container.name}/versions/{version.name}",
            "type": kind,
        }
    return found


def _log_files(cloud: Cloud, job: Resource) -> dict[str, str]:
    project = workspaces.workspace_of(cloud, job)
    account = datastores.storage_account(cloud, workspaces.hub_of(cloud, project))
    container = datastores.ARTIFACT_CONTAINER
    path = f"{artifacts.run_folder(job.name)}/{artifacts.LOG_NAME}"
    if not blobs.exists(cloud, account, container, path):
        return {}
    return {artifacts.LOG_NAME: blobs.signed_url(cloud, account, container, path, _SAS_HOURS)}


def _failure(request: Request, error: AzureError) -> Response:
    is_mlflow = request.path.lower().startswith("/mlflow/")
    response = (mlflow.failure if is_mlflow else render_json_error)(request, error)
    response.headers["x-ms-response-type"] = "error"
    return response


_ROUTES: tuple[Route, ...] = (
    Route("GET", "/discovery", _discovery),
    Route("GET", "/discovery/workspaces/{guid}", _discovery),
    Route("GET", f"{_HISTORY}/runs/{{run}}/details", _details),
    Route("GET", f"{_HISTORY}/runs/{{run}}", _get),
    Route("PATCH", f"{_HISTORY}/runs/{{run}}", _patch),
    Route("PATCH", f"{_HISTORY}/experiments/{{experiment}}/runs/{{run}}", _patch),
    Route("PATCH", f"{_HISTORY}/experimentids/{{experiment}}/runs/{{run}}", _patch),
    Route("GET", f"{_HISTORY}/runs/{{run}}/serviceinstances/{{node}}", _service_instances),
    Route("POST", f"{_HISTORY}/rundata", _run_data),
    Route("POST", f"/data/v1.0{_WORKSPACE}/dataversion/batchGetResolvedUris", _resolved_uris),
    Route("POST", f"{_METRIC}/lastvalues", metric_service.last_values),
    Route("POST", f"{_METRIC}/full", metric_service.full),
    Route("POST", f"{_METRIC}/list", metric_service.list_metrics),
    *model_registry.ROUTES,
    *registry.ROUTES,
    *run_artifacts.ROUTES,
    *tracking.ROUTES,
)

PLANE = Plane("{region}.api.azureml.ms", Router(_ROUTES).handle, _failure)
