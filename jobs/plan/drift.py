"""What changed in Azure behind the files' back: held against the files and against what was made.

A revision that a file asks for and that isn't made yet is no drift: `plan` tells it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs import revision
from jobs.foundry import online
from jobs.foundry.endpoints import AUTH_MODES, Endpoint, model_label, serves
from jobs.foundry.jobs import USABLE
from jobs.foundry.online import Deployment, Online, shares
from jobs.foundry.pointers import Pointer
from jobs.plan.actual import Actual
from jobs.plan.deployments import DeployStep, OnlineStep, TrafficStep
from jobs.plan.desired import Serving
from jobs.plan.hosting import Hosted, Hosting
from jobs.plan.plan import Plan
from jobs.plan.steps import EndpointStep, JobStep, LaterStep, ModelStep, PointerStep, Step

_ENDED = frozenset({"Failed", "Canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One thing that isn't as the files, or foundry-tune, left it."""

    kind: str
    """`content_filter`, `key_auth`, `auth_mode`, `tags`, `deleted_model`, `unknown_endpoint`,
    `pointer` or `state`; of an online endpoint also `traffic`, `machines`, `deployed_model` or
    `unknown_deployment`."""
    document: str
    """The name of the document that it belongs to."""
    where: str
    """The thing in Azure: `endpoint xbox-support-0123456789`."""
    was: str
    now: str


def drifts(plan: Plan) -> list[Drifted]:
    """Everything that drifted, document by document."""
    found: list[Drifted] = []
    for step in plan.steps:
        if isinstance(step, ModelStep):
            found += _model(step)
        elif isinstance(step, PointerStep):
            found += _served(step, plan.actual)
        elif isinstance(step, TrafficStep):
            found += _hosted(step, plan.actual.hosted[step.hosting.name])
    return list(dict.fromkeys(found))


def repairs(plan: Plan, found: list[Drifted]) -> tuple[Step, ...]:
    """The steps of the plan that bring back what drifted, with those that they need."""
    documents = {drift.document for drift in found if drift.kind != "tags"}
    chosen: dict[int, Step] = {}

    def take(step: Step) -> None:
        for need in step.needs:
            take(need)
        chosen[id(step)] = step

    for step in plan.steps:
        if _document(step) in documents:
            take(step)
    return tuple(step for step in plan.steps if id(step) in chosen)


def own_models(actual: Actual) -> list[str]:
    """The labels of the models that the documents' jobs have left."""
    return [model.label for versions in actual.models.values() for model in versions]


def trains_anew(steps: Sequence[Step], found: Sequence[Drifted]) -> bool:
    """Whether there is a new revision to be made among the repairs, which is `apply`'s work.

    An online endpoint's deployment that isn't there is one, too.
    """
    gone = {drift.document for drift in found if drift.kind == "deleted_model"}
    return any(
        isinstance(step, LaterStep)
        or (isinstance(step, DeployStep) and step.deployment is None)
        or (isinstance(step, JobStep) and step.job is None and step.document not in gone)
        for step in steps
    )


def wanted_tags(serving: Serving, endpoint: Endpoint) -> dict[str, str]:
    """The tags that an endpoint has from its making, less the version that made it."""
    made_from = revision.of_endpoint(endpoint.name) or endpoint.tags.get(revision.TAG_HASH, "")
    wanted = revision.tags(serving.name, made_from, serving.spec.tags)
    wanted.pop(revision.TAG_VERSION)
    return wanted


def _model(step: ModelStep) -> Iterator[Drifted]:
    for need in step.needs:
        if isinstance(need, JobStep) and need.job and need.job.status in USABLE and not step.model:
            yield Drifted(
                kind="deleted_model",
                document=step.undertaking.name,
                where=f"model {step.model_name}",
                was=f"registered by {need.job.name}",
                now="deleted",
            )


def _served(step: PointerStep, actual: Actual) -> Iterator[Drifted]:
    serving, pointer = step.serving, actual.pointers.get(step.serving.name)
    followed = actual.served(serving.name)
    labels = own_models(actual)
    looked = {
        one.name: one
        for one in (step.candidate.endpoint, followed)
        # What is somebody else's under this name is no drift: `plan` is blocked by it.
        if one and one.is_of(serving.name, labels)
    }
    for endpoint in looked.values():
        yield from _endpoint(endpoint, serving)
    yield from _pointer(serving.name, pointer, step.candidate, actual)
    known = {job.revision for job in actual.jobs} | {revision.digest(serving.model_path)}
    for endpoint in actual.endpoints.values():
        own = endpoint.tags.get(revision.TAG_SPEC) == serving.name
        if not own and not revision.is_endpoint_of(endpoint.name, serving.name):
            continue
        made_from = revision.of_endpoint(endpoint.name)
        if endpoint.name not in looked and made_from not in known:
            yield Drifted(
                kind="unknown_endpoint",
                document=serving.name,
                where=f"endpoint {endpoint.name}",
                was="not there",
                now=f"serves {serves(endpoint) or 'nothing'}, of a revision that no job made",
            )


def _endpoint(endpoint: Endpoint, serving: Serving) -> Iterator[Drifted]:
    where, spec = f"endpoint {endpoint.name}", serving.spec

    def drift(kind: str, was: str, now: str) -> Drifted:
        return Drifted(kind=kind, document=serving.name, where=where, was=was, now=now)

    there = endpoint.content_safety or "unknown"
    if there.casefold() != serving.content_safety.casefold():
        yield drift("content_filter", serving.content_safety, there)
    asked, mode = AUTH_MODES[spec.auth_mode], endpoint.auth_mode or "Key"
    if asked.casefold() != mode.casefold():
        yield drift("key_auth" if asked == "AAD" else "auth_mode", asked, mode)
    if endpoint.is_settled and endpoint.provisioning_state != "Succeeded":
        yield drift("state", "Succeeded", endpoint.provisioning_state)
    for key, value in wanted_tags(serving, endpoint).items():
        if endpoint.tags.get(key) != value:
            yield drift("tags", f"{key}={value}", f"{key}={endpoint.tags.get(key, '(none)')}")


