"""What could stand in the way in Azure, looked at before anything is spent.

Three verdicts: pass, fail, and unverified where Azure or the catalogue doesn't tell. What isn't
known is never passed off as fine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

from jobs.catalog.catalog import catalog
from jobs.catalog.objections import (
    Objection,
    ending_objection,
    lifecycle_objection,
    region_objection,
)
from jobs.errors import FoundryTuneError, PreflightError, SignInError
from jobs.foundry import subscription
from jobs.foundry.computes import Compute
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.foundry.subscription import Usage
from jobs.plan.actual import Actual
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.plan.running import Running
from jobs.rules import RULES
from jobs.side_by_side import Pool

Status = Literal["pass", "fail", "unverified"]

PROVIDERS = (
    "Microsoft.MachineLearningServices",
    "Microsoft.Network",
    "Microsoft.CognitiveServices",
    "Microsoft.Storage",
    "Microsoft.KeyVault",
)
"""What a project stands on; the guide asks for Microsoft.Network by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    status: Status
    subject: str
    """`region`, `lifecycle`, `providers`, `access`, `quota`."""
    message: str
    next_step: str = ""
    rule: str = ""
    stops_apply: bool = False
    """Whether it stops whoever applies, although it stands in nobody's way who only plans."""


def check(
    session: Session, desired: Desired, found: Actual, today: date, left: Collection[str]
) -> list[Check]:
    """Everything that can be looked at without writing, side by side.

    `left` are the types of what there is something to do about (`finetuning`, `endpoint`, …).
    """
    project = found.project
    looks: list[Callable[[], list[Check]]] = [
        lambda: _providers(session),
        lambda: _access(session, project, left),
        lambda: _quota(session, project, desired),
    ]
    with Pool(len(looks)) as pool:
        remote = [future.result() for future in [pool.submit(look) for look in looks]]
    local = [check for t in desired.trainings for check in training_checks(t, project, today)]
    local += [check for r in desired.runnings for check in compute_checks(r, found.computes)]
    local += [check for s in desired.servings for check in serving_checks(s, project, today)]
    return _each_once([*local, *(check for checks in remote for check in checks)])


def asking_checks(
    measurings: Sequence[Measuring], servings: Sequence[Serving], found: Actual
) -> list[Check]:
    """Whether everybody that evaluations ask is there, or will be: before anything is spent."""
    made = {serving.name for serving in servings}
    return [
        Check(
            status="fail",
            subject="evaluation",
            message=f"{measuring.spec.reference}: there is no endpoint '{name}' to ask as {word}",
            next_step="Add a serverless_endpoint document of this name, or correct the name.",
            rule="FT-R004",
        )
        for measuring in measurings
        for word, name in measuring.meant.items()
        if name not in made and found.served(name) is None
    ]


def failed(checks: Sequence[Check]) -> list[Check]:
    """The checks that stop an apply."""
    return [check for check in checks if check.status == "fail"]


def require_passed(checks: Sequence[Check]) -> None:
    """Refuse where a check failed.

    Raises:
        PreflightError: The first that did.
    """
    for check in [*failed(checks), *(check for check in checks if check.stops_apply)]:
        raise PreflightError(check.message, next_step=check.next_step, rule=check.rule)


# ── by the catalogue ────────────────────────────────────────────────────────────────────────────


def training_checks(training: Training, project: Project, today: date) -> list[Check]:
    """Whether the base model can be fine-tuned here and now, by the catalogue."""
    path, name = training.spec.model_path, training.spec.model_name
    known = catalog().model(path)
    objections = [
        region_objection(path, project.location, "finetune"),
        lifecycle_objection(path, "finetune", today),
    ]
    checks = [_objected("region and lifecycle", one) for one in objections if one]
    if known and not any(check.status == "fail" for check in checks):
        until = known.finetune.retired or known.serve.retired
        ends = f"retires {until}" if until else "no retirement date is published"
        message = f"{name} fine-tunes in {project.location}; {ends}"
        checks.insert(0, Check(status="pass", subject="region and lifecycle", message=message))
    return checks


