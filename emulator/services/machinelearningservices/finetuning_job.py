"""A fine-tuning job at its PUT: what it names must be there, and what the service fills in."""

from emulator.arm.registration import require_registered
from emulator.arm.types import Change
from emulator.services.machinelearningservices import data_paths, finetuning
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import FINE_TUNING_API_VERSIONS
from emulator.state.json_text import Json
from emulator.state.store import Resource

IMMUTABLE = {
    "jobType": "jobType",
    "experimentName": "experimentName",
    "fineTuningDetails": "Inputs",
    "outputs": "Outputs",
}
"""What a job of the same name can't change, and Azure's word for it."""


def asked(properties: Json) -> Json:
    """What makes two submissions the same job."""
    details: Json = dict(properties.get("fineTuningDetails") or {})
    details["taskType"] = str(details.get("taskType", "")).lower()
    return {
        "jobType": "finetuning",
        "experimentName": properties.get("experimentName"),
        "fineTuningDetails": details,
        "outputs": properties.get("outputs"),
    }


def require_version(change: Change) -> None:
    """Refuse an api-version that has no jobs of this type."""
    if change.request.api_version.lower() not in FINE_TUNING_API_VERSIONS:
        raise user_error(
            f"jobType 'FineTuning' is not known in api-version {change.request.api_version}; it "
            f"is a preview: use {', '.join(FINE_TUNING_API_VERSIONS)}.",
            target="jobType",
        )


def admit(change: Change, project: Resource) -> None:
    """Refuse what the service would refuse before it begins."""
    cloud = change.cloud
    # The guide's prerequisite; which part of the service needs it, no page says.
    require_registered(cloud, change.id.subscription, "Microsoft.Network")
    job = finetuning.read(
        change.properties,
        job=change.id.name,
        region=project.location,
        today=cloud.clock.now().date(),
    )
    for uri in filter(None, (job.training_data, job.validation_data)):
        data_paths.require_blob(cloud, data_paths.locate(cloud, project, uri), uri)
    change.private["training"] = {
        "base_model": job.model.name,
        "base_model_version": job.model_version,
        "base_model_uri": job.model.uri,
        "training_data": job.training_data,
        "validation_data": job.validation_data,
        "hyperparameters": job.hyperparameters,
        "output_name": job.output_name,
    }
    change.private["parameters"] = job.hyperparameters


def complete(change: Change) -> None:
    """Fill in what the service shows of a new job."""
    training: Json = change.private["training"]
    properties = change.properties
    details: Json = properties["fineTuningDetails"]
    for name in ("model", "trainingData", "validationData"):
        if details.get(name):
            details[name] = {"mode": "ReadOnlyMount", "description": None} | details[name]
    details |= {"taskType": "ChatCompletion", "modelProvider": "Custom"}
    details["hyperParameters"] = training["hyperparameters"]
    properties["properties"] |= {
        "PipelineType": "FineTuning",
        "original_model_id": details["model"]["uri"],
        "azureml.ModelName": training["base_model"],
        "_fineTuningJobType": "MaaS",
        "_outputModelName": training["output_name"],
    }
    properties["outputs"] = {
        "registered_model": {
            "jobOutputType": "mlflow_model",
            "mode": "ReadWriteMount",
            "assetName": training["output_name"],
            "uri": None,
        }
    }
    properties |= {"jobType": "FineTuning", "computeId": None, "componentId": None}
