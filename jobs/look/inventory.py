"""What a name has in Azure: its jobs, models, endpoints and data, found by tags, not by memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jobs.errors import NotFoundError
from jobs.foundry import data, endpoints, jobs, models
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.session import Session
from jobs.revision import TAG_SPEC
from jobs.side_by_side import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one name has."""

    name: str
    jobs: tuple[Job, ...]
    """Newest first."""
    models: tuple[ModelVersion, ...]
    endpoint: Endpoint | None
    """Tagged as ours, or, where somebody wiped its tags, serving a model of ours."""
    foreign: Endpoint | None = None
    """An endpoint of this name that nothing shows to be ours."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever made for this name."""
        return not (self.jobs or self.models or self.endpoint)

    @property
    def job(self) -> Job | None:
        """The newest job."""
        return self.jobs[0] if self.jobs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the project has, as far as foundry-tune made it."""

    jobs: tuple[Job, ...]
    models: tuple[ModelVersion, ...]
    endpoints: tuple[Endpoint, ...]

    def of(self, name: str) -> Holding:
        """What a name has."""
        own = tuple(job for job in self.jobs if job.tags.get(TAG_SPEC) == name)
        names = {job.name for job in own}
        models = tuple(model for model in self.models if model.job in names)
        named = next((e for e in self.endpoints if e.name == name), None)
        ours = named is not None and (
            TAG_SPEC in named.tags or serves(named) in {model.label for model in models}
        )
        return Holding(
            name=name,
            jobs=own,
            models=models,
            endpoint=named if ours else None,
            foreign=None if ours else named,
        )

    @property
    def names(self) -> list[str]:
        """Every name that has something."""
        tagged = [job.tags[TAG_SPEC] for job in self.jobs if TAG_SPEC in job.tags]
        served = [
            endpoint.tags[TAG_SPEC] for endpoint in self.endpoints if TAG_SPEC in endpoint.tags
        ]
        return sorted({*tagged, *served})


def look(session: Session, named: Sequence[str] = ()) -> Inventory:
    """Read jobs, models and endpoints of the project, side by side.

    `named` are looked up one by one as well: whoever deletes, or says that nothing is left, doesn't
    rest on a list alone, which may be stale.
    """
    with Pool(4) as pool:
        found_jobs = pool.submit(jobs.listed, session)
        found_endpoints = pool.submit(endpoints.listed, session)
        by_name = [pool.submit(endpoints.find, session, name) for name in named]
        listed = models.names(session)
        own = [job for job in found_jobs.result() if job.tags.get(TAG_SPEC) in named]
        names = dict.fromkeys([*listed, *(job.registered_model for job in own)])
        found_models = pool.map(partial(models.versions, session), filter(None, names))
        served = {endpoint.name: endpoint for endpoint in found_endpoints.result()}
        served |= {endpoint.name: endpoint for one in by_name if (endpoint := one.result())}
        return Inventory(
            jobs=tuple(found_jobs.result()),
            models=tuple(model for versions in found_models for model in versions),
            endpoints=tuple(served.values()),
        )


def data_of(session: Session, names: Sequence[str]) -> list[DataAsset]:
    """The data versions made for names, archived ones too."""
    wanted = {f"{name}-{role}" for name in names for role in data.ROLES}
    there = [name for name in data.names(session) if name in wanted]
    return [
        asset
        for name in there
        for asset in data.versions(session, name)
        if asset.tags.get(TAG_SPEC) in names
    ]


def find_job(session: Session, name: str) -> Job:
    """The job of this name, or the newest of the spec with this name.

    Raises:
        NotFoundError: There is neither.
    """
    exact = jobs.find(session, name)
    if exact:
        return exact
    newest = next((j for j in jobs.listed(session) if j.tags.get(TAG_SPEC) == name), None)
    if newest is None:
        raise NotFoundError(
            f"The project has no job '{name}', and none of a spec called '{name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    return newest


def find_endpoint(session: Session, name: str) -> Endpoint:
    """The endpoint of this name.

    Raises:
        NotFoundError: There is none.
    """
    found = endpoints.find(session, name)
    if found is None:
        raise NotFoundError(
            f"The project has no endpoint '{name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    return found