def compute_checks(running: Running, computes: Mapping[str, Compute | None]) -> list[Check]:
    """Whether the compute that a command job names is there, and has the machines."""
    name, resources = running.compute, running.spec.resources
    if not name:
        return []
    compute = computes.get(name)
    reference = running.spec.reference
    if compute is None:
        return [
            Check(
                status="fail",
                subject="compute",
                message=f"{reference}: the project and its hub have no compute '{name}'",
                next_step="Correct the name; or leave compute out, and name the machine in "
                "resources.instance_type, to run serverless.",
            )
        ]
    wanted = (resources.instance_count if resources else None) or 1
    if compute.most is not None and wanted > compute.most:
        return [
            Check(
                status="fail",
                subject="compute",
                message=f"{reference}: '{name}' has {compute.most} machines at most, and "
                f"resources.instance_count is {wanted}",
                next_step="Ask for fewer, or let the cluster grow (maxNodeCount).",
            )
        ]
    if compute.state not in ("Succeeded", ""):
        return [
            Check(
                status="fail",
                subject="compute",
                message=f"{reference}: compute '{name}' is {compute.state}",
                next_step="Wait until it is there, or look at it in the portal.",
            )
        ]
    message = f"{reference}: compute '{name}' is there ({compute.size or compute.type})"
    return [Check(status="pass", subject="compute", message=message)]


def serving_checks(serving: Serving, project: Project, today: date) -> list[Check]:
    """Whether the model can be served here and now, by the catalogue."""
    path, tuned = serving.base_model, serving.training is not None
    region = serving.spec.location or project.location
    objections = [
        region_objection(path, region, "serve", tuned=tuned),
        lifecycle_objection(path, "serve", today, tuned=tuned),
    ]
    checks = [_objected("serving", one) for one in objections if one]
    known = catalog().model(path)
    if known and known.marketplace:
        message = f"{known.name} takes a marketplace subscription, which apply does not make"
        message += " (az ml marketplace-subscription create)"
        checks.append(Check(status="unverified", subject="marketplace", message=message))
    return checks


def ending_checks(servings: Sequence[Serving], today: date) -> list[Check]:
    """What of it stops answering soon, or has stopped, whether or not there is anything to do."""
    checks: list[Check] = []
    for serving in servings:
        tuned = serving.training is not None
        if objection := ending_objection(serving.base_model, today, tuned=tuned):
            message = f"{objection.message} {objection.next_step}"
            checks.append(_objected("answers", objection._replace(message=message)))
    return _each_once(checks)


def _objected(subject: str, objection: Objection) -> Check:
    severity = RULES[objection.rule].severity
    return Check(
        status="fail" if severity == "error" else "unverified",
        subject=subject,
        message=objection.message,
        next_step=objection.next_step,
        rule=objection.rule,
    )


# ── by asking Azure ─────────────────────────────────────────────────────────────────────────────


def _providers(session: Session) -> list[Check]:
    namespaces = tuple(dict.fromkeys((*PROVIDERS, *session.target.registered_providers)))
    with Pool(4) as pool:
        states = pool.map(partial(_state, session), namespaces)
    missing = [
        (namespace, state)
        for namespace, state in zip(namespaces, states, strict=True)
        if state not in {"Registered", ""}
    ]
    unknown = [n for n, state in zip(namespaces, states, strict=True) if not state]
    if missing:
        words = ", ".join(f"{namespace} is {state}" for namespace, state in missing)
        return [
            Check(
                status="fail",
                subject="providers",
                message=f"resource providers: {words}",
                next_step="Let the platform team run: pulumi up",
                rule="FT-R001",
            )
        ]
    if unknown:
        message = f"providers: you may not read the state of {', '.join(unknown)}"
        return [Check(status="unverified", subject="providers", message=message)]
    message = f"Microsoft.Network and {len(namespaces) - 1} more providers registered"
    return [Check(status="pass", subject="providers", message=message)]


