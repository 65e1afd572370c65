"""The network of the configuration: where the hub's machines may go, and who reaches the parts."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from infra.config_values import Findings, Key, MapReader, suggest

ISOLATION = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")

KEYS: Mapping[str, Key] = {
    "network": Key(
        "The hub's managed network, and private endpoints of hub, storage, vault and AI Services "
        "in a network of the stack's own or in yours. Azure runs a firewall, which costs by the "
        "hour, for `outbound`. A managed network never goes back to a wider `isolation`.",
        f"a map of `isolation` ({', '.join(ISOLATION)}), `outbound` (a map of names to host names; "
        "only with AllowOnlyApprovedOutbound), and one of `addressSpace` (a network to make, /16 "
        "to /27) and `subnet` (the id of a subnet that is there); with `subnet` also `dnsZonesIn` "
        "(the id of a resource group that has the private DNS zones)",
        "none: no isolation, no private endpoints",
        "network:\n  isolation: AllowOnlyApprovedOutbound\n  outbound:\n    pypi: pypi.org\n"
        "  addressSpace: 10.60.0.0/24",
    ),
}

HOST = re.compile(r"(\*\.)?[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+")
RULE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,31}")
GROUP = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[-\w.()]{1,90}", re.I
)
SUBNET = re.compile(
    GROUP.pattern + r"/providers/Microsoft\.Network/virtualNetworks/[\w.-]+/subnets/[\w.-]+", re.I
)
SUBSCRIPTION_EXAMPLE = "/subscriptions/e0e0e0e0-0000-4000-8000-000000000002"
GROUP_EXAMPLE = f"{SUBSCRIPTION_EXAMPLE}/resourceGroups/rg-network"
SUBNET_EXAMPLE = f"{GROUP_EXAMPLE}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/private"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the configuration says of networks; "" where it says nothing."""

    isolation: str = ""
    outbound: Mapping[str, str] = field(default_factory=dict[str, str])
    address_space: str = ""
    subnet: str = ""
    dns_zones_in: str = ""

    @property
    def is_private(self) -> bool:
        """Whether there are private endpoints."""
        return bool(self.address_space or self.subnet)


def read(reader: Findings) -> Network | None:
    """Read the keys of this subject."""
    value = reader.value("network", None)
    if value is None:
        return None
    known = ("isolation", "outbound", "addressSpace", "subnet", "dnsZonesIn")
    values = MapReader("network", value, known, reader)
    network = Network(
        isolation=_isolation(values, value),
        outbound=_outbound(values, value),
        address_space=_address_space(values),
        subnet=values.text("subnet", SUBNET, "a subnet's id", SUBNET_EXAMPLE),
        dns_zones_in=values.text("dnsZonesIn", GROUP, "a resource group's id", GROUP_EXAMPLE),
    )
    if network.address_space and network.subnet:
        values.find("subnet", "there is an addressSpace as well", "Keep one of the two.")
    if network.dns_zones_in and not network.subnet:
        values.find("dnsZonesIn", "the zones aren't linked to a network that is made here",
                    "Name the `subnet` of yours, or leave dnsZonesIn out.")  # fmt: skip
    if network.outbound and network.isolation != ISOLATION[-1]:
        what = f"rules by host name take isolation {ISOLATION[-1]}"
        values.find("outbound", what, f"Set isolation: {ISOLATION[-1]}")
    return network


def _isolation(values: MapReader, value: object) -> str:
    mode = cast("dict[str, object]", value).get("isolation", "") if isinstance(value, dict) else ""
    if mode in ("", *ISOLATION):
        return str(mode)
    values.find(
        "isolation", f"{mode!r} isn't one of {', '.join(ISOLATION)}", suggest(str(mode), ISOLATION)
    )
    return ""


def _outbound(values: MapReader, value: object) -> Mapping[str, str]:
    given = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    rules: object = given.get("outbound", {})
    if not isinstance(rules, dict):
        values.find("outbound", f"{rules!r} isn't a map", "Write outbound: {pypi: pypi.org}")
        return {}
    found: dict[str, str] = {}
    for name, host in cast("dict[str, object]", rules).items():
        if not RULE.fullmatch(name):
            what = "not a rule's name (up to 32 letters, digits and _-)"
            values.find(f"outbound.{name}", what, "For example: pypi: pypi.org")
        elif not isinstance(host, str) or not HOST.fullmatch(host):
            what = f"{host!r} isn't a host name"
            values.find(f"outbound.{name}", what, "For example: pypi: pypi.org")
        else:
            found[name] = host
    return found


def _address_space(values: MapReader) -> str:
    text = values.text("addressSpace", re.compile(r"[0-9./]+"), "a network", "10.60.0.0/24")
    try:
        if text and 16 <= ipaddress.IPv4Network(text).prefixlen <= 27:
            return text
    except ValueError:
        pass
    if text:
        what = f"'{text}' isn't an IPv4 network of /16 to /27"
        values.find("addressSpace", what, "For example: 10.60.0.0/24")
    return ""
