"""The revisions of a name: each paid training, what it changed, and whether it is what serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from jobs.errors import NotFoundError, UsageError
from jobs.foundry.endpoints import serves
from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import Job, differences, made_from
from jobs.foundry.models import ModelVersion
from jobs.look.inventory import Holding
from jobs.revision import endpoint_name

T = TypeVar("T")


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


def beginning(found: Mapping[str, T], wanted: str, name: str) -> T:
    """What belongs to the one revision of a name that is called so, or begins so.

    Raises:
        NotFoundError: There is none.
        UsageError: Several begin so.
    """
    ids = [one for one in found if one.startswith(wanted)]
    if wanted in found:
        ids = [wanted]
    if not ids:
        raise NotFoundError(
            f"'{name}' has no revision '{wanted}'.", next_step=f"foundry-tune history {name}"
        )
    if len(ids) > 1:
        raise UsageError(
            f"'{wanted}' begins several revisions: {', '.join(ids)}.",
            next_step="Write more of it.",
        )
    return found[ids[0]]


def of(holding: Holding) -> list[Revision]:
    """The revisions of a name, newest first, as far as Azure still has their jobs."""
    deployed = {one.model for one in holding.deployed if one.served}
    served = {serves(holding.endpoint)} if holding.endpoint else deployed
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
                is_served=model is not None and model.label in served,
                since=since.get(endpoint_name(holding.name, job.revision), ""),
                changes=differences(made_from(before), made_from(job)) if before else None,
            )
        )
    return found
