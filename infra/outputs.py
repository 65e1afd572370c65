"""What the stack tells the jobs: a contract with a version, and never a secret."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_azure_native.authorization import GetClientConfigResult

from infra.config import Settings
from infra.foundry import FoundryEnvironment
from infra.registration import ProviderRegistration

# Raise it when a key is renamed, removed or changes its meaning; jobs/target/ reads it.
SCHEMA_VERSION = 1


def export(
    settings: Settings,
    client: GetClientConfigResult,
    environment: FoundryEnvironment,
    registrations: Sequence[ProviderRegistration],
    client_ids: Mapping[str, pulumi.Output[str]],
) -> None:
    """Export the stack's outputs."""
    first = settings.projects[0]
    project = environment.projects[first]
    outputs: Mapping[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "tenantId": client.tenant_id,
        "subscriptionId": client.subscription_id,
        "location": settings.location,
        "resourceGroupName": environment.group.name,
        "hubName": environment.hub.name,
        "hubId": environment.hub.id,
        "projectName": project.name,
        "projectNames": [workspace.name for workspace in environment.projects.values()],
        "projectId": project.id,
        "projectPrincipalId": project.principal_id,
        "storageAccountName": environment.storage_account.name,
        "keyVaultUri": environment.key_vault.address,
        "aiServicesEndpoint": environment.ai_services.address,
        "registeredProviders": [registration.namespace for registration in registrations],
    }
    if client_ids:
        # No secret: who signs in as one needs the token that its credential names.
        pulumi.export("identityClientIds", dict(client_ids))
    for name, value in outputs.items():
        pulumi.export(name, value)
