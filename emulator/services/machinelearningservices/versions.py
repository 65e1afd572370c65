"""The api-versions of Microsoft.MachineLearningServices, as Pulumi's provider lists them."""

API_VERSIONS = (
    "2022-02-01-preview", "2022-05-01", "2022-06-01-preview", "2022-10-01", "2022-10-01-preview",
    "2022-12-01-preview", "2023-02-01-preview", "2023-04-01", "2023-04-01-preview",
    "2023-06-01-preview", "2023-08-01-preview", "2023-10-01", "2024-01-01-preview", "2024-04-01",
    "2024-04-01-preview", "2024-07-01-preview", "2024-10-01", "2024-10-01-preview",
    "2025-01-01-preview", "2025-04-01", "2025-04-01-preview", "2025-06-01", "2025-07-01-preview",
    "2025-09-01", "2025-10-01-preview", "2025-12-01", "2026-01-15-preview", "2026-03-01",
    "2026-03-15-preview", "2026-05-01", "2026-05-15-preview",
)  # fmt: skip

SERVERLESS_API_VERSIONS = tuple(version for version in API_VERSIONS if version >= "2023-08-01")

# FineTuning is a preview job type: no stable version's schema has it.
FINE_TUNING_API_VERSIONS = tuple(
    version for version in API_VERSIONS if version >= "2024-10-01" and version.endswith("-preview")
)

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACES = f"{PROVIDER}/workspaces"

EMPTY = (
    *(
        f"{WORKSPACES}/{kind}"
        for kind in (
            "batchEndpoints",
            "batchEndpoints/deployments",
            "components",
            "components/versions",
            "featuresets",
            "featuresets/versions",
            "featurestoreEntities",
            "featurestoreEntities/versions",
            "privateEndpointConnections",
            "schedules",
        )
    ),
    f"{PROVIDER}/registries",
)
"""Types of Azure's that never hold anything here."""
