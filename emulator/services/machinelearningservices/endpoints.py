"""Serverless endpoints: one model behind a host name, a key and a content filter.

The host is `{name}.{region}.models.ai.azure.com`, so a name is taken once per region whoever asks.
A custom model has at most one endpoint, and a project at most one per base model. The content
filter is on unless the body says otherwise, and what was stored is what is enforced.
"""

import secrets
import string
from dataclasses import replace

from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import catalogue, deployed, marketplace
from emulator.services.machinelearningservices.operations import TRACKING
from emulator.services.machinelearningservices.references import (
    RegistryModel,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    SERVERLESS_API_VERSIONS,
    WORKSPACES,
)
from emulator.services.machinelearningservices.workspaces import kind
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json
from emulator.state.store import Resource

AUTH_MODES = {"key": "Key", "aad": "AAD", "keyandaad": "KeyAndAAD"}
_CONTENT_SAFETY = {"enabled": "Enabled", "disabled": "Disabled"}
_KEY_ALPHABET = string.ascii_letters + string.digits


def find_by_host(cloud: Cloud, name: str, region: str) -> Resource | None:
    """The endpoint behind a host name; None while it doesn't serve."""
    for endpoint in cloud.resources.of_type(deployed.ENDPOINTS):
        if endpoint.name.lower() == name.lower() and endpoint.location == region.lower():
            return endpoint
    return None


def _validate(change: Change) -> None:
    cloud = change.cloud
    project = cloud.resources.get(change.id.parent) if change.id.parent else None
    assert project is not None
    if kind(project) != "Project":
        raise user_error(
            f"'{project.name}' is a hub; serverless endpoints are made in a project.",
            inner="WorkspaceKindNotSupported",
        )
    if str(change.body.get("location")) != project.location:
        raise user_error(
            f"A serverless endpoint must be in its project's region, {project.location}.",
            target="location",
        )
    _check_sku(change)
    _check_settings(change)
    _check_model(change, project)
    _check_name_is_free(change)


def _check_sku(change: Change) -> None:
    sku: Json = change.body.setdefault("sku", {"name": "Consumption"})
    if str(sku.get("name", "")).lower() != "consumption":
        raise user_error(f"sku '{sku.get('name')}' is not known; use 'Consumption'.", target="sku")


def _check_settings(change: Change) -> None:
    # The SDK leaves authMode and contentSafety out; the service then takes its defaults.
    mode = str(change.properties.get("authMode") or "Key")
    if mode.lower() not in AUTH_MODES:
        raise user_error(f"authMode '{mode}' is not one of Key, AAD, KeyAndAAD.", target="authMode")
    change.properties["authMode"] = AUTH_MODES[mode.lower()]
    safety: Json = change.properties.get("contentSafety") or {}
    status = str(safety.get("contentSafetyStatus") or "Enabled")
    if status.lower() not in _CONTENT_SAFETY:
        raise user_error(
            f"contentSafetyStatus '{status}' is not one of Enabled, Disabled.",
            target="contentSafety",
        )
    change.properties["contentSafety"] = safety | {
        "contentSafetyStatus": _CONTENT_SAFETY[status.lower()]
    }


def _check_model(change: Change, project: Resource) -> None:
    settings: Json = change.properties.get("modelSettings") or {}
    uri = str(settings.get("modelId") or "")
    if change.before is not None and uri != deployed.model_id(change.before):
        raise user_error(
            "The model of a serverless endpoint can't be changed. Delete it and make another.",
            inner="Immutable",
            target="modelSettings",
        )
    reference = parse(uri)
    if isinstance(reference, RegistryModel):
        name = _check_base_model(change, reference, project)
    elif isinstance(reference, WorkspaceAsset) and reference.kind == "models":
        name = _check_custom_model(change, uri)
    else:
        raise user_error(f"'{uri}' is not the id of a model.", target="modelSettings")
    model = catalogue.find(name)
    if model is None or (
        isinstance(reference, RegistryModel) and model.registry != reference.registry.lower()
    ):
        raise user_error(
            f"The registry has no model '{name}'.", inner="ModelNotFound", target="modelSettings"
        )
    tuned = isinstance(reference, WorkspaceAsset)
    if project.location not in (model.tuned_regions if tuned else model.serve_regions):
        raise user_error(
            f"{model.name} : Serverless endpoints not supported in {project.location}.",
            inner="ModelNotSupportedByMaaS",
            target="modelSettings",
        )
    refusal = model.served(tuned=tuned).refusal_of_new_use(change.cloud.clock.now().date())
    if refusal and change.before is None:
        raise user_error(
            f"{refusal} It can't be deployed any more.",
            inner="ModelRetired",
            target="modelSettings",
        )
    if change.before is None and not marketplace.is_subscribed(change.cloud, project, model):
        raise user_error(
            f"{model.name} is sold by {model.publisher} through the Azure Marketplace: make a "
            f"marketplace subscription to {model.uri} in the project first.",
            inner="MarketplaceSubscriptionRequired",
            target="modelSettings",
        )


