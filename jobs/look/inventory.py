"""What a name has in Azure: its jobs, models, endpoints and data, found by tags, not by memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from jobs.errors import NotFoundError
from jobs.foundry import data, endpoints, jobs, models, online, pointers
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Managed
from jobs.foundry.pointers import Pointer
from jobs.foundry.session import Session
from jobs.revision import TAG_SPEC, endpoint_name
from jobs.side_by_side import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one name has."""

    name: str
    jobs: tuple[Job, ...]
    """Newest first."""
    models: tuple[ModelVersion, ...]
    endpoints: tuple[Endpoint, ...]
    """Tagged as ours, or, where somebody wiped their tags, serving a model of ours."""
    pointer: Pointer | None = None
    """Where the name leads, if foundry-tune made it lead there."""
    foreign: Endpoint | None = None
    """An endpoint of this name that nothing shows to be ours."""
    online: Managed | None = None
    """The managed online endpoint of this name, if foundry-tune made it."""
    foreign_online: Managed | None = None
    """One of this name that somebody else made."""
    deployed: tuple[Managed, ...] = ()
    """The managed online endpoints that have a model of its jobs deployed."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever made for this name."""
        return not (self.jobs or self.models or self.endpoints or self.pointer or self.online)

    @property
    def endpoint(self) -> Endpoint | None:
        """The one that serves: the name follows it, or it is called so."""
        wanted = self.pointer.endpoint if self.pointer else self.name
        return next((one for one in self.endpoints if one.name == wanted), None)

    @property
    def is_online(self) -> bool:
        """Whether what the name serves is a managed online endpoint, and no serverless one."""
        return self.online is not None and self.endpoint is None and self.pointer is None

    @property
    def job(self) -> Job | None:
        """The newest job."""
        return self.jobs[0] if self.jobs else None

    @property
    def served_job(self) -> Job | None:
        """The job whose model is served; None where that is a base model, or nothing is."""
        label = serves(self.endpoint) if self.endpoint else ""
        trained_by = next((model.job for model in self.models if model.label == label), "")
        return next((job for job in self.jobs if job.name == trained_by), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the project has, as far as foundry-tune made it."""

    jobs: tuple[Job, ...]
    models: tuple[ModelVersion, ...]
    endpoints: tuple[Endpoint, ...]
    pointers: tuple[Pointer, ...]
    onlines: tuple[Managed, ...] = ()
    """Managed online endpoints, foundry-tune's and others'."""

    def of(self, name: str) -> Holding:
        """What a name has."""
        own = tuple(job for job in self.jobs if job.tags.get(TAG_SPEC) == name)
        names = {job.name for job in own}
        models = tuple(model for model in self.models if model.job in names)
        labels = {model.label for model in models}
        ours = tuple(
            one
            for one in self.endpoints
            # One that is asked for by its own name is taken too, whosever it is by its tags.
            if one.is_of(name, labels) or (one.name == name and TAG_SPEC in one.tags)
        )
        named = next((one for one in self.endpoints if one.name == name), None)
        managed = next((one for one in self.onlines if one.name == name), None)
        is_ours = managed is not None and managed.endpoint.tags.get(TAG_SPEC) == name
        return Holding(
            name=name,
            jobs=own,
            models=models,
            endpoints=ours,
            pointer=next((p for p in self.pointers if p.name == name and p.is_ours), None),
            foreign=None if named in ours else named,
            online=managed if is_ours else None,
            foreign_online=None if is_ours else managed,
            deployed=tuple(one for one in self.onlines if one.models & labels),
        )

    @property
    def names(self) -> list[str]:
        """Every name that has something."""
        tagged = [job.tags[TAG_SPEC] for job in self.jobs if TAG_SPEC in job.tags]
        served = [
            endpoint.tags[TAG_SPEC] for endpoint in self.endpoints if TAG_SPEC in endpoint.tags
        ]
        led = [pointer.name for pointer in self.pointers if pointer.is_ours]
        deployed = [
            one.endpoint.tags[TAG_SPEC] for one in self.onlines if TAG_SPEC in one.endpoint.tags
        ]
        return sorted({*tagged, *served, *led, *deployed})


def look(session: Session, named: Sequence[str] = ()) -> Inventory:
    """Read jobs, models and endpoints of the project, side by side.

    `named` are looked up one by one as well: whoever deletes, or says that nothing is left, doesn't
    rest on a list alone, which may be stale.
    """
    with Pool(4) as pool:
        found_jobs = pool.submit(jobs.listed, session)
        found_endpoints = pool.submit(endpoints.listed, session)
        found_pointers = pool.submit(pointers.listed, session)
        found_onlines = pool.submit(online.listed, session)
        led = {p.name: p for p in found_pointers.result()}
        led |= {p.name: p for p in pool.map(partial(pointers.find, session), named) if p}
        listed = models.names(session)
        own = [job for job in found_jobs.result() if job.tags.get(TAG_SPEC) in named]
        names = dict.fromkeys([*listed, *(name for job in own for name in job.models)])
        found_models = pool.map(partial(models.versions, session), filter(None, names))
        served = {endpoint.name: endpoint for endpoint in found_endpoints.result()}
        sought = [name for name in _sought(named, own, led) if name not in served]
        found = pool.map(partial(endpoints.find, session), sought)
        served |= {endpoint.name: endpoint for endpoint in found if endpoint}
        managed = {one.name: one for one in found_onlines.result()}
        unlisted = [name for name in named if name not in managed]
        found = pool.map(partial(online.find, session), unlisted)
        managed |= {one.name: one for one in found if one}
        return Inventory(
            jobs=tuple(found_jobs.result()),
            models=tuple(model for versions in found_models for model in versions),
            endpoints=tuple(served.values()),
            pointers=tuple(led.values()),
            onlines=tuple(pool.map(partial(online.managed, session), managed.values())),
        )


def _sought(named: Sequence[str], own: Sequence[Job], led: Mapping[str, Pointer]) -> Iterator[str]:
    """The names that endpoints of these may have, whatever a list says of them."""
    for name in named:
        pointer = led.get(name)
        own_revisions = [job.revision for job in own if job.tags[TAG_SPEC] == name]
        followed = (pointer.endpoint, pointer.previous) if pointer else ()
        made = (endpoint_name(name, revision) for revision in own_revisions if revision)
        yield from dict.fromkeys(filter(None, (name, *followed, *made)))


def data_of(session: Session, names: Sequence[str]) -> list[DataAsset]:
    """The data versions made for names, archived ones too."""
    wanted = {f"{name}-{role}" for name in names for role in data.ROLES}
    inputs = tuple(f"{name}{data.INPUT}" for name in names)
    there = [one for one in data.names(session) if one in wanted or one.startswith(inputs)]
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
    return find_jobs(session, name)[0]


def newest_job(session: Session, name: str) -> Job | None:
    """The same, or None where there is neither."""
    try:
        return find_job(session, name)
    except NotFoundError:
        return None


def find_jobs(session: Session, name: str) -> list[Job]:
    """The job of this name, or all of the spec with this name, newest first.

    Raises:
        NotFoundError: There is neither.
    """
    exact = jobs.find(session, name)
    if exact:
        return [exact]
    own = [job for job in jobs.listed(session) if job.tags.get(TAG_SPEC) == name]
    if not own:
        raise NotFoundError(
            f"The project has no job '{name}', and none of a spec called '{name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    return own


def is_served(session: Session, name: str) -> bool:
    """Whether a name leads anywhere, be it to an endpoint that is gone, or is an endpoint's own."""
    return _pointer(session, name) is not None or endpoints.find(session, name) is not None


def find_endpoint(session: Session, name: str) -> Endpoint:
    """The endpoint that a name leads to, or the one that is called so.

    Raises:
        NotFoundError: There is none.
    """
    pointer = _pointer(session, name)
    found = endpoints.find(session, pointer.endpoint if pointer else name)
    if found is not None:
        return found
    if pointer is not None:
        raise pointers.leads_nowhere(pointer)
    raise NotFoundError(
        f"The project has no endpoint '{name}'.",
        next_step="foundry-tune status lists what there is.",
    )


def _pointer(session: Session, name: str) -> Pointer | None:
    found = pointers.find(session, name)
    return found if found and found.is_ours else None