def _state(session: Session, namespace: str) -> str:
    """The registration state; empty where it can't be read."""
    try:
        return subscription.registration_state(session, namespace)
    except SignInError:
        raise
    except FoundryTuneError:
        return ""


# What of a plan is served, by the rights that it takes; all else belongs to tuning.
_SERVED = frozenset({"endpoint", "connection", "evaluation"})
_DEPLOYED = frozenset({"online_endpoint", "deployment", "traffic"})


def _access(session: Session, project: Project, left: Collection[str]) -> list[Check]:
    wanted = _wanted(set(left))
    if not wanted:
        return []
    try:
        granted = subscription.permissions(session, project.id)
    except SignInError:
        raise
    except FoundryTuneError:
        message = "access: Azure doesn't show you your permissions on the project"
        return [Check(status="unverified", subject="access", message=message)]
    lacking = {
        words: missing
        for words, actions in wanted.items()
        if (missing := [action for action in actions if not granted.allow(action)])
    }
    if not lacking:
        message = f"you may {' and '.join(wanted)}"
        return [Check(status="pass", subject="access", message=message)]
    # Who may do nothing of it is there to look: a pull request's pipeline, an auditor.
    writes = [action for actions in (subscription.ACTIONS | wanted).values() for action in actions]
    looks = not any(map(granted.allow, writes))
    group = subscription.group_id(session)
    return [
        Check(
            status="unverified" if looks else "fail",
            subject="access",
            message=f"you may not {words}, only look (whoever applies must)"
            if looks
            else f"you may not {words} (missing: {', '.join(missing)})",
            next_step=subscription.how_to_grant(session, words, group),
            rule="FT-R002",
            stops_apply=looks,
        )
        for words, missing in lacking.items()
    ]


def _wanted(left: Set[str]) -> dict[str, tuple[str, ...]]:
    """The actions that what is left takes, by what they are for."""
    sent = tuple(
        subscription.SENT_ACTIONS[kind] for kind in subscription.SENT_ACTIONS if kind in left
    )
    wanted: dict[str, tuple[str, ...]] = {}
    if left - _SERVED - _DEPLOYED - set(subscription.SENT_ACTIONS):
        wanted["submit jobs"] = (*subscription.ACTIONS["submit jobs"], *sent)
    if left & _SERVED:
        wanted["create endpoints"] = subscription.ACTIONS["create endpoints"]
    if left & _DEPLOYED:
        deploying = subscription.ONLINE_ACTIONS["deploy online endpoints"]
        wanted["deploy online endpoints"] = (*deploying, *sent)
    return wanted


def _quota(session: Session, project: Project, desired: Desired) -> list[Check]:
    if not desired.trainings and not desired.servings:
        return []
    try:
        lines = subscription.usages(session, project.location)
    except SignInError:
        raise
    except FoundryTuneError:
        message = "quota: you may not read the subscription's usages"
        return [Check(status="unverified", subject="quota", message=message)]
    return [quota_check(lines)]


def quota_check(lines: Sequence[Usage]) -> Check:
    """Whether what the subscription uses leaves room for another job or endpoint."""
    relevant = [line for line in lines if _concerns_serverless(line.name)]
    if not relevant:
        message = "quota: Azure lists no usage for fine-tuning jobs"
        return Check(status="unverified", subject="quota", message=message)
    full = [line for line in relevant if line.limit >= 0 and line.used >= line.limit]
    if full:
        words = ", ".join(f"{line.name} {line.used} of {line.limit}" for line in full)
        return Check(
            status="fail",
            subject="quota",
            message=f"quota is used up: {words}",
            next_step="Delete what you don't need (foundry-tune status), or ask Azure for more",
            rule="FT-R003",
        )
    words = ", ".join(f"{line.name} {line.used} of {line.limit}" for line in relevant)
    return Check(status="pass", subject="quota", message=f"quota: {words}")


def _concerns_serverless(name: str) -> bool:
    folded = name.casefold()
    return "finetun" in folded or "fine-tun" in folded or "serverless" in folded


def _each_once(checks: Sequence[Check]) -> list[Check]:
    return list({check.message: check for check in checks}.values())
