"""The revisions of a name: each paid training, what it changed, and whether it is what serves."""

from dataclasses import dataclass

from jobs.foundry.endpoints import serves
from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import Job, differences, made_from
from jobs.foundry.models import ModelVersion
from jobs.look.inventory import Holding
from jobs.revision import endpoint_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One training of a name."""

    job: Job
    model: ModelVersion | None
    """The model it left, if it did and it is still there."""
    is_served: bool
    since: str
    """Since when its endpoint was followed the last time; empty where it never was."""
    changes: dict[str, tuple[str, str]] | None
    """Each field that differs from the revision before, as (before, after); None: the first."""

    @property
    def id(self) -> str:
        """The hash of the spec and data it was made from; empty where somebody wiped its tags."""
        return self.job.revision

    @property
    def words(self) -> str:
        """What changed, in a line."""
        if self.changes is None:
            return "the first"
        told = (
            f"{field.rpartition('.')[2].replace('_', ' ')} "
            f"{short(before) or 'none'} -> {short(after) or 'none'}"
            for field, (before, after) in self.changes.items()
        )
        return ", ".join(told) or "nothing: trained once more"


def of(holding: Holding) -> list[Revision]:
    """The revisions of a name, newest first, as far as Azure still has their jobs."""
    served = serves(holding.endpoint) if holding.endpoint else ""
    log = holding.pointer.served if holding.pointer else ()
    since = {one.endpoint: one.since for one in reversed(log)}
    left = {model.job: model for model in holding.models}
    found: list[Revision] = []
    for job, before in zip(holding.jobs, (*holding.jobs[1:], None), strict=False):
        model = left.get(job.name)
        found.append(
            Revision(
                job=job,
                model=model,
                is_served=model is not None and model.label == served,
                since=since.get(endpoint_name(holding.name, job.revision), ""),
                changes=differences(made_from(before), made_from(job)) if before else None,
            )
        )
    return found
