"""Compute clusters as data: what a job may name. No machine is behind one: jobs run on this one."""

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType, Selection
from emulator.http.messages import Request
from emulator.services.machinelearningservices import workspaces
from emulator.services.machinelearningservices.operations import TRACKING
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    API_VERSIONS,
    WORKSPACES,
)
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.ids import ResourceId, parse_id
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

COMPUTES = f"{WORKSPACES}/computes"
SERVERLESS = "serverless"


def find(cloud: Cloud, workspace: Resource, id: str) -> Resource | None:
    """The cluster that a job names: the project's own, or one that its hub shares with it."""
    named = _parsed(id)
    if named is None or named.type.lower() != COMPUTES.lower():
        return None
    hub = workspaces.hub_of(cloud, workspace)
    home = named.parent
    if home is None or home.key not in (workspace.id.key, hub.id.key):
        return None
    return cloud.resources.get(workspace.id.child("computes", named.name)) or cloud.resources.get(
        hub.id.child("computes", named.name)
    )


def _parsed(id: str) -> ResourceId | None:
    try:
        return parse_id(id)
    except AzureError:
        return None


def _validate(change: Change) -> None:
    kind = str(change.properties.get("computeType") or "")
    if kind.lower() != "amlcompute":
        raise not_emulated(f"compute of type '{kind}'", "AmlCompute, a cluster, is kept as data.")
    size = _settings(change).get("vmSize")
    if not isinstance(size, str) or not size:
        raise user_error("The compute needs 'vmSize'.", target="properties.vmSize")
    scale = as_object(_settings(change).get("scaleSettings"), "scaleSettings")
    most, least = scale.get("maxNodeCount", 1), scale.get("minNodeCount") or 0
    if not _is_count(most) or not _is_count(least) or not least <= most:
        raise user_error(
            "scaleSettings needs maxNodeCount, and minNodeCount not above it.",
            target="properties.scaleSettings",
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _settings(change: Change) -> Json:
    return as_object(change.properties.get("properties"), "properties.properties")


def _defaults(change: Change) -> None:
    now = isoformat(change.cloud.clock.timestamp())
    created = change.before.properties["createdOn"] if change.before else now
    settings = _settings(change)
    settings |= {
        "vmPriority": settings.get("vmPriority") or "Dedicated",
        "osType": settings.get("osType") or "Linux",
        "remoteLoginPortPublicAccess": settings.get("remoteLoginPortPublicAccess")
        or "NotSpecified",
        "allocationState": "Steady",
        "allocationStateTransitionTime": now,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
    }
    properties = change.properties
    properties |= {
        "computeType": "AmlCompute",
        "computeLocation": change.body["location"],
        "createdOn": created,
        "modifiedOn": now,
        "isAttachedCompute": False,
        "provisioningErrors": None,
        "properties": settings,
    }


def _select(request: Request) -> Selection:
    wanted = request.option("computeType").lower()
    return Selection(
        keeps=lambda one: not wanted or str(one.properties["computeType"]).lower() == wanted
    )


COMPUTE_TYPE = ResourceType(
    name=COMPUTES,
    api_versions=API_VERSIONS,
    put=Put(created=201, updated=200, polling=Polling.ASYNC),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    located=True,
    identity=True,
    system_data=True,
    name_pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$",
    objects=("properties", "properties.scaleSettings"),
    tracking=TRACKING,
    validate=_validate,
    defaults=_defaults,
    select=_select,
    list_options=("computeType",),
)
