"""MLflow's tracking for jobs at work: metrics, parameters and tags of the run that a job is.

The REST API of MLflow 2 and 3 as its client sends it, below the tracking address that a workspace
has. A job is told the address and a token that opens its own run and nothing else; Entra's tokens
open it too. A run's status is the job's own: what a client says of it is taken and changes nothing.
"""

import hmac
import math
from collections.abc import Callable
from typing import Any, cast

from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import lifecycle, metrics, progress, workspaces
from emulator.services.machinelearningservices.runs import find_run, require_workspace, workspace_id
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

_ROOT = (
    "/mlflow/{version}/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/workspaces/{workspace}/api/2.0/mlflow"
)
_STATUS = {
    lifecycle.COMPLETED: "FINISHED",
    lifecycle.FAILED: "FAILED",
    lifecycle.CANCELED: "KILLED",
    lifecycle.QUEUED: "SCHEDULED",
}
_MAX_AT_ONCE = 1000


def environment(cloud: Cloud, job: Resource, token: str) -> dict[str, str]:
    """What a job's process is told, under MLflow's and Azure ML's own names."""
    project = workspaces.workspace_of(cloud, job)
    experiment = str(job.properties["experimentName"])
    told = {
        "AZUREML_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_NAME": experiment,
        "AZUREML_ARM_SUBSCRIPTION": project.id.subscription,
        "AZUREML_ARM_RESOURCEGROUP": project.id.group,
        "AZUREML_ARM_WORKSPACE_NAME": project.name,
        "AZUREML_ARM_PROJECT_NAME": experiment,
    }
    if not cloud.network:
        return told  # nothing listens: a test without sockets
    return told | {
        "MLFLOW_TRACKING_URI": f"https://{project.location}.api.azureml.ms/mlflow/v1.0"
        f"{project.id.text}",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": job.name,
        "MLFLOW_EXPERIMENT_NAME": experiment,
        "MLFLOW_EXPERIMENT_ID": experiment,
    }


def _log_metric(request: Request) -> Response:
    asked = request.json()
    return _log(request, asked, [asked], [], [])


def _log_batch(request: Request) -> Response:
    asked = request.json()
    return _log(
        request, asked, _list(asked, "metrics"), _list(asked, "params"), _list(asked, "tags")
    )


def _log_parameter(request: Request) -> Response:
    asked = request.json()
    return _log(request, asked, [], [asked], [])


def _set_tag(request: Request) -> Response:
    asked = request.json()
    return _log(request, asked, [], [], [asked])


def _create_run(request: Request) -> Response:
    if not _bearer_is_a_jobs(request):
        require_workspace(request, "experiments/runs/write")
    raise not_emulated("runs beside a job's own", "Log to the run that MLFLOW_RUN_ID names.")


def _get_run(request: Request) -> Response:
    job = _run(request, dict(request.query), "read")
    return Response.json({"run": _shown(request.cloud, job)})


def _update_run(request: Request) -> Response:
    job = _run(request, request.json(), "write")
    return Response.json({"run_info": _shown(request.cloud, job)["info"]})


def _history(request: Request) -> Response:
    job = _run(request, dict(request.query), "read")
    values = metrics.history(request.cloud, job.id.key, request.option("metric_key"))
    return Response.json(
        {
            "metrics": [
                {
                    "key": value.name,
                    "value": value.value,
                    "timestamp": int(value.logged_at * 1000),
                    "step": value.step,
                }
                for value in values
            ]
        }
    )


def _experiment(request: Request) -> Response:
    name = request.option("experiment_name") or request.option("experiment_id")
    if not _bearer_is_a_jobs(request):
        require_workspace(request, "experiments/runs/read")
    return Response.json({"experiment": _experiment_shown(name)})


def _experiment_shown(name: str) -> Json:
    return {
        "experiment_id": name,
        "name": name,
        "lifecycle_stage": "active",
        "artifact_location": "",
        "tags": [],
    }


def _log(
    request: Request, asked: Json, values: list[Json], parameters: list[Json], tags: list[Json]
) -> Response:
    if len(values) > _MAX_AT_ONCE:
        raise _invalid(f"At most {_MAX_AT_ONCE} metrics can be logged at once.")
    cloud = request.cloud
    with cloud.database.transaction():
        job = _run(request, asked, "write")
        by_step: dict[int, dict[str, float]] = {}
        for value in values:
            name, number, step = _key(value), _number(value), _step(value)
            if math.isfinite(number):
                by_step.setdefault(step, {})[name] = number
            else:
                _warn_once(cloud, job, name, step)
        for step, at_once in by_step.items():
            metrics.log(cloud, job.id.key, step, at_once)
        if parameters or tags:
            # Looked at again: a warning above has written it.
            now = cloud.resources.get(job.id) or job
            said = {_key(one): str(one.get("value", "")) for one in parameters}
            known: Json = now.private.get("parameters") or {}
            words = {
                _key(one): str(one.get("value", ""))
                for one in tags
                if not _key(one).startswith("mlflow.")
            }
            moved = now.with_properties(tags=(now.properties.get("tags") or {}) | words)
            cloud.resources.put(moved.with_private(parameters=known | said))
    return Response.json({})


