"""What MLflow's API shows: runs, experiments and refusals in its own terms."""

from datetime import datetime
from typing import Any

from emulator.http.messages import Request, Response
from emulator.http.routing import render_json_error
from emulator.services.machinelearningservices import (
    experiments,
    lifecycle,
    metrics,
    workspaces,
)
from emulator.services.machinelearningservices.experiments import Experiment
from emulator.services.machinelearningservices.run_search import Facts
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json, decode_json, encode_json
from emulator.state.store import Resource

_STATUS = {
    lifecycle.COMPLETED: "FINISHED",
    lifecycle.FAILED: "FAILED",
    lifecycle.CANCELED: "KILLED",
    lifecycle.QUEUED: "SCHEDULED",
}
_RUNNING = "RUNNING"
_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
}


def status_of_job(status: str) -> str | None:
    """A job's status in MLflow's word for it; None where MLflow has none."""
    known = {word: job for job, word in _STATUS.items()} | {_RUNNING: lifecycle.RUNNING}
    return known.get(status)


def run(cloud: Cloud, job: Resource) -> Json:
    """A run with its newest metrics, its parameters and tags."""
    facts_of = facts(cloud, job)
    tags, parameters, attributes = facts_of["tags"], facts_of["params"], facts_of["attributes"]
    project = workspaces.workspace_of(cloud, job)
    experiment_id = experiments.id_of(project, job.properties["experimentName"])
    return {
        "info": {
            **{name: value for name, value in attributes.items() if value is not None},
            "run_uuid": job.name,
            "experiment_id": experiment_id,
            # Opened by azureml-mlflow; mlflow alone says that it doesn't know the scheme.
            "artifact_uri": f"azureml://{project.location}.api.azureml.ms/mlflow/v2.0"
            f"{project.id.text}/experiments/{job.properties['experimentName']}"
            f"/runs/{job.name}/artifacts",
            "lifecycle_stage": "deleted" if job.properties["isArchived"] else "active",
        },
        "data": {
            "metrics": [value(one) for one in metrics.last(cloud, job.id.key)],
            "params": [{"key": name, "value": word} for name, word in parameters.items()],
            "tags": [{"key": name, "value": word} for name, word in tags.items()],
        },
        "inputs": {},
    }


def facts(cloud: Cloud, job: Resource) -> Facts:
    """What a search can ask of a run."""
    tags: dict[str, Any] = job.properties.get("tags") or {}
    parameters: dict[str, Any] = job.private.get("parameters") or {}
    began = job.private.get("startTime")
    ended = job.private.get("endTime")
    return {
        "metrics": {one.name: one.value for one in metrics.last(cloud, job.id.key)},
        "params": {name: str(word) for name, word in parameters.items()},
        "tags": {"mlflow.runName": job.properties["displayName"]}
        | {name: str(word) for name, word in tags.items()},
        "attributes": {
            "run_id": job.name,
            "run_name": job.properties["displayName"],
            "user_id": job.created_by,
            "status": _STATUS.get(_status(job), _RUNNING),
            "start_time": _milliseconds(began) if began else int(job.created_at * 1000),
            "end_time": _milliseconds(ended) if ended else None,
        },
    }


def _status(job: Resource) -> str:
    return lifecycle.shown(str(job.properties.get("jobType")), job.properties["status"])


def value(logged: metrics.Value) -> Json:
    """One logged value of a metric."""
    return {
        "key": logged.name,
        "value": logged.value,
        "timestamp": int(logged.logged_at * 1000),
        "step": logged.step,
    }


def experiment(shown: Experiment) -> Json:
    """An experiment."""
    return {
        "experiment_id": shown.id,
        "name": shown.name,
        "lifecycle_stage": "active",
        "artifact_location": "",
        "creation_time": int(shown.created_at * 1000),
        "last_update_time": int(shown.created_at * 1000),
        "tags": [],
    }


def failure(request: Request, error: AzureError) -> Response:
    """A refusal: Azure's envelope, and beside it the code by which MLflow's client tells it."""
    response = render_json_error(request, error)
    assert isinstance(response.body, bytes)
    code = error.code if error.code.isupper() else _CODES.get(error.status, "INTERNAL_ERROR")
    body = decode_json(response.body) | {"error_code": code, "message": error.message}
    response.body = encode_json(body).encode()
    return response


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
