"""Which serverless endpoint serves which model."""

from emulator.services.machinelearningservices.references import (
    RegistryModel,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.services.machinelearningservices.workspaces import by_guid
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json
from emulator.state.store import Resource

ENDPOINTS = f"{WORKSPACES}/serverlessEndpoints"


def model_id(endpoint: Resource) -> str:
    """The model that an endpoint was told to serve."""
    settings: Json = endpoint.properties.get("modelSettings") or {}
    return str(settings.get("modelId", ""))


def endpoint_of(cloud: Cloud, model_version: Resource) -> Resource | None:
    """The endpoint that serves a model version, in whatever way it names it."""
    for endpoint in cloud.resources.of_type(ENDPOINTS):
        served = resolve(cloud, model_id(endpoint))
        if served is not None and served.id.key == model_version.id.key:
            return endpoint
    return None


def resolve(cloud: Cloud, uri: str) -> Resource | None:
    """The registered model version that an id names; None for a base model, or if it is gone."""
    reference = parse(uri)
    if not isinstance(reference, WorkspaceAsset) or reference.version is None:
        return None
    workspace = reference.workspace_arm_id
    if reference.workspace_guid:
        home = by_guid(cloud, reference.workspace_guid)
        workspace = home.id.text if home else None
    if workspace is None:
        return None
    return cloud.resources.get(f"{workspace}/models/{reference.name}/versions/{reference.version}")


def base_model_name(uri: str) -> str | None:
    """The name of the registry's model that an id names; None if it names no such model."""
    reference = parse(uri)
    return reference.name if isinstance(reference, RegistryModel) else None
