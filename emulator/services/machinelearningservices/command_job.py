"""A command job at its PUT: what it names must be there, and what the service fills in."""

from typing import Any

from emulator.arm.types import Change
from emulator.services.machinelearningservices import (
    command,
    computes,
    data_paths,
    job_inputs,
)
from emulator.services.machinelearningservices.command import Command
from emulator.services.machinelearningservices.references import (
    RegistryEnvironment,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

IMMUTABLE = {
    "jobType": "jobType",
    "experimentName": "experimentName",
    "command": "Command",
    "codeId": "CodeId",
    "environmentId": "EnvironmentId",
    "environmentVariables": "EnvironmentVariables",
    "computeId": "ComputeId",
    "inputs": "Inputs",
    "outputs": "Outputs",
    "resources": "Resources",
    "distribution": "Distribution",
    "limits": "Limits",
    "identity": "Identity",
    "queueSettings": "QueueSettings",
}
"""What a job of the same name can't change, and Azure's word for it."""

# Microsoft's own, in every workspace, by the names they had before registries.
_CURATED = "azureml-"


def asked(properties: Json) -> Json:
    """What makes two submissions the same job; {} and nothing say the same."""
    return {"jobType": "command"} | {
        name: properties.get(name) or None for name in IMMUTABLE if name != "jobType"
    }


def admit(change: Change, project: Resource) -> None:
    """Refuse what the service would refuse, and by name what the emulator can't run."""
    if not change.cloud.command_jobs:
        raise not_emulated("command jobs in this run", "It was started with --no-command-jobs.")
    sent = as_object(change.request.json().get("properties"), "properties")
    if sent.get("services"):
        raise not_emulated("interactive services of a job", "Leave 'services' out.")
    if sent.get("parentJobName"):
        raise not_emulated("jobs that belong to another", "Leave 'parentJobName' out.")
    job = command.read(change.properties)
    _require_code(change, project, job)
    require_environment(change.cloud, project, job.environment)
    _require_compute(change, project, job)
    for given in job.inputs.values():
        job_inputs.place_of(change.cloud, project, given)


def require_environment(cloud: Cloud, project: Resource, id: str) -> None:
    """Refuse an environment that isn't there; Microsoft's own ones count as there."""
    reference = parse(id)
    if isinstance(reference, RegistryEnvironment):
        return  # kept as data: no registry of environments is behind it
    if isinstance(reference, WorkspaceAsset):
        if reference.kind is None and reference.name.lower().startswith(_CURATED):
            return
        if data_paths.find_asset(cloud, project, reference, "environments"):
            return
    raise user_error(
        f"The environment '{id}' doesn't exist.",
        inner="EnvironmentNotFound",
        target="environmentId",
    )


def _require_code(change: Change, project: Resource, job: Command) -> None:
    if job.code is None:
        return
    reference = parse(job.code)
    found = (
        data_paths.find_asset(change.cloud, project, reference, "codes")
        if isinstance(reference, WorkspaceAsset)
        else None
    )
    if found is None:
        raise user_error(
            f"The code asset '{job.code}' doesn't exist.", inner="CodeNotFound", target="codeId"
        )


def _require_compute(change: Change, project: Resource, job: Command) -> None:
    if job.compute is None or job.compute.rsplit("/", 1)[-1].lower() == computes.SERVERLESS:
        return
    if computes.find(change.cloud, project, job.compute) is None:
        raise user_error(
            f"The compute '{job.compute.rsplit('/', 1)[-1]}' doesn't exist in the workspace "
            f"'{project.name}'.",
            inner="ComputeNotFound",
            target="computeId",
        )


def complete(change: Change) -> None:
    """Fill in what the service shows of a new job."""
    properties = change.properties
    job = command.read(properties)
    inputs = as_object(properties.get("inputs"), "inputs")
    outputs = as_object(properties.get("outputs"), "outputs")
    for name, given in job.inputs.items():
        if given.kind != command.LITERAL:
            inputs[name] = {"description": None} | inputs[name] | {"mode": given.mode}
    for name, wanted in job.outputs.items():
        written: dict[str, Any] = outputs.get(name) or {}
        outputs[name] = {"description": None, "uri": None, "assetName": None} | written
        outputs[name] |= {"jobOutputType": wanted.kind, "mode": wanted.mode}
    resources = as_object(properties.get("resources"), "resources")
    properties |= {
        "jobType": "Command",
        "inputs": inputs,
        "outputs": outputs,
        "environmentVariables": dict(job.variables),
        "resources": {"instanceCount": 1, "instanceType": None, "properties": {}} | resources,
        "limits": as_object(properties.get("limits"), "limits") | {"jobLimitsType": "Command"},
        "parameters": {
            name: given.value for name, given in job.inputs.items() if given.kind == command.LITERAL
        },
    }
    for name in ("codeId", "computeId", "componentId", "distribution", "identity", "queueSettings"):
        properties.setdefault(name, None)
    change.private["parameters"] = dict(properties["parameters"])
