"""Private endpoints of an environment's parts, the network they are in, and their names in DNS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, Resource, ResourceOptions
from pulumi_azure_native import network, privatedns

from infra.config_network import Network
from infra.foundry import FoundryEnvironment
from infra.parts import Part

SUBNET = "endpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is reached privately: its id, its sub-resource, and the zones that its names are in."""

    id: Input[str]
    group: str
    zones: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateNetworkArgs:
    """Which environment is reached privately, and from where."""

    environment: FoundryEnvironment
    network: Network
    suffix: str
    """The end of every name: `<workload>-<environment>`."""
    location: str
    tags: Mapping[str, str]


class PrivateNetwork(pulumi.ComponentResource):
    """A private endpoint for each part, with DNS zones that answer its private address."""

    endpoints: list[Resource]

    def __init__(
        self, name: str, args: PrivateNetworkArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:PrivateNetwork", name, {}, opts)
        self._args = args
        self._inside = ResourceOptions(parent=self)
        self._group = args.environment.group.name
        targets = targets_of(args.environment)
        subnet, vnet, first = self._subnet()
        zones = sorted({zone for target in targets.values() for zone in target.zones})
        ids = self._zones(zones, vnet)
        self.endpoints = []
        for label, target in targets.items():
            self._endpoint(label, target, subnet, ids, first)
        self.register_outputs({})

    def _subnet(self) -> tuple[Input[str], Input[str], list[Resource]]:
        """The ids of subnet and network, and what must be there before."""
        given = self._args.network.subnet
        if given:
            return given, given[: given.lower().index("/subnets/")], []
        space = self._args.network.address_space
        vnet = network.VirtualNetwork(
            "vnet",
            virtual_network_name=f"vnet-{self._args.suffix}",
            resource_group_name=self._group,
            location=self._args.location,
            address_space=network.AddressSpaceArgs(address_prefixes=[space]),
            tags=self._args.tags,
            opts=self._inside,
        )
        subnet = network.Subnet(
            "subnet",
            subnet_name=SUBNET,
            virtual_network_name=vnet.name,
            resource_group_name=self._group,
            address_prefix=space,
            opts=self._inside,
        )
        return subnet.id, vnet.id, [subnet]

    def _zones(self, zones: Sequence[str], vnet: Input[str]) -> Mapping[str, Input[str]]:
        """The ids of the DNS zones: those that are there, or made and linked to the network."""
        elsewhere = self._args.network.dns_zones_in
        if elsewhere:
            there = f"{elsewhere}/providers/Microsoft.Network/privateDnsZones"
            return {zone: f"{there}/{zone}" for zone in zones}
        found: dict[str, Input[str]] = {}
        for zone in zones:
            made = privatedns.PrivateZone(
                f"zone-{zone}",
                private_zone_name=zone,
                resource_group_name=self._group,
                location="global",
                tags=self._args.tags,
                opts=self._inside,
            )
            privatedns.VirtualNetworkLink(
                f"link-{zone}",
                virtual_network_link_name=f"link-{self._args.suffix}",
                private_zone_name=made.name,
                resource_group_name=self._group,
                location="global",
                registration_enabled=False,
                virtual_network=privatedns.SubResourceArgs(id=vnet),
                tags=self._args.tags,
                opts=self._inside,
            )
            found[zone] = made.id
        return found

    def _endpoint(
        self,
        label: str,
        target: Target,
        subnet: Input[str],
        zones: Mapping[str, Input[str]],
        first: list[Resource],
    ) -> None:
        connection = network.PrivateLinkServiceConnectionArgs(
            name=label, private_link_service_id=target.id, group_ids=[target.group]
        )
        endpoint = network.PrivateEndpoint(
            f"endpoint-{label}",
            private_endpoint_name=f"pe-{label}-{self._args.suffix}",
            resource_group_name=self._group,
            location=self._args.location,
            # No SubnetArgs: that one says more of the subnet than which it is.
            subnet={"id": subnet},
            private_link_service_connections=[connection],
            tags=self._args.tags,
            opts=ResourceOptions(parent=self, depends_on=first),
        )
        names = network.PrivateDnsZoneGroup(
            f"names-{label}",
            private_dns_zone_group_name="default",
            private_endpoint_name=endpoint.name,
            resource_group_name=self._group,
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(
                    name=zone.replace(".", "-"), private_dns_zone_id=zones[zone]
                )
                for zone in target.zones
            ],
            opts=self._inside,
        )
        self.endpoints += [endpoint, names]


def targets_of(environment: FoundryEnvironment) -> Mapping[str, Target]:
    """What is reached privately (Azure's list of private DNS zones; a project through its hub).

    Not what was there already: it has an owner, who gives it a private endpoint or doesn't.
    """
    hub, storage = environment.hub, environment.storage_account
    vault, ai_services = environment.key_vault, environment.ai_services
    all_of_it: Mapping[str, tuple[Part, str, tuple[str, ...]]] = {
        "hub": (
            hub,
            "amlworkspace",
            ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
        ),
        "blob": (storage, "blob", ("privatelink.blob.core.windows.net",)),
        "file": (storage, "file", ("privatelink.file.core.windows.net",)),
        "vault": (vault, "vault", ("privatelink.vaultcore.azure.net",)),
        "ai-services": (
            ai_services,
            "account",
            (
                "privatelink.cognitiveservices.azure.com",
                "privatelink.openai.azure.com",
                "privatelink.services.ai.azure.com",
            ),
        ),
    }
    return {
        label: Target(id=part.id, group=group, zones=zones)
        for label, (part, group, zones) in all_of_it.items()
        if part.made is not None
    }