def _pointer(
    name: str, pointer: Pointer | None, candidate: EndpointStep, actual: Actual
) -> Iterator[Drifted]:
    where = f"connection {name}"

    def drift(was: str, now: str) -> Drifted:
        return Drifted(kind="pointer", document=name, where=where, was=was, now=now)

    endpoint = candidate.endpoint
    if pointer is None:
        if endpoint and endpoint.is_ready:
            yield drift(f"may follow {endpoint.name}, which is ready", "not there")
        return
    if not pointer.is_ours:
        yield drift("foundry-tune's", f"leads to {pointer.target}, by somebody else's hand")
        return
    followed = actual.endpoints.get(pointer.endpoint)
    if followed is None:
        yield drift(pointer.endpoint, "leads to an endpoint that is gone")
    elif pointer.target.casefold() != followed.uri.casefold():
        yield drift(f"{pointer.endpoint} at {followed.uri}", f"leads to {pointer.target}")
    moved_to = pointer.served[0].endpoint if pointer.served else pointer.endpoint
    if moved_to != pointer.endpoint:
        yield drift(moved_to, pointer.endpoint)


# ── online endpoints ────────────────────────────────────────────────────────────────────────────


def _hosted(step: TrafficStep, found: Hosted) -> Iterator[Drifted]:
    hosting, endpoint = step.hosting, found.endpoint
    # What is somebody else's under this name is no drift: `plan` is blocked by it.
    if endpoint is None or endpoint.tags.get(revision.TAG_SPEC) != hosting.name:
        return

    def drift(kind: str, where: str, was: str, now: str) -> Drifted:
        return Drifted(kind=kind, document=hosting.name, where=where, was=was, now=now)

    where, asked = f"endpoint {hosting.name}", online.AUTH_MODES[hosting.spec.auth_mode]
    if endpoint.auth_mode.casefold() != asked.casefold():
        kind = "key_auth" if endpoint.auth_mode == "Key" else "auth_mode"
        yield drift(kind, where, asked, endpoint.auth_mode)
    if endpoint.provisioning_state in _ENDED:
        yield drift("state", where, "Succeeded", endpoint.provisioning_state)
    for key, value in wanted_online_tags(hosting).items():
        if endpoint.tags.get(key) != value:
            there = endpoint.tags.get(key, "(none)")
            yield drift("tags", where, f"{key}={value}", f"{key}={there}")
    for one in found.deployments:
        where = f"deployment {one.label}"
        if one.name == step.to:
            for kind, was, now in _moved_from(step, one):
                yield drift(kind, where, was, now)
        elif not one.is_ours:
            share = endpoint.traffic.get(one.name, 0)
            now = f"serves {model_label(one.model) or 'nothing'}, with {share} % of the traffic"
            yield drift("unknown_deployment", where, "not there", now)
    if was := _expected_traffic(endpoint, found.deployments):
        yield drift("traffic", f"endpoint {hosting.name}", was, shares(endpoint.traffic))


def wanted_online_tags(hosting: Hosting) -> dict[str, str]:
    """The tags that an online endpoint has from its making, less the version that made it."""
    wanted = revision.tags(hosting.name, "", hosting.spec.tags)
    wanted.pop(revision.TAG_VERSION)
    return wanted


def _moved_from(step: TrafficStep, there: Deployment) -> Iterator[tuple[str, str, str]]:
    """How the document's deployment, whose name says what it is made of, isn't that any more."""
    hosting = step.hosting
    machines = f"{there.instance_count or '?'} x {there.instance_type}"
    if machines.casefold() != hosting.machines.casefold():
        yield "machines", hosting.machines, machines
    models = [one.model for one in _needed(step) if isinstance(one, ModelStep) and one.model]
    wanted = hosting.model if hosting.made_by is None else models[0].label if models else ""
    if wanted and model_label(there.model) != wanted:
        yield "deployed_model", wanted, model_label(there.model) or "none"
    if there.provisioning_state in _ENDED:
        yield "state", "Succeeded", there.provisioning_state
    if not there.is_ours:
        yield "tags", f"{revision.TAG_SPEC}={hosting.name}", f"{revision.TAG_SPEC}=(none)"


def _needed(step: Step) -> Iterator[Step]:
    for need in step.needs:
        yield need
        yield from _needed(need)


def _expected_traffic(endpoint: Online, deployments: Sequence[Deployment]) -> str:
    """Where the traffic should go instead, in words; empty where it goes to one that is proven.

    To an older one too: a newer one may be kept back, by `--no-promote`.
    """
    proven = [one.name for one in deployments if one.is_ours and one.proof]
    if not endpoint.traffic:
        return f"may go to {', '.join(proven)}, which is proven" if proven else ""
    if len(endpoint.traffic) > 1:
        return "all of it to one deployment"
    return "" if set(endpoint.traffic) <= set(proven) else "to one that foundry-tune has proven"


def _document(step: Step) -> str:
    if isinstance(step, EndpointStep | PointerStep):
        return step.serving.name
    if isinstance(step, OnlineStep | DeployStep | TrafficStep):
        return step.hosting.name
    if isinstance(step, ModelStep):
        return step.undertaking.name
    return ""
