"""MLflow's tracking: metrics, parameters and tags of runs, and the search for them.

The REST API of MLflow 2 and 3 as its client sends it, below the tracking address that a workspace
has. A job is told the address and a token that opens its own run and nothing else; Entra's tokens
open every run, and begin others. The status of a run that is a job is the job's own: what a client
says of it is taken and changes nothing.
"""

import hmac
import math
import re
from collections.abc import Callable
from typing import cast

from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import (
    experiments,
    lifecycle,
    metrics,
    mlflow,
    progress,
    run_search,
    runs,
    workspaces,
)
from emulator.services.machinelearningservices.experiments import Experiment
from emulator.services.machinelearningservices.runs import find_run, require_workspace, workspace_id
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

_ROOT = (
    "/mlflow/{version}/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/workspaces/{workspace}/api/2.0/mlflow"
)
_MAX_AT_ONCE = 1000
_EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _\-]{0,254}")


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
        "MLFLOW_EXPERIMENT_ID": experiments.id_of(project, experiment),
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
    if _bearer_is_a_jobs(request):
        raise not_emulated("runs beside a job's own", "Log to the run that MLFLOW_RUN_ID names.")
    workspace = require_workspace(request, "experiments/runs/write")
    asked = request.json()
    experiment = _find_experiment(request, workspace, str(asked.get("experiment_id") or "0"))
    tags = _tags(_list(asked, "tags"))
    name = str(asked.get("run_name") or tags.get("mlflow.runName") or "")
    run = runs.begin_run(request, workspace, experiment.name, name, tags)
    return Response.json({"run": mlflow.run(request.cloud, run)})


def _get_run(request: Request) -> Response:
    run = _run(request, dict(request.query), "read")
    return Response.json({"run": mlflow.run(request.cloud, run)})


def _update_run(request: Request) -> Response:
    asked = request.json()
    with request.cloud.database.transaction():
        run = _run(request, asked, "write")
        if not runs.is_job(run):
            run = _updated(request.cloud, run, asked)
    return Response.json({"run_info": mlflow.run(request.cloud, run)["info"]})


def _updated(cloud: Cloud, run: Resource, asked: Json) -> Resource:
    said = str(asked.get("status") or "")
    status = mlflow.status_of_job(said) if said else run.properties["status"]
    if status is None:
        raise _invalid(f"'{said}' is no status of a run.")
    name = asked.get("run_name") or run.properties["displayName"]
    changed = run.with_properties(status=status, displayName=str(name))
    if status in lifecycle.TERMINAL:
        changed = changed.with_private(endTime=isoformat(cloud.clock.timestamp()))
    return cloud.resources.put(changed)


def _history(request: Request) -> Response:
    run = _run(request, dict(request.query), "read")
    values = metrics.history(request.cloud, run.id.key, request.option("metric_key"))
    return Response.json({"metrics": [mlflow.value(one) for one in values]})


def _search_runs(request: Request) -> Response:
    """Over the runs of the experiments that are named, jobs among them, the newest first."""
    workspace = require_workspace(request, "experiments/runs/read")
    cloud, asked = request.cloud, request.json()
    named = {_find_experiment(request, workspace, id).id for id in _texts(asked, "experiment_ids")}
    view = str(asked.get("run_view_type") or "ACTIVE_ONLY").upper()
    comparisons = run_search.read_filter(str(asked.get("filter") or ""))
    found = [
        (run, mlflow.facts(cloud, run))
        for run in runs.all_runs(cloud, workspace)
        if experiments.id_of(workspace, run.properties["experimentName"]) in named
        and (view == "ALL" or bool(run.properties["isArchived"]) is (view == "DELETED_ONLY"))
    ]
    found = [one for one in found if all(comparison.holds(one[1]) for comparison in comparisons)]
    ordered = run_search.in_order(found, _texts(asked, "order_by"), lambda one: one[1])
    shown, token = run_search.page(ordered, asked, _MAX_AT_ONCE)
    body: Json = {"runs": [mlflow.run(cloud, run) for run, _ in shown]}
    return Response.json(body | ({"next_page_token": token} if token else {}))


