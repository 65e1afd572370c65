"""Managed online endpoints: a host name, keys or tokens, and how the calls are split.

The host is `{name}.{region}.inference.ml.azure.com`, so a name is taken once per region whoever
asks. What answers behind it are deployments (`online_deployments.py`).
"""

import hashlib
import hmac
from dataclasses import replace

from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices.endpoints import key_named, new_key
from emulator.services.machinelearningservices.operations import tracked_as
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    API_VERSIONS,
    WORKSPACES,
)
from emulator.services.machinelearningservices.workspaces import kind
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

ENDPOINTS = f"{WORKSPACES}/onlineEndpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
NAME = r"^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$"
"""Three to thirty-two letters, digits and hyphens, as the service says it for both types."""

_AUTH_MODES = {"key": "Key", "amltoken": "AMLToken", "aadtoken": "AADToken"}
_TOKEN_SECONDS = 3600 * 12
_REFRESH_SECONDS = 3600


def find_by_host(cloud: Cloud, name: str, region: str) -> Resource | None:
    """The endpoint behind a host name."""
    for endpoint in cloud.resources.of_type(ENDPOINTS):
        if endpoint.name.lower() == name.lower() and endpoint.location == region.lower():
            return endpoint
    return None


def traffic_of(endpoint: Resource) -> dict[str, int]:
    """Which share of the calls each deployment gets, in percent."""
    traffic: dict[str, int] = endpoint.properties.get("traffic") or {}
    return traffic


def accepts_token(cloud: Cloud, endpoint: Resource, token: str) -> bool:
    """Whether a token that `token` gave out opens the endpoint still."""
    expiry, _, proof = token.partition(".")
    if not expiry.isdecimal() or int(expiry) < cloud.clock.timestamp():
        return False
    return hmac.compare_digest(proof.encode(), _proof(endpoint, expiry).encode())


def _validate(change: Change) -> None:
    project = change.cloud.resources.get(change.id.parent) if change.id.parent else None
    assert project is not None
    if kind(project) == "Hub":
        raise user_error(
            f"'{project.name}' is a hub; online endpoints are made in a project.",
            inner="WorkspaceKindNotSupported",
        )
    if str(change.body.get("location")) != project.location:
        raise user_error(
            f"An online endpoint must be in its workspace's region, {project.location}.",
            target="location",
        )
    if change.request.method == "PATCH" and change.request.json().get("properties"):
        raise user_error("A PATCH changes tags and the identity only.", target="properties")
    _refuse_what_is_not_emulated(change.properties)
    mode = str(change.properties.get("authMode") or "")
    if mode.lower() not in _AUTH_MODES:
        raise user_error(
            f"authMode '{mode}' is not one of Key, AMLToken, AADToken.", target="authMode"
        )
    change.properties["authMode"] = _AUTH_MODES[mode.lower()]
    _check_traffic(change)
    taken = find_by_host(change.cloud, change.id.name, str(change.body["location"]))
    if taken is not None and taken.id.key != change.id.key:
        raise user_error(
            f"The name '{change.id.name}' is taken in {change.body['location']}. Endpoint names "
            "must be unique in a region.",
            inner="NameNotAvailable",
            status=409,
            code="Conflict",
        )
    # The service gives every managed online endpoint an identity.
    if not change.body.get("identity"):
        change.body["identity"] = {"type": "SystemAssigned"}


def _refuse_what_is_not_emulated(properties: Json) -> None:
    if properties.get("compute"):
        raise not_emulated("Kubernetes online endpoints", "Leave 'compute' out: a managed one.")
    if any(as_object(properties.get("mirrorTraffic"), "mirrorTraffic").values()):
        raise not_emulated("mirrored traffic", "Leave 'mirrorTraffic' out.")
    access = str(properties.get("publicNetworkAccess") or "Enabled")
    if access.lower() != "enabled":
        raise not_emulated(
            "online endpoints without public access", "Leave 'publicNetworkAccess' out."
        )


