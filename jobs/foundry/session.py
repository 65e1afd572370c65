"""A signed-in session in one project: what every verb of the gateway takes first."""

from dataclasses import dataclass
from functools import cached_property

from jobs.foundry.arm import Arm
from jobs.foundry.credential import sign_in
from jobs.foundry.reachability import require_reachable
from jobs.target.target import Target

API_VERSION = "2024-10-01"
"""Of Microsoft.MachineLearningServices: the newest stable one with contentSafety and authMode."""


@dataclass(frozen=True)
class Session:
    """A connection to Azure and the project it works in."""

    target: Target
    arm: Arm

    @cached_property
    def resource_group_id(self) -> str:
        """The ARM id of the resource group."""
        return (
            f"/subscriptions/{self.target.subscription_id}"
            f"/resourceGroups/{self.target.resource_group}"
        )

    @cached_property
    def project_id(self) -> str:
        """The ARM id of the project: a workspace of kind Project, in Azure's words."""
        return (
            f"{self.resource_group_id}/providers/Microsoft.MachineLearningServices"
            f"/workspaces/{self.target.project}"
        )


def connect(target: Target) -> Session:
    """Look whether Azure is within reach, then sign in."""
    require_reachable()
    return Session(target, Arm(sign_in()))
