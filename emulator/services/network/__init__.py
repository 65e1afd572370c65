"""Microsoft.Network: virtual networks, private endpoints and private DNS, through ARM only."""

from emulator.arm.types import empty
from emulator.service import Service
from emulator.services.network import dns, endpoints, networks

_EMPTY = ("networkInterfaces", "networkSecurityGroups", "publicIPAddresses")

SERVICE = Service(
    name="network",
    types=(
        *networks.TYPES,
        *endpoints.TYPES,
        *dns.TYPES,
        *(empty(f"Microsoft.Network/{kind}", networks.API_VERSIONS) for kind in _EMPTY),
    ),
)
