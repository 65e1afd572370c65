"""Vaults. A deleted one keeps its name until it is purged, recovered, or its retention ends."""

import uuid

from emulator.arm.soft_deletion import SoftDeletion
from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json
from emulator.state.store import Resource

VAULT = "Microsoft.KeyVault/vaults"
API_VERSIONS = (
    "2019-09-01", "2020-04-01-preview", "2021-04-01-preview", "2021-06-01-preview", "2021-10-01",
    "2021-11-01-preview", "2022-02-01-preview", "2022-07-01", "2022-11-01", "2023-02-01",
    "2023-07-01", "2024-04-01-preview", "2024-11-01", "2024-12-01-preview", "2025-05-01",
    "2026-02-01",
)  # fmt: skip

DELETED = SoftDeletion("deleted-vaults")


def _validate(change: Change) -> None:
    cloud, properties = change.cloud, change.properties
    _refuse_taken_name(change)
    if properties.get("createMode") == "recover" and change.before is None:
        _recover(change)
    tenant = str(properties.get("tenantId", ""))
    try:
        uuid.UUID(tenant)
    except ValueError as error:
        raise bad_request(
            f"The parameter tenantId '{tenant}' is not a tenant id.", "VaultTenantIdInvalid"
        ) from error
    if tenant.lower() != cloud.tenant:
        raise bad_request(
            f"An invalid value was provided for 'tenantId': '{tenant}' is not the tenant of the "
            f"subscription, '{cloud.tenant}'.",
        )
    sku: Json = properties.get("sku") or {}
    if str(sku.get("name", "")).lower() not in ("standard", "premium"):
        raise bad_request(f"The vault's sku '{sku.get('name')}' is neither standard nor premium.")
    before = change.before.properties if change.before else {}
    if before.get("enablePurgeProtection") and properties.get("enablePurgeProtection") is False:
        raise bad_request(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
            "protection for a vault is an irreversible action."
        )
    days = properties.get("softDeleteRetentionInDays", 90)
    if not isinstance(days, int) or not 7 <= days <= 90:
        raise bad_request(f"softDeleteRetentionInDays must lie between 7 and 90, not {days}.")
    if before.get("softDeleteRetentionInDays", days) != days:
        raise bad_request(
            'The property "softDeleteRetentionInDays" has been set already and it '
            "can't be modified."
        )


def _refuse_taken_name(change: Change) -> None:
    name = change.id.name
    for vault in change.cloud.resources.of_type(VAULT):
        if vault.name.lower() == name.lower() and vault.id.key != change.id.key:
            raise AzureError(
                409,
                "VaultAlreadyExists",
                f"The vault name '{name}' is already in use. Vault names are globally unique so it "
                "is possible that the name is already taken.",
            )
    left = DELETED.named(change.cloud, name)
    recovering = change.properties.get("createMode") == "recover"
    if left is None or (recovering and left.resource.id.key == change.id.key):
        return
    raise AzureError(
        409,
        "ConflictError",
        f"A vault with the same name already exists in deleted state: '{left.resource.id.text}'. "
        "You need to either recover or purge existing key vault. Follow this link "
        "https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
    )


def _recover(change: Change) -> None:
    left = DELETED.find(change.cloud, change.id)
    if left is None:
        raise AzureError(
            404,
            "DeletedVaultNotFound",
            f"There is no deleted vault '{change.id.name}' to recover.",
        )
    change.body["properties"] = left.resource.properties | change.properties
    change.body["location"] = left.resource.location
    DELETED.purge(change.cloud, change.id)


def _defaults(change: Change) -> None:
    properties = change.properties
    properties.pop("createMode", None)
    defaults: Json = {
        "accessPolicies": [],
        "enabledForDeployment": False,
        "enabledForDiskEncryption": False,
        "enabledForTemplateDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": False,
        "publicNetworkAccess": "Enabled",
    }
    for key, value in defaults.items():
        properties.setdefault(key, value)
    properties["vaultUri"] = f"https://{change.id.name.lower()}.vault.azure.net/"


def _after_delete(cloud: Cloud, vault: Resource) -> None:
    DELETED.keep(cloud, vault, float(vault.properties["softDeleteRetentionInDays"]))


TYPES = (
    ResourceType(
        name=VAULT,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        patch=True,
        located=True,
        system_data=True,
        objects=("sku",),
        name_pattern=r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
        name_error=(
            "VaultNameNotValid",
            "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric "
            "characters. The name must begin with a letter, end with a letter or digit, and not "
            "contain consecutive hyphens.",
        ),
        validate=_validate,
        defaults=_defaults,
        after_delete=_after_delete,
    ),
)
