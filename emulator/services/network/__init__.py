"""Microsoft.Network: virtual networks, private endpoints and private DNS, through ARM only."""

from emulator.service import Service
from emulator.services.network import dns, endpoints, networks

SERVICE = Service(name="network", types=(*networks.TYPES, *endpoints.TYPES, *dns.TYPES))
