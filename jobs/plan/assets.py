"""The data and models that specs are about: a few asked for by name, many read from lists.

A list is read while it is worth it: a page in the place of ten looks. What it shows is there. What
it doesn't show is looked at by name, unless nothing but a word in the plan rests on it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Generic, Literal, TypeVar

from jobs.errors import FoundryTuneError, SignInError
from jobs.foundry import data, models, projects
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.jobs import USABLE, Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan.desired import Desired
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.side_by_side import Pool

_FEW = 24
"""Looks that are made by name at once: four times as many as run side by side."""

_LOOKS_A_PAGE = 10
"""Looks that a page of a list must be able to save; a project's lists may be far longer."""

K = TypeVar("K")
V = TypeVar("V")

Standing = Literal["active", "archived"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What the project has of the data and models that are asked for."""

    data: Mapping[str, Standing]
    """By `name:version`."""
    models: Mapping[str, tuple[ModelVersion, ...]]
    """By name, oldest version first."""
    next_versions: Mapping[str, str]
    """The version that a new model of each name will have."""


def look(
    session: Session,
    project: Project,
    desired: Desired,
    pool: Pool,
    jobs: "Future[list[Job]]",
    endpoints: "Future[list[Endpoint]]",
) -> Assets:
    """Find what there is; `jobs` and `endpoints` are being listed meanwhile."""
    names = _model_names(desired.undertakings)
    if len(desired.data) + 2 * len(names) <= _FEW:
        return _by_name(session, desired, pool, names)
    latest = pool.submit(
        _read, {asset.name for asset in desired.data}, data.latest_versions(session)
    )
    attempts = _Attempts(desired.undertakings, jobs.result())
    found_models = _models(session, project, attempts, pool)
    modelless = attempts.without_model(found_models)
    to_train = [one for one in modelless if one.name not in attempts.running or one.is_sweep]
    served = {serves(endpoint).rpartition(":")[0] for endpoint in endpoints.result()}
    return Assets(
        data=_data(session, desired, to_train, latest.result(), pool),
        models=found_models,
        next_versions=_next_versions(session, _model_names(modelless), served, pool),
    )


# ── a few ───────────────────────────────────────────────────────────────────────────────────────


def _by_name(session: Session, desired: Desired, pool: Pool, names: Sequence[str]) -> Assets:
    found_data = [pool.submit(data.find, session, d.name, d.version) for d in desired.data]
    found_models = [pool.submit(models.versions, session, name) for name in names]
    found_next = [pool.submit(models.next_version, session, name) for name in names]
    return Assets(
        data=_standings(future.result() for future in found_data),
        models={
            name: tuple(future.result()) for name, future in zip(names, found_models, strict=True)
        },
        next_versions={
            name: future.result() for name, future in zip(names, found_next, strict=True)
        },
    )


# ── many ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Reading(Generic[K, V]):
    """What a list said of what was wanted."""

    found: Mapping[K, V]
    is_whole: bool
    """Whether it was read to its end."""


def _read(wanted: Set[K], pages: Iterator[Mapping[K, V]]) -> _Reading[K, V]:
    """Read a list until all is found, it ends, or it costs more than it saves."""
    found: dict[K, V] = {}
    for _ in range(len(wanted) // _LOOKS_A_PAGE):
        page = next(pages, None)
        if page is None:
            return _Reading(found, is_whole=True)
        found |= {key: page[key] for key in (wanted & page.keys()) - found.keys()}
        if len(found) == len(wanted):
            break
    return _Reading(found, is_whole=False)


class _Attempts:
    """The jobs of each document's revision that are there."""

    def __init__(self, asked: Sequence[Undertaking], jobs: Iterable[Job]) -> None:
        by_name = {job.name: job for job in jobs}
        self._of = [(one, tuple(_attempts(one, by_name))) for one in asked]

    @property
    def completed(self) -> set[tuple[str, str]]:
        """Of each that gave a model: the job's name, and the model's."""
        return {
            (job.name, name)
            for asked, jobs in self._of
            for job in jobs
            for name in asked.models
            if job.status in USABLE
        }

    def without_model(self, found: Mapping[str, Sequence[ModelVersion]]) -> list[Undertaking]:
        """Those of which no job has its model; a sweep may want another at any time."""
        there = {version.job for versions in found.values() for version in versions}
        return [
            asked
            for asked, jobs in self._of
            if asked.is_sweep or not any(_is_done(asked, job, there) for job in jobs)
        ]

    @property
    def running(self) -> set[str]:
        """The names of those of which a job isn't finished."""
        return {asked.name for asked, jobs in self._of if any(not job.is_finished for job in jobs)}


def _is_done(asked: Undertaking, job: Job, there: Set[str]) -> bool:
    """Whether a job has left what it was to leave; `there` are the jobs whose models are there."""
    return job.name in there if asked.models else job.status in USABLE


def _attempts(asked: Undertaking, by_name: Mapping[str, Job]) -> Iterator[Job]:
    if asked.is_sweep:
        # Which trials a later rung has isn't known here: all jobs of the name are taken for them.
        begin = asked.job_name.removesuffix(asked.revision)
        yield from (job for name, job in by_name.items() if name.startswith(begin))
        return
    number = 1
    while job := by_name.get(asked.attempt(number)):
        yield job
        number += 1


def _models(
    session: Session, project: Project, attempts: _Attempts, pool: Pool
) -> dict[str, tuple[ModelVersion, ...]]:
    """The versions of the models whose jobs are there."""
    wanted = attempts.completed
    listed = _trained(session, project, wanted)
    unseen = sorted({name for job, name in wanted if (job, name) not in listed})
    found = dict[str, tuple[ModelVersion, ...]]()
    for (_, name), version in listed.items():
        found[name] = (version, *found.get(name, ()))
    for name, versions in zip(
        unseen, pool.map(partial(models.versions, session), unseen), strict=True
    ):
        found[name] = tuple(versions)
    return found


def _trained(
    session: Session, project: Project, wanted: Set[tuple[str, str]]
) -> Mapping[tuple[str, str], ModelVersion]:
    """What the model registry shows; nothing where it can't be listed, then ARM is asked."""
    if len(wanted) < _LOOKS_A_PAGE:
        return {}
    try:
        api = projects.data_plane(session, project)
        return _read(wanted, models.trained(session, api)).found
    except SignInError:
        raise
    except FoundryTuneError:
        session.arm.tell("The model registry can't be listed; asking for each model by name …")
        return {}


def _data(
    session: Session,
    desired: Desired,
    to_train: Sequence[Undertaking],
    latest: _Reading[str, str],
    pool: Pool,
) -> dict[str, Standing]:
    """How each data version stands.

    One that no job needs any more is believed to be there. One that a job will read is looked at,
    unless the whole list has no such name: then it is uploaded, which changes nothing of what is
    there.
    """
    needed = {asset.label for one in to_train for asset in one.data}
    found: dict[str, Standing] = {}
    unsure: list[DataVersion] = []
    for asset in desired.data:
        if asset.label in needed:
            if asset.name in latest.found or not latest.is_whole:
                unsure.append(asset)
        elif latest.found.get(asset.name) == asset.version:
            found[asset.label] = "active"
        else:
            unsure.append(asset)
    looked = pool.map(lambda asset: data.find(session, asset.name, asset.version), unsure)
    return found | _standings(looked)


def _next_versions(
    session: Session, names: Sequence[str], served: Set[str], pool: Pool
) -> dict[str, str]:
    """The versions that new models will have.

    A name that the whole list doesn't have begins at 1; but not on its word alone where an endpoint
    serves that name: it would be taken for serving the new model already.
    """
    listed = _read(set(names), models.next_versions(session))
    unsure = [
        name
        for name in names
        if name not in listed.found and (name in served or not listed.is_whole)
    ]
    looked = pool.map(partial(models.next_version, session), unsure)
    return {**listed.found, **dict(zip(unsure, looked, strict=True))}


def _model_names(asked: Iterable[Undertaking]) -> list[str]:
    return list(dict.fromkeys(name for one in asked for name in one.models))


def _standings(found: Iterable[DataAsset | None]) -> dict[str, Standing]:
    return {
        f"{asset.name}:{asset.version}": "archived" if asset.archived else "active"
        for asset in found
        if asset
    }
