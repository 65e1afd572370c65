"""User-assigned identities: a principal of the directory for each."""

from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
API_VERSIONS = (
    "2018-11-30", "2021-09-30-preview", "2022-01-31-preview", "2023-01-31", "2023-07-31-preview",
    "2024-11-30", "2025-01-31-preview", "2025-05-31-preview",
)  # fmt: skip


def _defaults(change: Change) -> None:
    principal = change.cloud.access.add_managed_identity(change.id)
    change.body["properties"] = {
        "tenantId": change.cloud.tenant,
        "principalId": principal.id,
        "clientId": principal.client_id,
    }


def _after_delete(cloud: Cloud, identity: Resource) -> None:
    cloud.access.remove_managed_identity(identity.id)


TYPES = (
    ResourceType(
        name=IDENTITY,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        patch=True,
        located=True,
        provisioning_state=False,
        name_pattern=r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        defaults=_defaults,
        after_delete=_after_delete,
    ),
)
