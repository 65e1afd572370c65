"""Azure's built-in roles, by GUID.

Microsoft renamed several of them in 2026 ("Azure AI User" is "Foundry User" now) and kept the
GUIDs, so a role is never looked up by its name in Azure.
"""

from collections.abc import Mapping

# Azure AI Developer: submit jobs, deploy and register models; no hubs, projects or roles.
AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
# Storage Blob Data Contributor: read and write blobs with an identity instead of the account key.
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
# Storage Blob Data Reader: read blobs; the answers of evaluations are there.
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
# Key Vault Secrets Officer: keep the secrets of connections in a vault that uses RBAC.
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
# Cognitive Services User: call AI Services with an identity instead of its key.
COGNITIVE_SERVICES_USER = "a97b65f3-24c7-4388-baec-2e87135dc908"
# Monitoring Reader: Azure Monitor's numbers, which Azure AI Developer may not read.
MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"
# Reader: everything but secrets and data.
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
# Contributor: make and change everything but roles.
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
# Role Based Access Control Administrator: assign roles; given under a condition only.
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"

BUILT_IN: Mapping[str, str] = {
    "Azure AI Administrator": "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
    "Azure AI Developer": AI_DEVELOPER,
    "Azure AI Inference Deployment Operator": "3afb7f49-54cb-416e-8c09-6dc049efa503",
    "Azure Machine Learning Workspace Connection Secrets Reader": (
        "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
    ),
    "AzureML Compute Operator": "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
    "AzureML Data Scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "Cognitive Services Contributor": "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
    "Cognitive Services OpenAI User": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
    "Cognitive Services User": COGNITIVE_SERVICES_USER,
    "Contributor": CONTRIBUTOR,
    "Key Vault Secrets Officer": KEY_VAULT_SECRETS_OFFICER,
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Monitoring Reader": MONITORING_READER,
    "Reader": READER,
    "Storage Blob Data Contributor": BLOB_DATA_CONTRIBUTOR,
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Reader": BLOB_DATA_READER,
}
"""The roles that a stack's configuration may name; every other goes by its GUID."""

PRIVILEGED: Mapping[str, str] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    RBAC_ADMINISTRATOR: "Role Based Access Control Administrator",
}
"""The roles that hand on every right there is: no stack gives them away."""
