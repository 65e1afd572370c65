"""What a plan rests on, as facts that can be written down and held against later ones.

A fact is about one thing in Azure (`endpoint/xbox-support-0123456789`); its fields are text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from jobs import revision
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.jobs import Job
from jobs.foundry.online import shares
from jobs.foundry.pointers import Pointer
from jobs.plan.deployments import DeployStep, OnlineStep, TrafficStep, UndeployStep
from jobs.plan.hosting import Hosted
from jobs.plan.plan import Plan
from jobs.plan.steps import (
    CodeStep,
    DataStep,
    EndpointStep,
    EnvironmentStep,
    JobStep,
    LaterStep,
    MeasureStep,
    ModelStep,
    PointerStep,
    RetireStep,
    Step,
)

Fact = Mapping[str, str]
"""The fields of a thing that is there."""

Facts = Mapping[str, Fact | None]
"""By the thing's kind and name; None for one that isn't there."""

LATER = "later/"
"""What begins the thing of a step that is known in full once a sweep's trials are over."""

_MARKS = (revision.TAG_PROOF, revision.TAG_PROBED, revision.TAG_READY, revision.TAG_EVALUATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step as it is written down: what happens to which thing, for which document."""

    kind: str
    type: str
    name: str
    about: str
    """The thing, as facts name it."""
    document: str
    """The name of the document that asks for it."""
    to: str = ""
    """Where a connection is led; empty for the rest."""
    changes: tuple[tuple[str, str, str], ...] = ()
    """Each field that moves, before and after."""


def facts(plan: Plan) -> Facts:
    """Everything in Azure that the plan's steps were decided by."""
    found: dict[str, Fact | None] = {
        "project": {"workspace": plan.project.workspace_id, "location": plan.project.location}
    }
    for data in plan.desired.data:
        standing = plan.actual.data.get(data.label)
        found[f"data/{data.label}"] = {"standing": standing} if standing else None
    for code in plan.desired.codes:
        is_there = code.label in plan.actual.codes
        found[f"code/{code.label}"] = {"standing": "active"} if is_there else None
    for environment in plan.desired.environments:
        made = plan.actual.environments.get(environment.label)
        found[f"environment/{environment.label}"] = (
            {"definition": revision.digest(asdict(made))} if made else None
        )
    for name, compute in plan.actual.computes.items():
        found[f"compute/{name}"] = {"size": compute.size} if compute else None
    for step in plan.steps:
        if isinstance(step, JobStep):
            job = plan.actual.job(step.job_name)
            found[_about(step)] = _job(job) if job else None
        elif isinstance(step, ModelStep):
            found[_about(step)] = {"version": step.model.version} if step.model else None
        elif isinstance(step, EndpointStep | RetireStep | DeployStep):
            found.setdefault(_about(step), None)
    for name, hosted in plan.actual.hosted.items():
        found |= dict(_hosted(name, hosted))
    for endpoint in plan.actual.endpoints.values():
        about = f"endpoint/{endpoint.name}"
        if about in found or _concerns(endpoint, plan):
            found[about] = _endpoint(endpoint)
    for name in (s.name for s in plan.desired.servings):
        found[f"connection/{name}"] = _pointer(plan.actual.pointers.get(name))
    for name in (name for one in plan.desired.measurings for name in one.asked):
        found.setdefault(f"connection/{name}", _pointer(plan.actual.pointers.get(name)))
        served = plan.actual.served(name)
        if served:
            found[f"endpoint/{served.name}"] = _endpoint(served)
    return dict(sorted(found.items()))


def deeds(plan: Plan) -> tuple[PlannedStep, ...]:
    """The plan's steps as they are written down."""
    return tuple(
        PlannedStep(
            kind=step.action.kind,
            type=step.action.type,
            name=step.action.name,
            about=_about(step),
            document=_document(step),
            to=_leads_to(step),
            changes=tuple((c.field, c.before, c.after) for c in step.action.changes),
        )
        for step in plan.steps
    )


def _leads_to(step: Step) -> str:
    if isinstance(step, TrafficStep):
        return shares({step.to: 100})
    return step.candidate.name if isinstance(step, PointerStep) else ""


def differences(before: Fact | None, after: Fact | None) -> Iterator[tuple[str, str, str]]:
    """Each field that is another: its name, and its value before and after."""
    if before == after:
        return
    if before is None or after is None:
        yield "", _whole(before), _whole(after)
        return
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field, ""), after.get(field, "")
        if old != new:
            yield field, old or "(none)", new or "(none)"


def _whole(fact: Fact | None) -> str:
    return "there" if fact is not None else "not there"


