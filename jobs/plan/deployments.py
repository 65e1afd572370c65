"""Deciding how a revision comes to be served by a managed online endpoint.

Azure's own way: the endpoint stays, the revision is another deployment of it without traffic, is
asked by its name until it has proven itself, then gets all of the traffic; then the one before it
goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import revision
from jobs.foundry.online import AUTH_MODES, Deployment, Online, shares
from jobs.plan import ends, refused
from jobs.plan.desired import Measuring
from jobs.plan.hosting import Hosted, Hosting
from jobs.plan.measures import measure_step
from jobs.plan.steps import Action, Change, LaterStep, ModelStep, Step

LEFT_ALONE = timedelta(hours=1)
"""How long a deployment without traffic is taken for the work of another run."""

_MOVING = frozenset({"Creating", "Updating", "Scaling"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineStep(Step):
    """The endpoint itself, which costs nothing without deployments."""

    hosting: Hosting
    endpoint: Online | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployStep(Step):
    """The deployment of a revision, and whether it has proven itself."""

    hosting: Hosting
    name: str
    made_from: str
    deployment: Deployment | None
    asked: str
    """The mark of everything asked of it, and of whom it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """An evaluation that a deployment has to pass before it gets any traffic."""

    measuring: Measuring
    beside: tuple[Step, ...] = ()
    """The steps of the endpoints that it is compared with, as far as these files make them."""
    against: tuple[str, ...] = ()
    """What those serve now, whoever makes them: another one is another asking."""
    is_later: bool = False
    """Whether one of them waits for a sweep to be over: held when the plan is made anew then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficStep(Step):
    """The traffic, moved last: once the deployment has answered as it should."""

    hosting: Hosting
    to: str
    """The deployment that gets all of it."""
    asked: str = ""
    """The mark of everything asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeployStep(Step):
    """A deployment of another revision, to be deleted or left."""

    deployment: Deployment


def hosting_steps(
    hosting: Hosting,
    contents: Sequence[Step],
    model: ModelStep | None,
    hosted: Hosted,
    now: datetime,
    gates: Sequence[Examination] = (),
    *,
    retry_refused: bool = False,
) -> list[Step]:
    """What happens to an online endpoint's document, in the order of the needs.

    `contents` are the steps of its code and of an environment of its own.
    """
    made_from = model.made_from if model else hosting.model
    name = hosting.deployment(made_from)
    endpoint = OnlineStep(
        action=_endpoint_action(hosting, hosted.endpoint),
        hosting=hosting,
        endpoint=hosted.endpoint,
    )
    there = next((one for one in hosted.deployments if one.name == name), None)
    needs = (endpoint, *contents, *((model,) if model else ()))
    action = _deploy_action(hosting, name, made_from, there, hosted, needs)
    asked = _asked(hosting, made_from, hosted, gates)
    refusal = refused.of(hosted.endpoint.tags) if hosted.endpoint else None
    failed = there is None and refusal is not None and refusal.asked == asked
    is_refused = failed and not retry_refused and action.kind == "create"
    if refusal and is_refused:
        action = refused.blocked("deployment", action.name, refusal)
    deploy = DeployStep(
        action=action,
        needs=needs,
        hosting=hosting,
        name=name,
        made_from=made_from,
        deployment=there,
        asked=asked,
        is_refused=is_refused,
    )
    measures = [_measure_step(gate, deploy) for gate in gates]
    needs = (deploy, *measures)
    action = _traffic_action(hosting, deploy, needs, hosted)
    traffic = TrafficStep(action=action, needs=needs, hosting=hosting, to=name, asked=asked)
    others = [
        UndeployStep(
            action=_undeploy_action(one, traffic, hosted, now),
            needs=(traffic,),
            deployment=one,
        )
        for one in hosted.deployments
        if one.name != name
    ]
    return [endpoint, *contents, deploy, *measures, traffic, *others]