def _warn_once(cloud: Cloud, job: Resource, name: str, step: int) -> None:
    begins = f"Values of {name} that are no numbers are left out"
    now = cloud.resources.get(job.id)
    warnings: list[Json] = now.private.get("warnings", []) if now else []
    if not any(str(warning["message"]).startswith(begins) for warning in warnings):
        progress.warn(cloud, job.id.key, f"{begins}; the first was at step {step}.")


def _run(request: Request, asked: Json, verb: str) -> Resource:
    run = str(asked.get("run_id") or asked.get("run_uuid") or "")
    job = _by_own_token(request, run)
    if job is not None:
        return job
    request.parameters["run"] = run
    return find_run(request, verb)


def _by_own_token(request: Request, run: str) -> Resource | None:
    """The job whose token was sent, if it is the one that is asked for."""
    job = request.cloud.resources.get(workspace_id(request).child("jobs", run)) if run else None
    return job if job is not None and _opens(request, job) else None


def _bearer_is_a_jobs(request: Request) -> bool:
    jobs = request.cloud.resources.children(workspace_id(request), f"{WORKSPACES}/jobs")
    return any(_opens(request, job) for job in jobs)


def _opens(request: Request, job: Resource) -> bool:
    token = str(job.private.get("trackingToken") or "")
    sent = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    return bool(token) and hmac.compare_digest(token.encode(), sent.encode())


def _shown(cloud: Cloud, job: Resource) -> Json:
    tags: dict[str, Any] = job.properties.get("tags") or {}
    parameters: dict[str, Any] = job.private.get("parameters") or {}
    return {
        "info": {
            "run_id": job.name,
            "run_uuid": job.name,
            "run_name": job.properties["displayName"],
            "experiment_id": job.properties["experimentName"],
            "user_id": job.created_by,
            "status": _STATUS.get(job.properties["status"], "RUNNING"),
            "start_time": int(job.created_at * 1000),
            "artifact_uri": "",
            "lifecycle_stage": "active",
        },
        "data": {
            "metrics": [
                {
                    "key": value.name,
                    "value": value.value,
                    "timestamp": int(value.logged_at * 1000),
                    "step": value.step,
                }
                for value in metrics.last(cloud, job.id.key)
            ],
            "params": [{"key": name, "value": str(value)} for name, value in parameters.items()],
            "tags": [{"key": name, "value": str(value)} for name, value in tags.items()],
        },
        "inputs": {},
    }


def _list(asked: Json, name: str) -> list[Json]:
    given: object = asked.get(name) or []
    values = cast("list[object]", given) if isinstance(given, list) else [None]
    if not all(isinstance(value, dict) for value in values):
        raise _invalid(f"'{name}' must be a list of objects.")
    return cast("list[Json]", values)


def _key(value: Json) -> str:
    key = value.get("key")
    if not isinstance(key, str) or not 1 <= len(key) <= 250:
        raise _invalid("'key' must be a string of 1 to 250 characters.")
    return key


def _number(value: Json) -> float:
    number = value.get("value")
    if isinstance(number, str):
        # JSON has no word for them: MLflow's client sends these as strings.
        number = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(number)
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise _invalid("'value' must be a number.")
    return float(number)


def _step(value: Json) -> int:
    step = value.get("step", 0)
    if isinstance(step, str) and step.lstrip("-").isdecimal():
        step = int(step)
    if not isinstance(step, int) or abs(step) >= 2**53:
        raise _invalid("'step' must be a whole number.")
    return int(step)


def _invalid(message: str) -> AzureError:
    return AzureError(400, "INVALID_PARAMETER_VALUE", message)


_HANDLERS: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
    ("POST", "runs/create", _create_run),
    ("POST", "runs/log-metric", _log_metric),
    ("POST", "runs/log-batch", _log_batch),
    ("POST", "runs/log-parameter", _log_parameter),
    ("POST", "runs/set-tag", _set_tag),
    ("GET", "runs/get", _get_run),
    ("POST", "runs/update", _update_run),
    ("GET", "metrics/get-history", _history),
    ("GET", "experiments/get-by-name", _experiment),
    ("GET", "experiments/get", _experiment),
)

ROUTES = tuple(Route(method, f"{_ROOT}/{path}", handle) for method, path, handle in _HANDLERS)
