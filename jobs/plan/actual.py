"""What is there in Azure, as far as specs are concerned. Azure is the state: there is no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from jobs.foundry import codes, computes, endpoints, environments, jobs, models, online, pointers
from jobs.foundry.computes import Compute
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.environments import EnvironmentDefinition
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.pointers import Pointer
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan import assets
from jobs.plan.assets import Standing
from jobs.plan.desired import Desired
from jobs.plan.hosting import Hosted, Hosting
from jobs.plan.running import CodeVersion, EnvironmentVersion
from jobs.revision import TAG_SPEC
from jobs.side_by_side import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """The resources that a spec could find there."""

    project: Project
    jobs: tuple[Job, ...]
    """The project's fine-tuning and command jobs, newest first."""
    data: Mapping[str, Standing]
    """By `name:version`."""
    models: Mapping[str, tuple[ModelVersion, ...]]
    """By name, oldest version first."""
    next_versions: Mapping[str, str]
    """The version that a new model of each name will have."""
    endpoints: Mapping[str, Endpoint]
    """Every endpoint of the project, by name."""
    pointers: Mapping[str, Pointer]
    """Every connection of the project that leads to a serverless endpoint, by name."""
    codes: frozenset[str] = frozenset()
    """The code that is asked for and there, by `name:version`."""
    environments: Mapping[str, EnvironmentDefinition] = field(
        default_factory=dict[str, EnvironmentDefinition]
    )
    """The environments that are asked for and there, by `name:version`."""
    computes: Mapping[str, Compute | None] = field(default_factory=dict[str, Compute | None])
    """The computes that are asked for, by name; None for one that isn't there."""

    hosted: Mapping[str, Hosted] = field(default_factory=dict[str, Hosted])
    """What each online endpoint that is asked for has, by its name."""

    def job(self, name: str) -> Job | None:
        """The job of this name."""
        return next((job for job in self.jobs if job.name == name), None)

    def jobs_of(self, spec: str) -> list[Job]:
        """The jobs that were made for a spec, newest first."""
        return [job for job in self.jobs if job.tags.get(TAG_SPEC) == spec]

    def model_of(self, job: Job, name: str) -> ModelVersion | None:
        """The model of this name that a job registered, if it is still there."""
        versions = self.models.get(name, ())
        return next((model for model in reversed(versions) if model.job == job.name), None)

    def pointer(self, name: str) -> Pointer | None:
        """Where a name leads, if foundry-tune made it lead there."""
        found = self.pointers.get(name)
        return found if found and found.is_ours else None

    def served(self, name: str) -> Endpoint | None:
        """The endpoint that serves a name: the one it leads to, or the one that is called so."""
        pointer = self.pointer(name)
        return self.endpoints.get(pointer.endpoint if pointer else name)


def look(session: Session, project: Project, desired: Desired) -> Actual:
    """Read everything that concerns the specs, side by side."""
    with Pool(6) as pool:
        found_jobs = pool.submit(jobs.listed, session)
        found_endpoints = pool.submit(endpoints.listed, session)
        found_pointers = pool.submit(pointers.listed, session)
        found = assets.look(session, project, desired, pool, found_jobs, found_endpoints)
        named = tuple(dict.fromkeys(one.compute for one in desired.runnings if one.compute))
        found_computes = pool.map(partial(computes.find, session, project), named)
        own_codes = pool.map(partial(_code, session), desired.codes)
        own_environments = pool.map(partial(_environment, session), desired.environments)
        own_hosted = pool.map(partial(_hosted, session), desired.hostings)
        return Actual(
            project=project,
            jobs=tuple(found_jobs.result()),
            data=found.data,
            models=found.models,
            next_versions=found.next_versions,
            endpoints={endpoint.name: endpoint for endpoint in found_endpoints.result()},
            pointers={pointer.name: pointer for pointer in found_pointers.result()},
            codes=frozenset(filter(None, own_codes)),
            environments={
                one.label: found
                for one, found in zip(desired.environments, own_environments, strict=True)
                if found
            },
            computes=dict(zip(named, found_computes, strict=True)),
            hosted={
                one.name: found for one, found in zip(desired.hostings, own_hosted, strict=True)
            },
        )


def _code(session: Session, code: CodeVersion) -> str:
    """Its label, where it is there."""
    return code.label if codes.find(session, code.name, code.version) is not None else ""


def _hosted(session: Session, hosting: Hosting) -> Hosted:
    """The endpoint of a document with its deployments, and the model that it names."""
    endpoint = online.find(session, hosting.name)
    model = None
    if hosting.made_by is None:
        name, _, version = hosting.model.partition(":")
        model = models.find(session, name, version)
    return Hosted(
        endpoint=endpoint,
        deployments=tuple(online.deployments(session, hosting.name)) if endpoint else (),
        model=model,
    )


def _environment(session: Session, environment: EnvironmentVersion) -> EnvironmentDefinition | None:
    return environments.find(session, environment.name, environment.version)


def with_jobs(session: Session, seen: Actual, names: Sequence[str]) -> Actual:
    """With these jobs as their own addresses show them, where a list lags behind."""
    listed = {job.name: job for job in seen.jobs}
    lagging = [name for name in names if name not in listed or not listed[name].is_finished]
    with Pool(6) as pool:
        found = [job for job in pool.map(partial(jobs.find, session), lagging) if job]
    others = tuple(job for job in seen.jobs if job.name not in {one.name for one in found})
    return replace(seen, jobs=(*found, *others))
