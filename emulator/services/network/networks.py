"""Virtual networks and subnets (IPv4). No packet is routed: every emulated host stays reachable."""

import ipaddress
from typing import cast

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

NETWORK = "Microsoft.Network/virtualNetworks"
SUBNET = f"{NETWORK}/subnets"
ENDPOINT = "Microsoft.Network/privateEndpoints"
API_VERSIONS = ("2023-02-01", "2024-05-01", "2025-01-01", "2025-03-01", "2025-05-01", "2025-07-01")


def _validate_network(change: Change) -> None:
    space = as_object(change.properties.get("addressSpace") or {}, "properties.addressSpace")
    prefixes = _ranges(space.get("addressPrefixes"), "addressSpace")
    if not prefixes:
        raise bad_request("The virtual network has no addressSpace.", "InvalidRequestFormat")
    for subnet in change.cloud.resources.children(change.id, SUBNET):
        _refuse_outside(_subnet_range(subnet.properties), prefixes, subnet.name)


def _validate_subnet(change: Change) -> None:
    network = change.cloud.resources.get(change.id.parent) if change.id.parent else None
    assert network is not None
    own = _subnet_range(change.properties)
    space = network.properties["addressSpace"]["addressPrefixes"]
    _refuse_outside(own, _ranges(space, "addressSpace"), change.id.name)
    for other in change.cloud.resources.children(network.id, SUBNET):
        if other.id.key != change.id.key and own.overlaps(_subnet_range(other.properties)):
            raise bad_request(
                f"Subnet '{change.id.name}' is not valid because its IP address range overlaps "
                f"with that of an existing subnet in virtual network '{network.name}'.",
                "NetcfgSubnetRangesOverlap",
            )


def _subnet_range(properties: Json) -> ipaddress.IPv4Network:
    one: object = properties.get("addressPrefix")
    return _ranges([one] if one else properties.get("addressPrefixes") or [None], "addressPrefix")[
        0
    ]


def _refuse_outside(
    own: ipaddress.IPv4Network, space: list[ipaddress.IPv4Network], name: str
) -> None:
    if not any(own.subnet_of(each) for each in space):
        raise bad_request(
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address "
            "range of its virtual network.",
            "NetcfgInvalidSubnet",
        )


def _ranges(value: object, name: str) -> list[ipaddress.IPv4Network]:
    found: list[ipaddress.IPv4Network] = []
    for prefix in cast("list[object]", value) if isinstance(value, list) else []:
        try:
            found.append(ipaddress.IPv4Network(str(prefix)))
        except ValueError as error:
            raise bad_request(
                f"Invalid value '{prefix}' of {name}: {error}.", "InvalidAddressPrefixFormat"
            ) from error
    return found


def _refuse_subnet_in_use(request: Request, subnet: Resource) -> None:
    _refuse_in_use(request, subnet.id.key, subnet)


def _refuse_network_in_use(request: Request, network: Resource) -> None:
    _refuse_in_use(request, network.id.key + "/subnets/", network)


def _refuse_in_use(request: Request, prefix: str, resource: Resource) -> None:
    for endpoint in request.cloud.resources.of_type(ENDPOINT):
        its: Json = endpoint.properties.get("subnet") or {}
        subnet = str(its.get("id", ""))
        if subnet.lower() == prefix or (prefix.endswith("/") and subnet.lower().startswith(prefix)):
            raise AzureError(
                400,
                "InUseSubnetCannotBeDeleted",
                f"Subnet {subnet.rsplit('/', 1)[-1]} is in use by {endpoint.id.text} and cannot be "
                "deleted. In order to delete the subnet, delete all the resources within the "
                f"subnet ({resource.name}). See aka.ms/deletesubnet.",
            )


TYPES = (
    ResourceType(
        name=NETWORK,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        located=True,
        name_pattern=r"[a-zA-Z0-9][\w.-]{0,62}\w",
        validate=_validate_network,
        before_delete=_refuse_network_in_use,
    ),
    ResourceType(
        name=SUBNET,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        name_pattern=r"[a-zA-Z0-9][\w.-]{0,79}",
        validate=_validate_subnet,
        before_delete=_refuse_subnet_in_use,
    ),
)
