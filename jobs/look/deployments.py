"""The revisions of an online endpoint: its deployments, and who has had its traffic before them."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.foundry.endpoints import model_label
from jobs.foundry.online import Deployment, Managed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRevision:
    """One deployment of an endpoint, or one that it has had."""

    name: str
    deployment: Deployment | None
    """None for one that is gone."""
    share: int
    """How much of the traffic it gets, in percent."""
    since: str
    """Since when it had the traffic the last time; empty where that isn't known, or never was."""

    @property
    def model(self) -> str:
        """The label of the model that it serves; empty where it is gone."""
        return model_label(self.deployment.model) if self.deployment else ""

    @property
    def state(self) -> str:
        """What it is, in a word or two."""
        if self.deployment is None:
            return "gone"
        if not self.deployment.is_ours:
            return "not foundry-tune's"
        if self.deployment.is_ready:
            return "ready"
        state = self.deployment.provisioning_state
        return "not proven" if state == "Succeeded" else state


def of(managed: Managed) -> list[DeployedRevision]:
    """Everything that an endpoint has or remembers, newest first."""
    there = sorted(managed.deployments, key=lambda one: one.created, reverse=True)
    known = {one.name for one in there}
    gone = (one.deployment for one in managed.endpoint.course.served)
    return [
        *(_revision(managed, one.name, one) for one in there),
        *(_revision(managed, name, None) for name in dict.fromkeys(gone) if name not in known),
    ]


def idle(managed: Managed) -> Iterator[Deployment]:
    """The deployments of foundry-tune's making that get no traffic."""
    for one in managed.deployments:
        if one.is_ours and not managed.endpoint.traffic.get(one.name, 0):
            yield one


def _revision(managed: Managed, name: str, there: Deployment | None) -> DeployedRevision:
    endpoint = managed.endpoint
    return DeployedRevision(
        name=name,
        deployment=there,
        share=endpoint.traffic.get(name, 0),
        since=endpoint.course.since(name),
    )
