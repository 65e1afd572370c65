"""Fine-tuning jobs on management.azure.com: submitted once by name, canceled, deleted.

A PUT of a name that exists changes only what a finished job may still change; asking for another
training under the same name is refused in the service's own words. The training itself is the
runner's.
"""

from emulator.arm.operations import Operations
from emulator.arm.registration import require_registered
from emulator.arm.types import Action, Change, Delete, Polling, ResourceType
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import data_paths, finetuning, metrics, runner
from emulator.services.machinelearningservices.lifecycle import QUEUED, TERMINAL
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    API_VERSIONS,
    FINE_TUNING_API_VERSIONS,
    OPERATIONS_PATH,
    WORKSPACES,
)
from emulator.services.machinelearningservices.workspaces import kind
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

JOBS = f"{WORKSPACES}/jobs"
_MUTABLE = ("description", "tags", "displayName", "properties", "isArchived")
_IMMUTABLE = ("jobType", "experimentName", "fineTuningDetails", "outputs")


def _validate(change: Change) -> None:
    cloud, properties = change.cloud, change.properties
    kind_of_job = str(properties.get("jobType", ""))
    if kind_of_job.lower() != "finetuning":
        raise not_emulated(f"jobs of type '{kind_of_job}'", "Only FineTuning jobs are known.")
    if change.request.api_version.lower() not in FINE_TUNING_API_VERSIONS:
        raise user_error(
            f"jobType 'FineTuning' is not known in api-version {change.request.api_version}; it "
            f"is a preview: use {', '.join(FINE_TUNING_API_VERSIONS)}.",
            target="jobType",
        )
    project = cloud.resources.get(change.id.parent) if change.id.parent else None
    assert project is not None
    asked = _asked(properties)
    if change.before is not None:
        _check_unchanged(change.before.private["asked"], asked)
        return
    if runner.of(cloud).works_on(change.id.key):
        # Ours: its last words would be taken for the new job's.
        raise user_error(
            f"The job '{change.id.name}' was deleted and its work is being ended. Try again.",
            status=409,
            code="Conflict",
        )
    if kind(project) != "Project":
        raise user_error(
            f"'{project.name}' is a hub; serverless fine-tuning runs in a project.",
            inner="WorkspaceKindNotSupported",
        )
    # The guide's prerequisite; which part of the service needs it, no page says.
    require_registered(cloud, change.id.subscription, "Microsoft.Network")
    job = finetuning.read(
        properties,
        job=change.id.name,
        region=project.location,
        today=cloud.clock.now().date(),
    )
    for uri in filter(None, (job.training_data, job.validation_data)):
        data_paths.require_blob(cloud, data_paths.locate(cloud, project, uri), uri)
    change.private |= {
        "asked": asked,
        "training": {
            "base_model": job.model.name,
            "base_model_version": job.model_version,
            "base_model_uri": job.model.uri,
            "training_data": job.training_data,
            "validation_data": job.validation_data,
            "hyperparameters": job.hyperparameters,
            "output_name": job.output_name,
        },
    }


def _asked(properties: Json) -> Json:
    """What makes two submissions the same job."""
    details: Json = dict(properties.get("fineTuningDetails") or {})
    details["taskType"] = str(details.get("taskType", "")).lower()
    return {
        "jobType": "finetuning",
        "experimentName": properties.get("experimentName"),
        "fineTuningDetails": details,
        "outputs": properties.get("outputs"),
    }


def _check_unchanged(before: Json, asked: Json) -> None:
    changed = [
        name for name in _IMMUTABLE
        if before.get(name) != asked.get(name) and not (
            name == "experimentName" and asked.get(name) is None
        )
    ]  # fmt: skip
    if changed:
        words = {"fineTuningDetails": "Inputs", "outputs": "Outputs"}
        parts = ",  ".join(words.get(name, name) for name in changed)
        # Word for word what the service says (azure-docs#122250).
        raise user_error(
            "A job with this name already exists. If you are trying to create a new job, use a "
            "different name. If you are trying to update an existing job, the existing job's "
            f"{parts} cannot be changed. Only description, tags, displayName, properties, and "
            "isArchived can be updated.",
            inner="JobPropertyImmutable",
        )


