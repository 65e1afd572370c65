"""Compute clusters of a project, or of its hub: where a command job may run."""

from dataclasses import dataclass

from jobs.foundry.answers import part, text
from jobs.foundry.projects import Project
from jobs.foundry.session import API_VERSION, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A cluster or machine that jobs can name."""

    name: str
    type: str
    """`AmlCompute`, `ComputeInstance`, `Kubernetes`, …"""
    size: str
    """The type of its machines, as `STANDARD_DS3_V2`; empty where it has none."""
    most: int | None
    """Machines at most, where it is a cluster."""
    state: str
    """Azure's provisioning state."""


def find(session: Session, project: Project, name: str) -> Compute | None:
    """The compute of this name: the project's own, or one that its hub shares with it."""
    for workspace in filter(None, (project.id, project.hub_id)):
        doing = f"read compute '{name}'"
        found = session.arm.find(f"{workspace}/computes/{name}", API_VERSION, doing)
        if found is None:
            continue
        settings = part(found, "properties", "properties")
        most = part(settings, "scaleSettings").get("maxNodeCount")
        return Compute(
            name=text(found, "name"),
            type=text(found, "properties", "computeType"),
            size=text(settings, "vmSize"),
            most=most if isinstance(most, int) else None,
            state=text(found, "properties", "provisioningState"),
        )
    return None