def needs_contents(hosting: Hosting, model: ModelStep | None, hosted: Hosted) -> bool:
    """Whether a deployment is to be made, whose code and environment must be there then."""
    name = hosting.deployment(model.made_from if model else hosting.model)
    there = next((one for one in hosted.deployments if one.name == name), None)
    return there is None or there.provisioning_state not in {"Succeeded", *_MOVING}


def _endpoint_action(hosting: Hosting, endpoint: Online | None) -> Action:
    name, wanted = hosting.name, AUTH_MODES[hosting.spec.auth_mode]
    if endpoint is None:
        note = f"{hosting.spec.auth_mode.replace('_', ' ')}; costs nothing by itself"
        return Action(kind="create", type="online_endpoint", name=name, note=note)
    problem, rule, next_step = "", "FT-R013", f"Take it down first: foundry-tune down {name}"
    if endpoint.tags.get(revision.TAG_SPEC) != name:
        problem, rule = "is there, and foundry-tune didn't make it", "FT-R010"
        next_step = "Give the endpoint in the spec another name, or delete the one in Azure."
    elif endpoint.auth_mode.casefold() != wanted.casefold():
        problem = f"takes {endpoint.auth_mode}, and Azure doesn't change that to {wanted}"
    elif endpoint.provisioning_state in {"Failed", "Canceled", "Deleting"}:
        problem = f"is {endpoint.provisioning_state}"
    if problem:
        return Action(
            kind="blocked",
            type="online_endpoint",
            name=name,
            note=problem,
            next_step=next_step,
            rule=rule,
        )
    return Action(kind="unchanged", type="online_endpoint", name=name)


def _deploy_action(
    hosting: Hosting,
    name: str,
    made_from: str,
    there: Deployment | None,
    hosted: Hosted,
    needs: Sequence[Step],
) -> Action:
    title = f"{hosting.name}/{name}"
    for need in needs:
        if need.action.kind == "blocked":
            word = "endpoint" if isinstance(need, OnlineStep) else need.action.type
            rule, note = need.action.rule, f"needs the {word}"
            return Action(kind="blocked", type="deployment", name=title, note=note, rule=rule)
    runs = there is not None and there.provisioning_state in {"Succeeded", *_MOVING}
    if hosting.made_by is None and hosted.model is None and not runs:
        return Action(
            kind="blocked",
            type="deployment",
            name=title,
            note=f"has no model: the project has no '{hosting.model}'",
            next_step="Correct the name and version: foundry-tune list models",
            rule="FT-R014",
        )
    serves = f"{hosting.model}, {hosting.machines}"
    if there is None:
        spec = hosting.spec
        said = ends.limits(spec.ttl, spec.lives, spec.cap, hosting.hourly, spec.instance_count)
        note = f"{serves}; no traffic until it is proven{said}"
        return Action(kind="create", type="deployment", name=title, note=note)
    if there.provisioning_state in _MOVING:
        note = f"{there.provisioning_state}: waited for, then proven"
        return Action(kind="update", type="deployment", name=title, note=note)
    if there.provisioning_state != "Succeeded":
        change = Change("provisioning_state", there.provisioning_state, "Succeeded")
        return Action(
            kind="replace", type="deployment", name=title, changes=(change,), note="made anew"
        )
    if there.proof != hosting.proof(made_from):
        note = "to be proven: the smoke tests"
        return Action(kind="update", type="deployment", name=title, note=note)
    note = ends.at(there.made, hosting.spec.lives)
    return Action(kind="unchanged", type="deployment", name=title, note=note)


def _asked(hosting: Hosting, made_from: str, hosted: Hosted, gates: Sequence[Examination]) -> str:
    served, name = hosted.served, hosting.deployment(made_from)
    return revision.digest(
        {
            "proof": hosting.proof(made_from),
            "gates": sorted(gate.measuring.mark(name) for gate in gates),
            "beside": [
                *(gate.against for gate in gates),
                served.title if served else "",
            ],
        }
    )