def _search_experiments(request: Request) -> Response:
    workspace = require_workspace(request, "experiments/runs/read")
    asked = request.json() or dict(request.query)
    comparisons = run_search.read_filter(str(asked.get("filter") or ""))
    found = [
        (one, {"attributes": {"name": one.name, "creation_time": int(one.created_at * 1000)}})
        for one in experiments.all_experiments(request.cloud, workspace)
        if asked.get("view_type") != "DELETED_ONLY"
    ]
    found = [one for one in found if all(comparison.holds(one[1]) for comparison in comparisons)]
    ordered = run_search.in_order(found, _texts(asked, "order_by"), lambda one: one[1])
    shown, token = run_search.page(ordered, asked, _MAX_AT_ONCE)
    body: Json = {"experiments": [mlflow.experiment(one) for one, _ in shown]}
    return Response.json(body | ({"next_page_token": token} if token else {}))


def _experiment(request: Request) -> Response:
    workspace = _workspace_for_reading(request)
    found = _find_experiment(request, workspace, request.option("experiment_id"))
    return Response.json({"experiment": mlflow.experiment(found)})


def _experiment_by_name(request: Request) -> Response:
    workspace = _workspace_for_reading(request)
    name = request.option("experiment_name")
    found = experiments.by_name(request.cloud, workspace, name)
    if found is None:
        raise _no_experiment("name", name)
    return Response.json({"experiment": mlflow.experiment(found)})


def _create_experiment(request: Request) -> Response:
    workspace = require_workspace(request, "experiments/runs/write")
    name = str(request.json().get("name") or "")
    if not _EXPERIMENT_NAME.fullmatch(name):
        raise _invalid(
            f"The experiment name '{name}' is invalid: letters, digits, '-', '_' and spaces, "
            "beginning with a letter or digit, 255 at most."
        )
    if experiments.by_name(request.cloud, workspace, name) is not None:
        raise AzureError(
            400, "RESOURCE_ALREADY_EXISTS", f"There is an experiment '{name}' already."
        )
    made = experiments.create(request.cloud, workspace, name)
    return Response.json({"experiment_id": made.id})


def _workspace_for_reading(request: Request) -> Resource:
    if not _bearer_is_a_jobs(request):
        return require_workspace(request, "experiments/runs/read")
    workspace = request.cloud.resources.get(workspace_id(request))
    assert workspace is not None, "a job of it is at work"
    return workspace


def _find_experiment(request: Request, workspace: Resource, id: str) -> Experiment:
    found = experiments.by_id(request.cloud, workspace, id)
    if found is None:
        raise _no_experiment("id", id)
    return found


def _no_experiment(what: str, named: str) -> AzureError:
    return AzureError(
        404, "RESOURCE_DOES_NOT_EXIST", f"There is no experiment with the {what} '{named}'."
    )


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
                name: word
                for name, word in _tags(tags).items()
                # ARM shows a job's tags; what MLflow notes for itself is none of them.
                if not (runs.is_job(job) and name.startswith("mlflow."))
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


def _tags(given: list[Json]) -> dict[str, str]:
    return {_key(one): str(one.get("value", "")) for one in given}


def _texts(asked: Json, name: str) -> list[str]:
    given: object = asked.get(name) or []
    if not isinstance(given, list):
        raise _invalid(f"'{name}' must be a list.")
    return [str(one) for one in cast("list[object]", given)]


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
    ("POST", "runs/search", _search_runs),
    ("GET", "metrics/get-history", _history),
    ("POST", "experiments/create", _create_experiment),
    ("GET", "experiments/get-by-name", _experiment_by_name),
    ("GET", "experiments/get", _experiment),
    ("POST", "experiments/search", _search_experiments),
    ("GET", "experiments/search", _search_experiments),
)

ROUTES = tuple(Route(method, f"{_ROOT}/{path}", handle) for method, path, handle in _HANDLERS)
