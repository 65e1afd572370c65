"""The place to fine-tune in: a hub with its storage, vault and AI Services, and its projects."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_azure_native import (
    cognitiveservices,
    keyvault,
    resources,
    storage,
)
from pulumi_azure_native import machinelearningservices as ml

from infra import purge
from infra.naming import Names


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


class FoundryEnvironment(pulumi.ComponentResource):
    """A resource group with everything that fine-tuning needs, reached by identities only.

    Storage has no account keys, AI Services no local keys, the vault no access policies: who may
    do what is in the role assignments (`infra.access`) and nowhere else.
    """

    group: resources.ResourceGroup
    storage_account: storage.StorageAccount
    key_vault: keyvault.Vault
    ai_services: cognitiveservices.Account
    hub: ml.Workspace
    projects: dict[str, ml.Workspace]

    def __init__(
        self, name: str, args: FoundryEnvironmentArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("foundry-tune:index:FoundryEnvironment", name, {}, opts)
        self._args = args
        self._inside = ResourceOptions(parent=self)
        self._network = "Enabled" if args.public_network_access else "Disabled"
        self.group = self._make_group(opts)
        self.storage_account = self._make_storage()
        self.key_vault = self._make_key_vault()
        self.ai_services = self._make_ai_services()
        self.hub = self._make_hub()
        self.connection = self._connect_ai_services()
        self.projects = {project: self._make_project(project) for project in args.projects}
        self.register_outputs({"hubId": self.hub.id})

    def _make_group(self, opts: ResourceOptions | None) -> resources.ResourceGroup:
        # A component hands its depends_on to nobody, and all else waits for the group.
        depends_on = opts.depends_on if opts else None
        return resources.ResourceGroup(
            "group",
            resource_group_name=self._args.names.resource_group,
            location=self._args.location,
            tags=self._args.tags,
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )

    def _make_storage(self) -> storage.StorageAccount:
        return storage.StorageAccount(
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
            opts=self._inside,
        )

    def _make_key_vault(self) -> keyvault.Vault:
        return keyvault.Vault(
            "vault",
            vault_name=self._args.names.key_vault,
            resource_group_name=self.group.name,
            location=self._args.location,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=self._args.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                # Azure takes true or nothing; false is an error.
                enable_purge_protection=True if self._args.purge_protection else None,
                create_mode=keyvault.CreateMode.RECOVER if self._args.recover_deleted else None,
                public_network_access=self._network,
            ),
            tags=self._args.tags,
            opts=self._purged("vault", purge.vault(*self._place(), self._args.names.key_vault)),
        )

    def _make_ai_services(self) -> cognitiveservices.Account:
        return cognitiveservices.Account(
            "ai-services",
            account_name=self._args.names.ai_services,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind="AIServices",
            sku=cognitiveservices.SkuArgs(name="S0"),
            identity=cognitiveservices.IdentityArgs(
                type=cognitiveservices.ResourceIdentityType.SYSTEM_ASSIGNED
            ),
            properties=cognitiveservices.AccountPropertiesArgs(
                # Signing in with an identity needs a name of its own in DNS.
                custom_sub_domain_name=self._args.names.ai_services,
                disable_local_auth=True,
                public_network_access=self._network,
                restore=True if self._args.recover_deleted else None,
            ),
            tags=self._args.tags,
            opts=self._purged(
                "ai-services",
                purge.ai_services(
                    *self._place(), self._args.names.resource_group, self._args.names.ai_services
                ),
            ),
        )

    def _make_hub(self) -> ml.Workspace:
        return ml.Workspace(
            "hub",
            workspace_name=self._args.names.hub,
            resource_group_name=self.group.name,
            location=self._args.location,
            kind="Hub",
            sku=ml.SkuArgs(name="Basic", tier=ml.SkuTier.BASIC),
            identity=_system_assigned(),
            friendly_name=self._args.names.hub,
            description="Fine-tuning of Phi, made by foundry-tune",
            storage_account=self.storage_account.id,
            key_vault=self.key_vault.id,
            system_datastores_auth_mode=ml.SystemDatastoresAuthMode.IDENTITY,
            public_network_access=self._network,
            tags=self._args.tags,
            opts=self._purged("hub", self._workspace(self._args.names.hub)),
        )

    def _connect_ai_services(self) -> ml.WorkspaceConnection:
        return ml.WorkspaceConnection(
            "connection",
            connection_name=self._args.names.connection,
            workspace_name=self.hub.name,
            resource_group_name=self.group.name,
            properties=ml.AADAuthTypeWorkspaceConnectionPropertiesArgs(
                auth_type="AAD",
                category=ml.ConnectionCategory.AI_SERVICES,
                target=self.ai_services.properties.endpoint,
                is_shared_to_all=True,
                metadata={"ApiType": "Azure", "ResourceId": self.ai_services.id},
            ),
            opts=self._inside,
        )

    def _make_project(self, project: str) -> ml.Workspace:
        # Nothing else: Azure refuses a project that brings its own storage or vault.
        return ml.Workspace(
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
            opts=self._purged(f"project-{project}", self._workspace(project)),
        )

    def _purged(self, name: str, request: dict[str, str]) -> ResourceOptions:
        """Options under which a resource is purged once it is deleted, where that is wanted."""
        if not self._args.purge_on_destroy:
            return self._inside
        # Deleted in the opposite order: the resource, its purge, the group.
        bin_ = purge.PurgeOnDestroy(f"purge-{name}", request, self.group.name, self._inside)
        return ResourceOptions(parent=self, depends_on=[bin_])

    def _place(self) -> tuple[str, str]:
        return self._args.subscription_id, self._args.location

    def _workspace(self, name: str) -> dict[str, str]:
        return purge.workspace(self._args.subscription_id, self._args.names.resource_group, name)


def _system_assigned() -> ml.ManagedServiceIdentityArgs:
    return ml.ManagedServiceIdentityArgs(type=ml.ManagedServiceIdentityType.SYSTEM_ASSIGNED)
