"""How this provider tells of its long-running operations.

As recorded (Azure/azure-sdk-assets, test_online_endpoint_e2e): an id says what kind of thing is
worked on and in which workspace, and a document has an end of year 1 until there is one.
"""

from dataclasses import replace

from emulator.arm.types import Tracking
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.ids import ResourceId

TRACKING = Tracking(
    status="mfeOperationsStatus",
    result="mfeOperationResults",
    timeout="PT30M",
    putting="Updating",
    counts=False,
)
"""Of the management front end: jobs, endpoints, deployments."""

WORKSPACE_TRACKING = Tracking(
    status="workspaceOperationsStatus", result="workspaceOperationResults"
)


def tracked_as(kind: str) -> Tracking:
    """The front end's, with the kind and the workspace before an operation's id."""

    def prefix(cloud: Cloud, resource: ResourceId) -> str:
        node: ResourceId | None = resource
        while node is not None and node.type.lower() != WORKSPACES.lower():
            node = node.parent
        workspace = cloud.resources.get(node) if node else None
        return f"{kind}:{workspace.properties['workspaceId']}:" if workspace else ""

    return replace(TRACKING, prefix=prefix)