def _check_base_model(change: Change, reference: RegistryModel, project: Resource) -> str:
    if reference.version is not None:
        raise user_error(
            f"The modelId of {reference.name} points to a specific model version, which is not "
            "supported. Leave out '/versions/…'.",
            target="modelSettings",
        )
    for other in change.cloud.resources.children(project.id, deployed.ENDPOINTS):
        served = deployed.base_model_name(deployed.model_id(other)) or ""
        if other.id.key != change.id.key and served.lower() == reference.name.lower():
            raise user_error(
                f"The project has a deployment of {reference.name} already: '{other.name}'. One "
                "deployment per model is allowed in a project.",
                inner="DeploymentExists",
                status=409,
                code="Conflict",
            )
    return reference.name


def _check_custom_model(change: Change, uri: str) -> str:
    version = deployed.resolve(change.cloud, uri)
    if version is None:
        raise user_error(
            f"The model '{uri}' doesn't exist.", inner="ModelNotFound", target="modelSettings"
        )
    # Deploying a model takes the right to read it, which a project elsewhere may not grant.
    change.cloud.access.require_linked(
        change.request.caller,
        f"{deployed.ENDPOINTS}/write",
        change.id.text,
        linked=f"{WORKSPACES}/models/versions/read",
        linked_scope=version.id.text,
    )
    if version.properties.get("isArchived"):
        raise user_error(f"The model '{uri}' is archived.", target="modelSettings")
    trained: Json = version.properties.get("properties") or {}
    if trained.get("maas-finetuning") != "true":
        raise user_error(
            f"The model '{uri}' did not come from a serverless fine-tuning job; only such models "
            "can be served by a serverless endpoint.",
            inner="ModelNotSupportedByMaaS",
            target="modelSettings",
        )
    serving = deployed.endpoint_of(change.cloud, version)
    if serving is not None and serving.id.key != change.id.key:
        raise user_error(
            f"The model is deployed to the serverless endpoint '{serving.name}' already. One "
            "deployment per custom model is allowed.",
            inner="DeploymentExists",
            status=409,
            code="Conflict",
        )
    return str(trained.get("baseWeightsId", ""))


def _check_name_is_free(change: Change) -> None:
    taken = find_by_host(change.cloud, change.id.name, str(change.body["location"]))
    if taken is not None and taken.id.key != change.id.key:
        raise user_error(
            f"The name '{change.id.name}' is taken in {change.body['location']}. Endpoint names "
            "must be unique in a region.",
            inner="NameNotAvailable",
            status=409,
            code="Conflict",
        )


def _defaults(change: Change) -> None:
    change.body.setdefault("tags", {})
    change.body.setdefault("kind", None)
    change.properties.pop("marketplaceSubscriptionId", None)
    change.properties["endpointState"] = "Online"
    change.properties["inferenceEndpoint"] = {
        "uri": f"https://{change.id.name}.{change.body['location']}.models.ai.azure.com",
        "headers": {},
    }
    for name in ("primaryKey", "secondaryKey"):
        change.private.setdefault(name, new_key())


def _show(cloud: Cloud, endpoint: Resource, api_version: str) -> Json:
    del cloud, api_version
    busy = {"Creating": "Creating", "Deleting": "Deleting"}.get(endpoint.state)
    if busy is None:
        return endpoint.body
    return endpoint.body | {"properties": endpoint.properties | {"endpointState": busy}}


def _list_keys(request: Request, endpoint: Resource) -> Response:
    del request
    if endpoint.properties["authMode"] == "AAD":
        raise user_error(
            f"The endpoint '{endpoint.name}' takes Entra tokens only; it has no keys.",
            inner="KeyAuthDisabled",
        )
    return Response.json({name: endpoint.private[name] for name in ("primaryKey", "secondaryKey")})


def _regenerate_keys(request: Request, endpoint: Resource) -> Response:
    body = request.json()
    name = key_named(body)
    renewed = replace(
        endpoint, private=endpoint.private | {name: str(body.get("keyValue") or new_key())}
    )
    return _list_keys(request, request.cloud.resources.put(renewed))


def key_named(body: Json) -> str:
    """Which of an endpoint's two keys is to be renewed."""
    names = {"primary": "primaryKey", "secondary": "secondaryKey"}
    name = names.get(str(body.get("keyType", "")).lower())
    if name is None:
        raise user_error("keyType must be Primary or Secondary.", target="keyType")
    return name


def new_key() -> str:
    """A random key of 32 letters and digits."""
    return "".join(secrets.choice(_KEY_ALPHABET) for _ in range(32))


ENDPOINT_TYPE = ResourceType(
    name=deployed.ENDPOINTS,
    api_versions=SERVERLESS_API_VERSIONS,
    put=Put(created=201, updated=200, polling=Polling.ASYNC),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    patch=True,
    located=True,
    system_data=True,
    name_pattern=r"^[a-zA-Z][a-zA-Z0-9-]{0,51}$",
    objects=("contentSafety", "modelSettings"),
    read_only=("endpointState", "inferenceEndpoint", "marketplaceSubscriptionId"),
    tracking=TRACKING,
    actions={
        "listKeys": Action(handle=_list_keys),
        "regenerateKeys": Action(handle=_regenerate_keys),
    },
    validate=_validate,
    defaults=_defaults,
    project=_show,
)
