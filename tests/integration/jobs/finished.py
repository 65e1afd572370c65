"""A project in which many stories were applied long ago, written straight into the emulator.

Training each of them would take half an hour; what a finished one leaves takes a millisecond.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.ids import ResourceId, parse_id
from emulator.state.store import Resource
from jobs import revision
from jobs.foundry.hyperparameters import to_wire
from jobs.plan import desired
from jobs.plan.desired import Desired, Serving, Training
from jobs.plan.undertaking import DataVersion
from jobs.read.examine import checked
from jobs.spec.canonical import hyperparameters
from tests.integration.jobs.conftest import Place, write_story

_CONTAINER: Mapping[str, Any] = {
    "description": None,
    "tags": {},
    "properties": {},
    "isArchived": False,
}


def write_stories(place: Place, count: int, *, endpoint: bool = True) -> list[Path]:
    """Spec files of so many stories, all with the data of one."""
    first = write_story(place, endpoint=endpoint)
    text = first.read_text(encoding="utf-8").replace(f"{place.name}-train", "train")
    text = text.replace(f"{place.name}-valid", "valid")
    for role in ("train", "valid"):
        (place.folder / f"{place.name}-{role}.jsonl").rename(place.folder / f"{role}.jsonl")
    first.unlink()
    paths = [place.folder / f"{place.name}-{number:04d}.yaml" for number in range(count)]
    for path in paths:
        path.write_text(text.replace(place.name, path.stem), encoding="utf-8")
    return paths


def finish(place: Place, paths: Sequence[Path]) -> Desired:
    """What applying spec files leaves: data, jobs, models, endpoints."""
    asked = desired.read(checked([str(path) for path in paths], strict=False).chapters)
    cloud = place.emulator.cloud
    project = parse_id(place.project_id)
    with cloud.database.transaction():
        for training in asked.trainings:
            for data in training.data:
                _put_data(cloud, project, data)
            _put_job(cloud, project, training)
            _put_model(cloud, project, training)
        for serving in asked.servings:
            _put_endpoint(cloud, project, serving)
    return asked


def _put_data(cloud: Cloud, project: ResourceId, data: DataVersion) -> None:
    container = project.child("data", data.name)
    _put(cloud, container, "data", dict(_CONTAINER))
    uri = f"azureml://datastores/workspaceblobstore/paths/{data.version}/{data.name}.jsonl"
    properties = {**_CONTAINER, "dataType": "uri_file", "dataUri": uri, "isAnonymous": False}
    _put(cloud, container.child("versions", data.version), "data/versions", properties)


def _put_job(cloud: Cloud, project: ResourceId, training: Training) -> None:
    spec = training.spec
    settings = to_wire(hyperparameters(spec))
    data: dict[str, str] = {
        field: f"{project.text}/data/{given.name}/versions/{given.version}"
        for field, given in (("training", training.training), ("validation", training.validation))
        if isinstance(given, DataVersion)
    }
    properties: dict[str, Any] = {
        **_CONTAINER,
        "tags": revision.tags(spec.name, training.revision),
        "jobType": "FineTuning",
        "status": "Completed",
        "displayName": spec.name,
        "experimentName": spec.name,
        "fineTuningDetails": {
            "taskType": "ChatCompletion",
            "modelProvider": "Custom",
            "model": _input("mlflow_model", spec.model_id),
            "trainingData": _input("uri_file", data["training"]),
            "validationData": _input("uri_file", data["validation"]),
            "hyperParameters": settings,
        },
        "outputs": {
            "registered_model": {
                "jobOutputType": "mlflow_model",
                "assetName": spec.registered_model_name,
            }
        },
        "services": {},
    }
    _put(
        cloud,
        project.child("jobs", training.job_name),
        "jobs",
        properties,
        private={"training": {"hyperparameters": settings}},
    )


def _input(kind: str, uri: str) -> dict[str, str]:
    return {"jobInputType": kind, "mode": "ReadOnlyMount", "uri": uri}


def _put_model(cloud: Cloud, project: ResourceId, training: Training) -> None:
    container = project.child("models", training.spec.registered_model_name)
    _put(cloud, container, "models", dict(_CONTAINER), private={"highest": 1})
    properties = {
        **_CONTAINER,
        "properties": {"maas-finetuning": "true", "baseWeightsId": training.spec.model_name},
        "jobName": training.job_name,
        "modelType": "mlflow_model",
        "modelUri": f"azureml://datastores/workspaceblobstore/paths/{training.job_name}",
        "flavors": {},
    }
    _put(cloud, container.child("versions", "1"), "models/versions", properties)


def _put_endpoint(cloud: Cloud, project: ResourceId, serving: Serving) -> None:
    training = serving.training
    assert training is not None
    name = training.spec.registered_model_name
    label, address = f"{name}:1", f"{project.text}/models/{name}/versions/1"
    endpoint = revision.endpoint_name(serving.name, training.revision)
    uri = f"https://{endpoint}.eastus2.models.ai.azure.com"
    properties = {
        "authMode": "Key",
        "contentSafety": {"contentSafetyStatus": "Enabled"},
        "modelSettings": {"modelId": address},
        "provisioningState": "Succeeded",
        "endpointState": "Online",
        "inferenceEndpoint": {"uri": uri},
    }
    tags = {
        **revision.tags(serving.name, training.revision),
        revision.TAG_PROOF: serving.proof(label),
    }
    _put(
        cloud,
        project.child("serverlessEndpoints", endpoint),
        "serverlessEndpoints",
        properties,
        tags=tags,
        location="eastus2",
    )
    followed = {
        "category": "Serverless",
        "target": uri,
        "metadata": {revision.TAG_SPEC: serving.name, "foundry-tune.endpoint": endpoint},
    }
    _put(cloud, project.child("connections", serving.name), "connections", followed)


def _put(
    cloud: Cloud,
    id: ResourceId,
    kind: str,
    properties: dict[str, Any],
    *,
    private: dict[str, Any] | None = None,
    **body: Any,
) -> None:
    resource = Resource(
        id=id,
        type=f"{WORKSPACES}/{kind}",
        body={**body, "properties": properties},
        private=private or {},
    )
    cloud.resources.put(resource)