def _job(job: Job) -> Fact:
    if job.command:
        return {"code": job.command.get("code", ""), "command": revision.digest(job.command)}
    return {"model": job.base_model, "data": job.training_data}


def _concerns(endpoint: Endpoint, plan: Plan) -> bool:
    """Whether an endpoint belongs to one of the plan's documents, or is called so."""
    owner = endpoint.tags.get(revision.TAG_SPEC)
    names = [serving.name for serving in plan.desired.servings]
    return owner in names or any(revision.is_endpoint_of(endpoint.name, name) for name in names)


def _endpoint(endpoint: Endpoint) -> Fact:
    marks = {key: value for key, value in endpoint.tags.items() if key.startswith(_MARKS)}
    rest = {
        f"tags.{key}": revision.digest(value)
        for key, value in sorted(endpoint.tags.items())
        if key not in marks and key not in (revision.TAG_WITHDRAWN, revision.TAG_SPEC)
    }
    return {
        "spec": endpoint.tags.get(revision.TAG_SPEC, ""),
        "made": endpoint.created,
        "model": serves(endpoint),
        "content_safety": endpoint.content_safety or "unknown",
        "auth_mode": endpoint.auth_mode or "Key",
        "provisioning_state": endpoint.provisioning_state,
        "address": endpoint.uri,
        "withdrawn": "yes" if endpoint.is_withdrawn else "no",
        "marks": revision.digest(marks),
        # Digests: a tag may hold what isn't for everybody who reads a plan.
        **rest,
    }


def _hosted(name: str, hosted: Hosted) -> Iterator[tuple[str, Fact | None]]:
    endpoint = hosted.endpoint
    yield (
        f"online_endpoint/{name}",
        {
            "spec": endpoint.tags.get(revision.TAG_SPEC, ""),
            "made": endpoint.created,
            "auth_mode": endpoint.auth_mode,
        }
        if endpoint
        else None,
    )
    yield f"traffic/{name}", {"shares": shares(endpoint.traffic)} if endpoint else None
    for one in hosted.deployments:
        yield (
            f"deployment/{name}/{one.name}",
            {
                "spec": one.tags.get(revision.TAG_SPEC, ""),
                "made": one.created,
                "model": one.model,
                "provisioning_state": one.provisioning_state,
                "proof": one.proof,
                "marks": revision.digest(
                    {key: value for key, value in one.tags.items() if key.startswith(_MARKS)}
                ),
            },
        )


def _pointer(pointer: Pointer | None) -> Fact | None:
    if pointer is None:
        return None
    return {
        "spec": pointer.spec,
        "endpoint": pointer.endpoint,
        "address": pointer.target,
        "previous": pointer.previous,
        "kept_until": pointer.kept_until,
        "withdrawn": pointer.withdrawn,
        "served": revision.digest([[one.since, one.endpoint] for one in pointer.served]),
    }


def _about(step: Step) -> str:
    if isinstance(step, DataStep):
        return f"data/{step.data.label}"
    if isinstance(step, JobStep):
        return f"job/{step.job_name}"
    if isinstance(step, CodeStep):
        return f"code/{step.code.label}"
    if isinstance(step, EnvironmentStep):
        return f"environment/{step.environment.label}"
    if isinstance(step, ModelStep):
        job = next((need for need in step.needs if isinstance(need, JobStep)), None)
        about = f"model of job/{job.job_name if job else step.undertaking.job_name}"
        # Of several models of one job each is a thing of its own.
        several = len(step.undertaking.models) > 1
        return f"{about}/{step.model_name}" if several else about
    if isinstance(step, EndpointStep):
        return f"endpoint/{step.name}"
    if isinstance(step, PointerStep):
        return f"connection/{step.serving.name}"
    if isinstance(step, RetireStep):
        return f"endpoint/{step.endpoint.name}"
    if isinstance(step, LaterStep):
        return f"{LATER}{step.action.type}/{step.action.name}"
    return f"{step.action.type}/{step.action.name}"


def _document(step: Step) -> str:
    if isinstance(step, DataStep):
        return step.owner.name
    if isinstance(step, CodeStep | EnvironmentStep):
        return step.running.name
    if isinstance(step, JobStep | ModelStep):
        return step.undertaking.name
    if isinstance(step, EndpointStep | PointerStep):
        return step.serving.name
    if isinstance(step, RetireStep):
        return step.name
    if isinstance(step, OnlineStep | DeployStep | TrafficStep):
        return step.hosting.name
    if isinstance(step, UndeployStep):
        return step.deployment.endpoint
    if isinstance(step, MeasureStep):
        return step.measuring.endpoint
    if isinstance(step, LaterStep):
        named = step.training or step.serving
        if named:
            return named.name
        return step.measuring.endpoint if step.measuring else step.action.name
    return step.action.name