def _measure_step(gate: Examination, deploy: DeployStep) -> Step:
    measuring, there = gate.measuring, deploy.deployment
    if gate.is_later:
        action = Action(kind="create", type="evaluation", name=measuring.name)
        return LaterStep(action=action, measuring=measuring)
    tag = f"{revision.TAG_EVALUATION}.{measuring.name}"
    passed = (
        deploy.action.kind == "unchanged"
        and there is not None
        and there.tags.get(tag) == measuring.mark(there.title)
    )
    return measure_step(measuring, (deploy, *gate.beside), passed=passed)


def _traffic_action(
    hosting: Hosting, deploy: DeployStep, needs: Sequence[Step], hosted: Hosted
) -> Action:
    name = hosting.name
    blocked = next((need for need in needs if need.action.kind == "blocked"), None)
    if blocked is not None:
        rule, note = blocked.action.rule, f"needs the {blocked.action.type}"
        return Action(kind="blocked", type="traffic", name=name, note=note, rule=rule)
    traffic: Mapping[str, int] = hosted.endpoint.traffic if hosted.endpoint else {}
    if dict(traffic) == {deploy.name: 100}:
        return Action(kind="unchanged", type="traffic", name=name)
    if hosted.endpoint and hosted.endpoint.course.withdrawn == deploy.name:
        return Action(
            kind="blocked",
            type="traffic",
            name=name,
            note=f"was rolled back from {deploy.name} to {shares(traffic)}",
            next_step=f"Change the spec, or serve it after all: foundry-tune promote {name}",
            rule="FT-R011",
        )
    foreign = [
        one.name for one in hosted.deployments if not one.is_ours and traffic.get(one.name, 0)
    ]
    if foreign:
        return Action(
            kind="blocked",
            type="traffic",
            name=name,
            note=f"goes to {', '.join(foreign)}, and foundry-tune didn't make that",
            next_step="Set its traffic to 0 first, with whatever made it.",
            rule="FT-R010",
        )
    if not traffic:
        note = f"-> {deploy.name}, once it is proven"
        return Action(kind="create", type="traffic", name=name, note=note)
    change = Change("traffic", shares(traffic), shares({deploy.name: 100}))
    return Action(
        kind="update", type="traffic", name=name, changes=(change,), note="once it is proven"
    )


def _undeploy_action(
    deployment: Deployment, traffic: TrafficStep, hosted: Hosted, now: datetime
) -> Action:
    title = f"{deployment.endpoint}/{deployment.name}"
    served = bool(hosted.endpoint and hosted.endpoint.traffic.get(deployment.name, 0))
    note = ""
    if not deployment.is_ours:
        note = "foundry-tune didn't make it; billed"
    elif traffic.action.kind == "blocked" and served:
        note = "goes on serving"
    elif served:
        note = _kept(traffic.hosting)
    elif hosted.endpoint:
        note = why_kept(deployment, hosted.endpoint, now)
    if note:
        return Action(kind="unchanged", type="deployment", name=title, note=note)
    after = "after that" if served else "gets no traffic"
    return Action(kind="delete", type="deployment", name=title, note=after)


def why_kept(deployment: Deployment, endpoint: Online, now: datetime) -> str:
    """Why a deployment without traffic is left for now; empty where it may go."""
    course = endpoint.course
    if course.keeps(deployment.name, now):
        until = datetime.fromisoformat(course.kept_until)
        return f"kept until {until:%Y-%m-%d %H:%M} UTC, and billed"
    if _is_young(deployment, now):
        return "no traffic yet; left for an hour to the run that made it, and billed"
    return ""


def _kept(hosting: Hosting) -> str:
    """What is said of the deployment that loses the traffic, where it is kept."""
    if not hosting.spec.keeps_previous:
        return ""
    note = f"kept {hosting.spec.keep_previous} after that, and billed"
    if hosting.hourly is None or hosting.hourly.usd is None:
        return note
    hours = hosting.spec.instance_count * (hosting.spec.keeps_previous / timedelta(hours=1))
    return f"{note}: {hosting.hourly.times(hours, hours, per=1)}"


def _is_young(deployment: Deployment, now: datetime) -> bool:
    """Whether it was made less than an hour ago; also where Azure doesn't say when."""
    return deployment.made is None or now - deployment.made < LEFT_ALONE