def _defaults(change: Change) -> None:
    if change.before is not None:
        given = {name: change.properties[name] for name in _MUTABLE if name in change.properties}
        kept = change.before.properties
        if "properties" in given:
            given["properties"] = kept["properties"] | (given["properties"] or {})
        change.body = change.before.body | {"properties": kept | given}
        return
    training: Json = change.private["training"]
    properties = change.properties
    details: Json = properties["fineTuningDetails"]
    for name in ("model", "trainingData", "validationData"):
        if details.get(name):
            details[name] = {"mode": "ReadOnlyMount", "description": None} | details[name]
    details |= {"taskType": "ChatCompletion", "modelProvider": "Custom"}
    details["hyperParameters"] = training["hyperparameters"]
    properties |= {
        "description": properties.get("description"),
        "experimentName": properties.get("experimentName") or "Default",
        "isArchived": bool(properties.get("isArchived")),
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
    }
    properties["displayName"] = properties.get("displayName") or change.id.name
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
    assert change.id.parent is not None
    properties |= {
        "jobType": "FineTuning",
        "status": QUEUED,
        "computeId": None,
        "componentId": None,
        "services": {
            "Studio": {
                "jobServiceType": "Studio",
                "endpoint": f"https://ml.azure.com/runs/{change.id.name}"
                f"?wsid={change.id.parent.text}&tid={change.cloud.tenant}",
                "port": None,
                "status": None,
                "errorMessage": None,
                "properties": None,
            }
        },
    }


def _created(cloud: Cloud, job: Resource) -> None:
    cloud.database.after_commit(lambda: runner.of(cloud).submit(job.id.key))


def _cancel(request: Request, job: Resource) -> Response:
    cloud = request.cloud
    if job.properties["status"] in TERMINAL:
        raise user_error(
            f"The job '{job.name}' is {job.properties['status']} already; it can't be canceled.",
            inner="JobInTerminalState",
        )
    runner.of(cloud).cancel(job)
    operation = cloud.part(Operations).start(
        request, job.id, JOBS, "cancel", location=_location(cloud, job)
    )
    headers = cloud.part(Operations).headers(
        operation, Polling.ASYNC, OPERATIONS_PATH, request.api_version
    )
    return Response.empty(202, headers)


def _before_delete(request: Request, job: Resource) -> None:
    del request
    if job.properties["status"] not in TERMINAL:
        raise AzureError(
            409,
            "Conflict",
            f"The job '{job.name}' is {job.properties['status']}. Cancel it before deleting it.",
        )


def _after_delete(cloud: Cloud, job: Resource) -> None:
    """Also when the project goes: running jobs end with it."""
    metrics.forget(cloud, job.id.key)
    # Once it is certain: a deletion that is rolled back leaves the job at work.
    cloud.database.after_commit(lambda: runner.of(cloud).stop(job.id.key))


def _location(cloud: Cloud, job: Resource) -> str:
    project = cloud.resources.get(job.id.parent) if job.id.parent else None
    return project.location if project else ""


def _select(request: Request, found: list[Resource]) -> list[Resource]:
    view = request.option("listViewType", "ActiveOnly").lower()
    if view != "all":
        archived = view == "archivedonly"
        found = [job for job in found if bool(job.properties.get("isArchived")) is archived]
    wanted = request.option("jobType").lower()
    if wanted:
        found = [job for job in found if str(job.properties["jobType"]).lower() == wanted]
    return list(reversed(found))


JOB_TYPE = ResourceType(
    name=JOBS,
    api_versions=API_VERSIONS,
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    provisioning_state=False,
    system_data=True,
    name_pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$",
    objects=(
        "fineTuningDetails",
        "outputs",
        "outputs.registered_model",
        "resources",
        "properties",
        "tags",
    ),
    read_only=("status", "services"),
    operations_path=OPERATIONS_PATH,
    actions={"cancel": Action(handle=_cancel)},
    validate=_validate,
    defaults=_defaults,
    created=_created,
    before_delete=_before_delete,
    after_delete=_after_delete,
    select=_select,
)
