"""Private endpoints of storage, vaults, AI Services and hubs, and the DNS zones they write to."""

from collections.abc import Mapping
from typing import cast

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType
from emulator.services.network.dns import ZONE
from emulator.services.network.networks import API_VERSIONS, ENDPOINT, SUBNET
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.ids import parse_id
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups"

# What can be reached privately, by the type of the resource (Azure's private-link resource table).
GROUP_IDS: Mapping[str, tuple[str, ...]] = {
    "microsoft.storage/storageaccounts": ("blob", "dfs", "file", "queue", "table", "web"),
    "microsoft.keyvault/vaults": ("vault",),
    "microsoft.cognitiveservices/accounts": ("account",),
    "microsoft.machinelearningservices/workspaces": ("amlworkspace",),
}


def _validate(change: Change) -> None:
    properties = change.properties
    subnet = as_object(properties.get("subnet") or {}, "properties.subnet")
    require(change.cloud, str(subnet.get("id", "")), SUBNET)
    connections = cast("list[object]", properties.get("privateLinkServiceConnections") or [])
    if len(connections) != 1:
        raise bad_request(
            "A private endpoint has one privateLinkServiceConnection; manual ones aren't emulated."
        )
    inner = as_object(as_object(connections[0], "connection").get("properties"), "properties")
    target = change.cloud.resources.get(parse_id(str(inner.get("privateLinkServiceId", ""))))
    if target is None or target.type.lower() not in GROUP_IDS:
        raise bad_request(
            f"Call to find the private link service '{inner.get('privateLinkServiceId')}' failed: "
            "there is no such resource, or it has no private endpoints.",
            "PrivateLinkServiceNotFound",
        )
    if str(target.body.get("kind", "")).lower() == "project":
        raise bad_request("A project is reached through its hub's private endpoint.")
    groups = cast("list[object]", inner.get("groupIds") or [])
    known = GROUP_IDS[target.type.lower()]
    if len(groups) != 1 or groups[0] not in known:
        raise bad_request(
            f"The groupIds {groups} are not one of {', '.join(known)}, which {target.type} has.",
            "InvalidGroupId",
        )


def _defaults(change: Change) -> None:
    for connection in cast("list[Json]", change.properties["privateLinkServiceConnections"]):
        connection["properties"] |= {
            "provisioningState": "Succeeded",
            "privateLinkServiceConnectionState": {
                "status": "Approved",
                "description": "",
                "actionsRequired": "None",
            },
        }
    change.properties.setdefault("manualPrivateLinkServiceConnections", [])


def _validate_zone_group(change: Change) -> None:
    configs = cast("list[object]", change.properties.get("privateDnsZoneConfigs") or [])
    if not configs:
        raise bad_request("A private DNS zone group has at least one zone.")
    for config in configs:
        inner = as_object(as_object(config, "privateDnsZoneConfig").get("properties"), "properties")
        require(change.cloud, str(inner.get("privateDnsZoneId", "")), ZONE)


def require(cloud: Cloud, id: str, type_name: str) -> Resource:
    """The resource with an id that a body refers to, which must be of a type."""
    found = cloud.resources.get(parse_id(id))
    if found is None or found.type.lower() != type_name.lower():
        raise AzureError(
            400,
            "InvalidResourceReference",
            f"Resource {id} referenced by the request was not found, or is no {type_name}. Please "
            "make sure that the referenced resource exists.",
        )
    return found


TYPES = (
    ResourceType(
        name=ENDPOINT,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        located=True,
        name_pattern=r"[a-zA-Z0-9][\w.-]{0,62}\w",
        validate=_validate,
        defaults=_defaults,
    ),
    ResourceType(
        name=ZONE_GROUP,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        validate=_validate_zone_group,
    ),
)
