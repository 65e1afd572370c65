"""Deployments of a managed online endpoint: a model and a scoring script that really run.

A PUT is done once the script's `init()` has come back; one that fails is a failed deployment with
its log. What runs is in `online_serving.py`.
"""

import re
from typing import Any

from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import data_paths, online_serving, workspaces
from emulator.services.machinelearningservices.command_job import require_environment
from emulator.services.machinelearningservices.online_deployment import (
    PROBE,
    REQUESTS,
    Deployment,
    given,
    model_place,
    read,
)
from emulator.services.machinelearningservices.online_endpoints import (
    DEPLOYMENTS,
    NAME,
    traffic_of,
)
from emulator.services.machinelearningservices.operations import tracked_as
from emulator.services.machinelearningservices.references import WorkspaceAsset, parse
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import API_VERSIONS
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

_INSTANCE_TYPE = re.compile(r"standard_[a-z0-9_-]+", re.I)
_WHAT_RUNS = (
    "model",
    "codeConfiguration",
    "environmentId",
    "environmentVariables",
    "requestSettings",
    "livenessProbe",
)


def _validate(change: Change) -> None:
    cloud, properties = change.cloud, change.properties
    if not cloud.command_jobs:
        raise not_emulated(
            "deployments of your own code in this run", "It was started with --no-command-jobs."
        )
    endpoint = cloud.resources.get(change.id.parent) if change.id.parent else None
    assert endpoint is not None
    if str(change.body.get("location")) != endpoint.location:
        raise user_error(
            f"A deployment must be in its endpoint's region, {endpoint.location}.",
            target="location",
        )
    if change.request.method == "PATCH" and change.request.json().get("properties"):
        raise user_error("A PATCH changes tags and the sku only.", target="properties")
    _refuse_what_is_not_emulated(properties)
    kind = str(properties.get("instanceType") or "")
    if not _INSTANCE_TYPE.fullmatch(kind):
        raise user_error(
            f"instanceType '{kind}' is not a size of virtual machines, as Standard_DS3_v2 is.",
            target="instanceType",
        )
    project = workspaces.workspace_of(cloud, endpoint)
    asked = read(change.body)
    if asked.model:
        model_place(cloud, project, asked.model)
    _check_code(change, project, asked)
    require_environment(cloud, project, str(properties["environmentId"]))


def _refuse_what_is_not_emulated(properties: Json) -> None:
    kind = str(properties.get("endpointComputeType") or "Managed")
    if kind.lower() != "managed":
        raise not_emulated(
            f"deployments on '{kind}'", "Use a managed one: endpointComputeType Managed."
        )
    properties["endpointComputeType"] = "Managed"
    scale = str(given(properties, "scaleSettings").get("scaleType") or "Default")
    if scale.lower() != "default":
        raise not_emulated("autoscale", "Leave 'scaleSettings' out.")
    if properties.get("dataCollector"):
        raise not_emulated("data collection", "Leave 'dataCollector' out.")
    if properties.get("modelMountPath"):
        raise not_emulated(
            "a mount path of the model", "Leave 'modelMountPath' out and use AZUREML_MODEL_DIR."
        )
    if not given(properties, "codeConfiguration"):
        raise not_emulated(
            "deployments without a scoring script (MLflow models, Triton, your own server)",
            "Give 'codeConfiguration' and 'environmentId'.",
        )
    if not properties.get("environmentId"):
        raise user_error(
            "A deployment with a scoring script needs an environment.", target="environmentId"
        )


def _check_code(change: Change, project: Resource, asked: Deployment) -> None:
    reference = parse(asked.code)
    found = (
        data_paths.find_asset(change.cloud, project, reference, "codes")
        if isinstance(reference, WorkspaceAsset)
        else None
    )
    if found is None:
        raise user_error(
            f"The code asset '{asked.code}' doesn't exist.",
            inner="CodeNotFound",
            target="codeConfiguration",
        )
    if not asked.script.endswith(".py"):
        raise user_error(
            f"scoringScript '{asked.script}' is no Python file.", target="codeConfiguration"
        )


def _defaults(change: Change) -> None:
    change.body.setdefault("tags", {})
    change.body.setdefault("kind", "Managed")
    properties = change.properties
    optional: dict[str, Any] = {
        "description": None,
        "model": None,
        "environmentVariables": {},
        "properties": {},
        "appInsightsEnabled": False,
        "egressPublicNetworkAccess": "Enabled",
    }
    for name, value in optional.items():
        if properties.get(name) is None:
            properties[name] = value
    properties["scaleSettings"] = {"scaleType": "Default"}
    properties["requestSettings"] = REQUESTS | given(properties, "requestSettings")
    for name in ("livenessProbe", "readinessProbe"):
        properties[name] = PROBE | given(properties, name)
    change.private["starts"] = change.before is None or (
        change.before.state == "Failed"
        or change.before.body.get("sku") != change.body.get("sku")
        or any(change.before.properties.get(name) != properties.get(name) for name in _WHAT_RUNS)
    )


def _start(cloud: Cloud, deployment: Resource) -> None:
    key, starts = deployment.id.key, bool(deployment.private["starts"])
    cloud.database.after_commit(lambda: online_serving.of(cloud).start(key, anew=starts))


def _stop(cloud: Cloud, deployment: Resource) -> None:
    cloud.database.after_commit(lambda: online_serving.of(cloud).stop(deployment.id.key))


def _before_delete(request: Request, deployment: Resource) -> None:
    endpoint = request.cloud.resources.get(deployment.id.parent) if deployment.id.parent else None
    share = traffic_of(endpoint).get(deployment.name.lower(), 0) if endpoint else 0
    if share:
        raise user_error(
            f"The deployment '{deployment.name}' gets {share} % of the traffic. Set its traffic to "
            "0 before you delete it.",
            inner="DeploymentHasTraffic",
        )


def _get_logs(request: Request, deployment: Resource) -> Response:
    asked = request.json()
    container = str(asked.get("containerType") or "InferenceServer")
    if container.lower() not in ("inferenceserver", "storageinitializer"):
        raise user_error(
            f"containerType '{container}' is not one of InferenceServer, StorageInitializer.",
            target="containerType",
        )
    tail = asked.get("tail")
    lines = tail if isinstance(tail, int) and not isinstance(tail, bool) and tail > 0 else 5000
    said = online_serving.of(request.cloud).log(
        deployment, initializer=container.lower() == "storageinitializer"
    )
    return Response.json({"content": "\n".join(said.splitlines()[-lines:])})


ONLINE_DEPLOYMENT_TYPE = ResourceType(
    name=DEPLOYMENTS,
    api_versions=API_VERSIONS,
    put=Put(created=201, updated=200, polling=Polling.ASYNC, waits=True, says_location=True),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    patch=True,
    located=True,
    system_data=True,
    name_pattern=NAME,
    objects=(
        "codeConfiguration",
        "environmentVariables",
        "requestSettings",
        "livenessProbe",
        "readinessProbe",
        "scaleSettings",
        "properties",
    ),
    immutable=("endpointComputeType", "instanceType"),
    tracking=tracked_as("odidp"),
    actions={"getLogs": Action(handle=_get_logs)},
    validate=_validate,
    defaults=_defaults,
    created=_start,
    updated=_start,
    before_delete=_before_delete,
    after_delete=_stop,
)