def _check_traffic(change: Change) -> None:
    traffic = as_object(change.properties.get("traffic"), "traffic")
    kept: dict[str, int] = {}
    known = {
        one.name.lower(): one
        for one in (change.cloud.resources.children(change.id) if change.before else [])
    }
    for name, share in traffic.items():
        if not isinstance(share, int) or isinstance(share, bool) or not 0 <= share <= 100:
            raise user_error(
                f"traffic: '{name}' is to get '{share}', not a share from 0 to 100.",
                target="traffic",
            )
        if name.lower() not in known:
            raise user_error(
                f"traffic: the endpoint '{change.id.name}' has no deployment '{name}'.",
                inner="DeploymentNotFound",
                target="traffic",
            )
        if share and known[name.lower()].state != "Succeeded":
            raise user_error(
                f"traffic: the deployment '{name}' is {known[name.lower()].state}; only one that "
                "has succeeded gets traffic.",
                target="traffic",
            )
        kept[name.lower()] = share
    if sum(kept.values()) not in (0, 100):
        raise user_error(
            f"The sum of traffic is {sum(kept.values())}; it must be 0 or 100.", target="traffic"
        )
    change.properties["traffic"] = kept


def _defaults(change: Change) -> None:
    change.body.setdefault("tags", {})
    change.body.setdefault("kind", "Managed")
    address = f"https://{change.id.name}.{change.body['location']}.inference.ml.azure.com"
    change.properties.pop("keys", None)
    change.body["properties"] = change.properties | {
        "scoringUri": f"{address}/score",
        "swaggerUri": f"{address}/swagger.json",
        "publicNetworkAccess": "Enabled",
        "mirrorTraffic": {},
        "compute": None,
    }
    change.properties.setdefault("description", None)
    change.properties.setdefault("properties", {})
    for name in ("primaryKey", "secondaryKey"):
        change.private.setdefault(name, new_key())


def _list_keys(request: Request, endpoint: Resource) -> Response:
    del request
    if endpoint.properties["authMode"] != "Key":
        raise user_error(
            f"The endpoint '{endpoint.name}' takes tokens only; it has no keys.",
            inner="KeyAuthDisabled",
        )
    return Response.json({name: endpoint.private[name] for name in ("primaryKey", "secondaryKey")})


def _regenerate_keys(request: Request, endpoint: Resource) -> Response:
    body = request.json()
    name = key_named(body)
    key = str(body.get("keyValue") or "")
    if not key or key == endpoint.private[name]:
        key = new_key()  # azure-ai-ml sends the old key along with its wish for a new one
    renewed = replace(endpoint, private=endpoint.private | {name: key})
    request.cloud.resources.put(renewed)
    return Response.empty(200)


def _token(request: Request, endpoint: Resource) -> Response:
    if endpoint.properties["authMode"] != "AMLToken":
        raise user_error(
            f"The endpoint '{endpoint.name}' gives out no tokens: its authMode is "
            f"{endpoint.properties['authMode']}.",
            inner="TokenAuthDisabled",
        )
    now = int(request.cloud.clock.timestamp())
    expiry = now + _TOKEN_SECONDS
    return Response.json(
        {
            "accessToken": f"{expiry}.{_proof(endpoint, str(expiry))}",
            "expiryTimeUtc": expiry,
            "refreshAfterTimeUtc": now + _REFRESH_SECONDS,
            "tokenType": "Bearer",
        }
    )


def _proof(endpoint: Resource, expiry: str) -> str:
    key = str(endpoint.private["primaryKey"]).encode()
    return hmac.new(key, expiry.encode(), hashlib.sha256).hexdigest()


ONLINE_ENDPOINT_TYPE = ResourceType(
    name=ENDPOINTS,
    api_versions=API_VERSIONS,
    put=Put(created=201, updated=200, polling=Polling.ASYNC, says_location=True),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    patch=True,
    located=True,
    identity=True,
    system_data=True,
    name_pattern=NAME,
    objects=("traffic", "mirrorTraffic", "properties"),
    read_only=("scoringUri", "swaggerUri"),
    immutable=("authMode",),
    tracking=tracked_as("oeidp"),
    actions={
        "listKeys": Action(handle=_list_keys),
        "regenerateKeys": Action(handle=_regenerate_keys),
        "token": Action(handle=_token),
    },
    validate=_validate,
    defaults=_defaults,
)
