"""A deployment's body: read, held against what the service allows; and where its model lies.

The shape is the `2025-12-01` schema as azure-ai-ml sends it.
"""

from dataclasses import dataclass

from emulator.services.machinelearningservices import command, data_paths, job_inputs
from emulator.services.machinelearningservices.data_paths import BlobPath
from emulator.services.machinelearningservices.references import (
    RegistryModel,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

# From the schema's own text: ProbeSettings and OnlineRequestSettings of 2025-12-01.
PROBE = {
    "initialDelay": "PT10S",
    "period": "PT10S",
    "timeout": "PT2S",
    "failureThreshold": 30,
    "successThreshold": 1,
}
REQUESTS = {
    "requestTimeout": "PT5S",
    "maxQueueWait": "PT0.5S",
    "maxConcurrentRequestsPerInstance": 1,
}
_MAX_TIMEOUT = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What runs, read from a valid body. Times are in seconds."""

    model: str | None
    code: str
    script: str
    variables: dict[str, str]
    instances: int
    concurrent: int
    request_timeout: float
    start_limit: float
    """How long `init()` may take before the liveness probe has failed too often."""


def read(body: Json) -> Deployment:
    """Read a deployment's body; refuse at the first thing that can't be."""
    properties = as_object(body.get("properties"), "properties")
    code = as_object(properties.get("codeConfiguration"), "codeConfiguration")
    requests = REQUESTS | given(properties, "requestSettings")
    probe = PROBE | given(properties, "livenessProbe")
    period = _seconds(probe, "livenessProbe", "period")
    timeout = _seconds(requests, "requestSettings", "requestTimeout")
    if not 0 < timeout <= _MAX_TIMEOUT:
        raise user_error(
            f"requestTimeout must be above 0 and at most {_MAX_TIMEOUT:.0f} seconds.",
            target="requestSettings",
        )
    sku = as_object(body.get("sku"), "sku")
    return Deployment(
        model=str(properties["model"]) if properties.get("model") else None,
        code=str(code.get("codeId") or ""),
        script=str(code.get("scoringScript") or ""),
        variables=command.environment_variables(properties),
        instances=_count(sku, "sku", "capacity"),
        concurrent=_count(requests, "requestSettings", "maxConcurrentRequestsPerInstance"),
        request_timeout=timeout,
        start_limit=_seconds(probe, "livenessProbe", "initialDelay")
        + period * _count(probe, "livenessProbe", "failureThreshold"),
    )


def model_place(cloud: Cloud, project: Resource, uri: str) -> tuple[Resource, BlobPath]:
    """A registered model version and where its files lie; refuses what can't be served."""
    reference = parse(uri)
    if isinstance(reference, RegistryModel):
        raise not_emulated(
            f"the weights of '{uri}'", "The emulator has no registry's files; use a model of yours."
        )
    version = (
        data_paths.find_asset(cloud, project, reference, "models")
        if isinstance(reference, WorkspaceAsset)
        else None
    )
    if version is None:
        raise user_error(f"The model '{uri}' doesn't exist.", inner="ModelNotFound", target="model")
    place = data_paths.locate(cloud, project, str(version.properties["modelUri"]), "models")
    if not job_inputs.has_content(cloud, place):
        raise user_error(
            f"The model '{uri}' has no files: there is nothing at '{place.path}' in the container "
            f"'{place.container}'.",
            inner="ModelNotFound",
            target="model",
        )
    return version, place


def given(properties: Json, name: str) -> Json:
    """What is said of some settings, without what is null."""
    said = as_object(properties.get(name), name)
    return {key: value for key, value in said.items() if value is not None}


def _seconds(settings: Json, where: str, name: str) -> float:
    found = command.seconds_of(str(settings[name]))
    if found is None:
        raise user_error(
            f"{where}.{name}: '{settings[name]}' is not an ISO 8601 duration.", target=where
        )
    return found


def _count(settings: Json, where: str, name: str) -> int:
    count = settings.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise user_error(f"{where}.{name} must be a whole number from 1 on.", target=where)
    return count
