"""A fine-tuning job at its PUT: what it names must be there, and what the service fills in."""

from emulator.arm.registration import require_registered
from emulator.arm.types import Change
from emulator.services.machinelearningservices import data_paths, finetuning, lifecycle
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
    model = details["model"]["uri"]
    properties["properties"] |= {
        "PipelineType": "FineTuning",
        "original_model_id": model,
        "azureml.ModelName": training["base_model"],
        "azureml.PipelineType": "FineTuning",
        "azureml.original_model_id": model,
        "azureml.trainingData.assetId": training["training_data"],
        "_fineTuningJobType": "MaaS",
        "_outputModelName": training["output_name"],
        "StartTimeUtc": f"{change.cloud.clock.now():%Y-%m-%d %H:%M:%S}",
    }
    if training["validation_data"]:
        properties["properties"]["azureml.validationData.assetId"] = training["validation_data"]
    properties["outputs"] = {
        "registered_model": {
            "jobOutputType": "mlflow_model",
            "mode": "ReadWriteMount",
            "assetName": training["output_name"],
            "description": None,
            "uri": None,
        }
    }
    properties |= {
        "jobType": "FineTuning",
        "computeId": None,
        "componentId": None,
        "identity": None,
        "notificationSetting": None,
        "resources": {"instanceTypes": []},
    }
    properties.setdefault("queueSettings", None)


def show(properties: Json, api_version: str) -> Json:
    """A fine-tuning job as the service shows it at a version: an old one shows what it knows.

    As it was recorded (Azure/azure-sdk-assets, test_maap_finetuning_job) at
    2024-01-01-preview: nothing of compute and queue, and fields of its own, all empty.
    """
    properties = properties | {"status": lifecycle.shown("FineTuning", properties["status"])}
    if api_version.lower() in FINE_TUNING_API_VERSIONS:
        return properties
    details: Json = dict(properties["fineTuningDetails"])
    for name in ("model", "trainingData", "validationData"):
        if details.get(name):
            details[name] = details[name] | {"pathOnCompute": None}
    older = {"assetVersion": None, "pathOnCompute": None, "autoDeleteSetting": None}
    outputs = {name: output | older for name, output in properties["outputs"].items()}
    hidden = ("queueSettings", "resources")
    return {name: value for name, value in properties.items() if name not in hidden} | {
        "computeId": None,
        "secretsConfiguration": None,
        "fineTuningDetails": details,
        "outputs": outputs,
    }
