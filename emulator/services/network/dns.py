"""Private DNS zones and their links to virtual networks. No name is resolved through them."""

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request
from emulator.services.network.networks import NETWORK
from emulator.state.errors import AzureError, bad_request
from emulator.state.ids import parse_id
from emulator.state.json_text import as_object
from emulator.state.store import Resource

ZONE = "Microsoft.Network/privateDnsZones"
LINK = f"{ZONE}/virtualNetworkLinks"
API_VERSIONS = ("2018-09-01", "2020-01-01", "2020-06-01", "2024-06-01")


def _validate_zone(change: Change) -> None:
    if str(change.body.get("location", "")).lower() != "global":
        raise bad_request("The location of a private DNS zone is global.", "LocationNotAvailable")


def _validate_link(change: Change) -> None:
    _validate_zone(change)
    network = as_object(change.properties.get("virtualNetwork") or {}, "properties.virtualNetwork")
    id = parse_id(str(network.get("id", "")))
    found = change.cloud.resources.get(id)
    if found is None or found.type.lower() != NETWORK.lower():
        raise bad_request(f"The virtual network '{id.text}' was not found.", "BadRequest")
    # A network that asks two zones of one name would get either's answer.
    name = change.id.parent.name.lower() if change.id.parent else ""
    for other in change.cloud.resources.of_type(LINK):
        linked = str(other.properties["virtualNetwork"]["id"]).lower()
        zone = other.id.parent.name.lower() if other.id.parent else ""
        if other.id.key != change.id.key and linked == id.key and zone == name:
            raise bad_request(
                f"A virtual network cannot be linked to multiple zones with overlapping "
                f"namespaces. You tried to link '{name}' and '{id.name}', which "
                f"'{other.id.text}' links already.",
                "BadRequest",
            )


def _link_defaults(change: Change) -> None:
    change.properties.setdefault("registrationEnabled", False)
    change.properties["virtualNetworkLinkState"] = "Completed"


def _refuse_linked(request: Request, zone: Resource) -> None:
    if request.cloud.resources.children(zone.id, LINK):
        raise AzureError(
            409,
            "CannotDeleteResource",
            "Can not delete resource before nested resources are deleted.",
        )


TYPES = (
    ResourceType(
        name=ZONE,
        api_versions=API_VERSIONS,
        put=Put(created=202, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
        name_pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+",
        validate=_validate_zone,
        before_delete=_refuse_linked,
    ),
    ResourceType(
        name=LINK,
        api_versions=API_VERSIONS,
        put=Put(created=202, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
        validate=_validate_link,
        defaults=_link_defaults,
    ),
)
