"""The place to fine-tune in: a hub with its storage, vault and AI Services, and its projects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi.runtime
from pulumi import ResourceOptions
from pulumi_azure_native import (
    cognitiveservices,
    keyvault,
    resources,
    storage,
)
from pulumi_azure_native import machinelearningservices as ml

from infra import parts, purge, recovery
from infra.config_guards import Diagnostics
from infra.config_network import Network
from infra.existing import Found
from infra.naming import Names
from infra.parts import Part

if TYPE_CHECKING:
    from infra.observability import Observability


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundryEnvironmentArgs:
    """What a foundry environment is made from."""

    names: Names
    location: str
    subscription_id: str
    tenant_id: str
    projects: tuple[str, ...]
    tags: Mapping[str, str]
    public_network_access: bool
    purge_protection: bool
    recover_deleted: bool
    purge_on_destroy: bool
    protect: bool = False
    diagnostics: Diagnostics | None = None
    network: Network | None = None
    existing: Mapping[str, Found] = field(default_factory=dict[str, Found])
    """What is there already and isn't made, by `config_existing.KINDS`."""
    registrations: Sequence[pulumi.Resource] = ()
    """The resource providers, without which nothing can be made."""


class FoundryEnvironment(pulumi.ComponentResource):
    """A resource group with everything that fine-tuning needs, reached by identities only.

    Storage has no account keys, AI Services no local keys, the vault no access policies: who may
    do what is in the role assignments (`infra.access`) and nowhere else.
    """

    group: Part
    storage_account: Part
    key_vault: Part
    ai_services: Part
    hub: Part
    projects: dict[str, Part]

    def __init__(
        self, name: str, args: FoundryEnvironmentArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:FoundryEnvironment", name, {}, opts)
        self._args = args
        self._inside = ResourceOptions(parent=self)
        # What can't be made again: deleted only once the configuration says so.
        self._precious = ResourceOptions(parent=self, protect=args.protect)
        self._network = "Enabled" if args.public_network_access else "Disabled"
        self.group = self._there("resourceGroup") or self._make_group()
        # Not above: Pulumi evaluates what the class says of itself.
        self.observability: Observability | None = self._make_observability()
        self.storage_account = self._there("storage") or self._make_storage()
        self.key_vault = self._there("keyVault") or self._make_key_vault()
        self.ai_services = self._there("aiServices") or self._make_ai_services()
        self.hub = self._there("hub") or self._make_hub()
        self.projects = {project: self._make_project(project) for project in args.projects}
        self.connections = self._connect_ai_services()
        self.register_outputs({"hubId": self.hub.id})

    def _there(self, key: str) -> Part | None:
        """What isn't made, since it is there already."""
        found = self._args.existing.get(key)
        return parts.there(found, self._args.registrations) if found else None

    def _make_group(self) -> Part:
        # All else waits for the group, and it for the registrations.
        made = resources.ResourceGroup(
            "group",
            resource_group_name=self._args.names.resource_group,
            location=self._args.location,
            tags=self._args.tags,
            opts=ResourceOptions(parent=self, depends_on=self._args.registrations),
        )
        return Part(id=made.id, name=made.name, made=made)

    def _make_observability(self) -> "Observability | None":
        if self._args.diagnostics is None:
            return None
        # Modules of azure-native that a stack without diagnostics needn't wait for.
        from infra.observability import Observability, ObservabilityArgs

        return Observability(
            "observability",
            ObservabilityArgs(
                retention_days=self._args.diagnostics.retention_days,
                resource_group=self.group.name,
                workspace_name=self._args.names.logs,
                # A hub that is there keeps what it has.
                insights_name=None
                if {"hub", "applicationInsights"} & self._args.existing.keys()
                else self._args.names.insights,
                location=self._args.location,
                tags=self._args.tags,
            ),
            self._inside,
        )

    def _make_storage(self) -> Part:
        made = storage.StorageAccount(
            "storage",
            account_name=self._args.names.storage_account,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            # The hub's datastores sign in with identities, so no key needs to exist.
            allow_shared_key_access=False,
            default_to_o_auth_authentication=True,
            public_network_access=self._network,
            tags=self._args.tags,
            opts=self._precious,
        )
        return Part(id=made.id, name=made.name, made=made)

    def _make_key_vault(self) -> Part:
        name = self._args.names.key_vault
        deleted = self._args.recover_deleted and recovery.vault_is_deleted(*self._place(), name)
        made = keyvault.Vault(
            "vault",
            vault_name=name,
            resource_group_name=self.group.name,
            location=self._args.location,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=self._args.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                # Azure takes true or nothing; false is an error.
                enable_purge_protection=True if self._args.purge_protection else None,
                create_mode=keyvault.CreateMode.RECOVER if deleted else None,
                public_network_access=self._network,
            ),
            tags=self._args.tags,
            opts=self._kept(
                "vault",
                purge.vault(*self._place(), name),
                self._precious,
                # Said once, when it is made.
                ResourceOptions(ignore_changes=["properties.createMode"]),
            ),
        )
        return Part(id=made.id, name=made.name, address=made.properties.vault_uri, made=made)

    def _make_ai_services(self) -> Part:
        names = self._args.names
        place = (*self._place(), names.resource_group, names.ai_services)
        deleted = self._args.recover_deleted and recovery.account_is_deleted(*place)
        made = cognitiveservices.Account(
            "ai-services",
            account_name=names.ai_services,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind="AIServices",
            sku=cognitiveservices.SkuArgs(name="S0"),
            identity=cognitiveservices.IdentityArgs(
                type=cognitiveservices.ResourceIdentityType.SYSTEM_ASSIGNED
            ),
            properties=cognitiveservices.AccountPropertiesArgs(
                # Signing in with an identity needs a name of its own in DNS.
                custom_sub_domain_name=names.ai_services,
                disable_local_auth=True,
                public_network_access=self._network,
                restore=True if deleted else None,
            ),
            tags=self._args.tags,
            opts=self._kept(
                "ai-services",
                purge.ai_services(*place),
                self._precious,
                ResourceOptions(ignore_changes=["properties.restore"]),
            ),
        )
        return Part(id=made.id, name=made.name, address=made.properties.endpoint, made=made)

    def _make_hub(self) -> Part:
        name = self._args.names.hub
        properties: dict[str, pulumi.Input[Any]] = {
            "friendlyName": name,
            "description": "Fine-tuning of Phi, made by foundry-tune",
            "storageAccount": self.storage_account.id,
            "keyVault": self.key_vault.id,
            "systemDatastoresAuthMode": ml.SystemDatastoresAuthMode.IDENTITY,
            "publicNetworkAccess": self._network,
        }
        if insights := self._there("applicationInsights"):
            properties["applicationInsights"] = insights.id
        elif self.observability is not None and self.observability.insights is not None:
            properties["applicationInsights"] = self.observability.insights.id
        if registry := self._there("containerRegistry"):
            properties["containerRegistry"] = registry.id
        if managed := _managed_network(self._args.network):
            properties["managedNetwork"] = managed
        made = ml.Workspace(
            "hub",
            workspace_name=name,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind="Hub",
            sku=ml.SkuArgs(name="Basic", tier=ml.SkuTier.BASIC),
            identity=_system_assigned(),
            friendly_name=properties["friendlyName"],
            description=properties["description"],
            storage_account=properties["storageAccount"],
            key_vault=properties["keyVault"],
            application_insights=properties.get("applicationInsights"),
            container_registry=properties.get("containerRegistry"),
            managed_network=properties.get("managedNetwork"),
            system_datastores_auth_mode=properties["systemDatastoresAuthMode"],
            public_network_access=properties["publicNetworkAccess"],
            tags=self._args.tags,
            opts=self._kept_workspace("hub", name, "Hub", properties, self._precious),
        )
        return parts.made(made)

    def _connect_ai_services(self) -> list[ml.WorkspaceConnection]:
        """One connection for all projects; a hub that is there gets none, but each project does."""
        owners = {"connection": self.hub}
        if self.hub.made is None:
            owners = {f"connection-{name}": project for name, project in self.projects.items()}
        return [
            ml.WorkspaceConnection(
                label,
                connection_name=self._args.names.connection,
                workspace_name=owner.name,
                resource_group_name=self.group.name,
                properties=ml.AADAuthTypeWorkspaceConnectionPropertiesArgs(
                    auth_type="AAD",
                    category=ml.ConnectionCategory.AI_SERVICES,
                    target=self.ai_services.address,
                    is_shared_to_all=self.hub.made is not None,
                    metadata={"ApiType": "Azure", "ResourceId": self.ai_services.id},
                ),
                opts=self._inside,
            )
            for label, owner in owners.items()
        ]

    def _make_project(self, project: str) -> Part:
        # Nothing else: Azure refuses a project that brings its own storage or vault.
        properties = {"friendlyName": project, "hubResourceId": self.hub.id}
        made = ml.Workspace(
            f"project-{project}",
            workspace_name=project,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind="Project",
            sku=ml.SkuArgs(name="Basic", tier=ml.SkuTier.BASIC),
            identity=_system_assigned(),
            friendly_name=project,
            hub_resource_id=self.hub.id,
            tags=self._args.tags,
            # It can be made again, and what it keeps lies in the storage account.
            opts=self._kept_workspace(
                f"project-{project}", project, "Project", properties, self._inside
            ),
        )
        return parts.made(made)

    def _kept_workspace(
        self,
        resource: str,
        name: str,
        kind: str,
        properties: Mapping[str, pulumi.Input[Any]],
        inside: ResourceOptions,
    ) -> ResourceOptions:
        """Options of a hub or project: recovered and adopted, where that is wanted."""
        purged = purge.workspace(self._args.subscription_id, self._args.names.resource_group, name)
        path, body = purged["path"], self._workspace_body(kind, properties)
        if not self._args.recover_deleted:
            more = ResourceOptions(ignore_changes=recovery.ignored(body, adopting=False))
            return self._kept(resource, purged, inside, more)
        # A preview changes nothing: there it is still to be made.
        adopting = not pulumi.runtime.is_dry_run() and not recovery.workspace_lives(path)
        more = ResourceOptions(
            depends_on=[recovery.Recovery(f"recover-{resource}", path, body, self._inside)],
            import_=path if adopting else None,
            ignore_changes=recovery.ignored(body, adopting=adopting),
        )
        return self._kept(resource, purged, inside, more)

    def _workspace_body(
        self, kind: str, properties: Mapping[str, pulumi.Input[Any]]
    ) -> dict[str, Any]:
        """The same workspace in ARM's words."""
        return {
            "location": self._args.location,
            "tags": dict(self._args.tags),
            "kind": kind,
            "sku": {"name": "Basic", "tier": "Basic"},
            "identity": {"type": "SystemAssigned"},
            "properties": dict(properties),
        }

    def _kept(
        self, name: str, purged: dict[str, str], inside: ResourceOptions, more: ResourceOptions
    ) -> ResourceOptions:
        """Options of what Azure keeps when it is deleted: purged after that, where it is wanted."""
        opts = ResourceOptions.merge(inside, more)
        if not self._args.purge_on_destroy:
            return opts
        # Deleted in the opposite order: the resource, its purge, the group.
        bin_ = purge.PurgeOnDestroy(f"purge-{name}", purged, self.group.name, self._inside)
        return ResourceOptions.merge(opts, ResourceOptions(depends_on=[bin_]))

    def _place(self) -> tuple[str, str]:
        return self._args.subscription_id, self._args.location


def _managed_network(network: Network | None) -> dict[str, Any] | None:
    """Where the hub's machines may go; None where the configuration doesn't say."""
    if network is None or not network.isolation:
        return None
    managed: dict[str, Any] = {"isolationMode": network.isolation}
    if network.outbound:
        managed["outboundRules"] = {
            name: {"type": "FQDN", "category": "UserDefined", "destination": host}
            for name, host in network.outbound.items()
        }
    return managed


def _system_assigned() -> ml.ManagedServiceIdentityArgs:
    return ml.ManagedServiceIdentityArgs(type=ml.ManagedServiceIdentityType.SYSTEM_ASSIGNED)
