"""Azure's built-in roles, by GUID.

Microsoft renamed several of them in 2026 ("Azure AI User" is "Foundry User" now) and kept the
GUIDs, so a role is never looked up by its name.
"""

# Azure AI Developer: submit jobs, deploy and register models; no hubs, projects or roles.
AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
# Storage Blob Data Contributor: read and write blobs with an identity instead of the account key.
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
# Key Vault Secrets Officer: keep the secrets of connections in a vault that uses RBAC.
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
# Cognitive Services User: call AI Services with an identity instead of its key.
COGNITIVE_SERVICES_USER = "a97b65f3-24c7-4388-baec-2e87135dc908"


def definition_id(subscription_id: str, role: str) -> str:
    """The ARM id by which an assignment names a role."""
    return (
        f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
