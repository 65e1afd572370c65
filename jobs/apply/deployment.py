"""Serving a revision by a managed online endpoint: deployed without traffic, proven, then asked.

What serves is not touched before its successor has proven itself; a deployment that hasn't is taken
down again, with the end of its log told.
"""

from typing import Any

from jobs import revision
from jobs.apply import examine
from jobs.apply.work import Work
from jobs.errors import (
    FoundryTuneError,
    NotFoundError,
    QualityError,
    RefusedBeforeError,
    RemoteError,
    UsageError,
)
from jobs.foundry import content_safety, online
from jobs.foundry.answers import Json
from jobs.foundry.online import AUTH_MODES, Deployment
from jobs.foundry.scoring import DEPLOYMENT_HEADER, Scorer
from jobs.plan.deployments import DeployStep, OnlineStep, TrafficStep, UndeployStep
from jobs.plan.hosting import Hosting
from jobs.plan.running import EnvironmentVersion
from jobs.plan.steps import MeasureStep
from jobs.proof import deployment as proof
from jobs.spec.online_endpoint import ProbeSettings
from jobs.terminal.output import plain, printable

_LOG_LINES = 15
_SETTLING_SECONDS = 2.0
_MOVING = frozenset({"Creating", "Updating", "Scaling"})


def make_endpoint(step: OnlineStep, work: Work) -> bool:
    """The endpoint, without deployments and without cost where it is new."""
    endpoint = step.endpoint
    if endpoint is None:
        spec = step.hosting.spec
        work.report.progress("endpoint", step.hosting.name, "being made")
        endpoint = online.make(
            work.session,
            spec.name,
            location=work.project.location,
            auth_mode=AUTH_MODES[spec.auth_mode],
            tags=revision.tags(spec.name, "", spec.tags),
        )
        work.report.result("endpoint", spec.name, f"made, {endpoint.uri}")
    with work.lock:
        work.onlines[step.hosting.name] = endpoint
    return True


def deploy(step: DeployStep, work: Work) -> bool:
    """Make the deployment unless it is there, ask it what the document asks, and mark it proven.

    Raises:
        QualityError: It doesn't start, or doesn't answer as it should. It is taken down again,
            unless it serves already.
    """
    hosting, title = step.hosting, step.action.name
    if step.action.kind == "unchanged" and step.deployment is not None:
        _hand_on(step, step.deployment, work)
        return True
    safety = _safety(hosting)
    deployment = _settled(step, work)
    if deployment is None:
        environment = _environment_id(hosting.environment, work.session.project_id)
        examine.refuse(step, environment, _model_id(step, work), work, safety)
    if deployment is None or deployment.provisioning_state != "Succeeded":
        work.report.progress("deployment", title, f"starting on {hosting.machines}")
        deployment = _started(step, work)
    work.report.progress("deployment", title, "being proven")
    _prove(step, deployment, safety, work)
    mark = {revision.TAG_PROOF: hosting.proof(step.made_from)}
    _hand_on(step, online.tag(work.session, deployment, mark), work)
    count = len(hosting.spec.smoke_tests)
    tests = f"{count} smoke test{'s' if count > 1 else ''} passed" if count else "it has started"
    work.report.result("deployment", title, f"proven: {tests}")
    return True


def evaluate(step: MeasureStep, need: DeployStep, work: Work) -> bool:
    """Hold an evaluation by the deployment, before anybody else asks it."""
    if step.action.kind != "unchanged":
        examine.hold(step, need, work, _safety(need.hosting))
    return True


def move_traffic(step: TrafficStep, work: Work) -> bool:
    """Give the deployment all of the traffic, if the split is still as it was seen."""
    examine.mark(step, work)
    if step.action.kind == "unchanged":
        return True
    name = step.hosting.name
    if not work.options.promote:
        work.report.result("traffic", name, f"{step.to} is proven; apply without --no-promote")
        return False
    seen = work.onlines[name]
    moved = online.move_traffic(work.session, seen, {step.to: 100})
    with work.lock:
        work.onlines[name] = moved
    work.report.result("traffic", name, f"-> {step.to}")
    return True


def withdraw(step: TrafficStep, verdict: QualityError, work: Work) -> None:
    """Take down the deployment that failed what was asked of it, and say so with the failure.

    What serves is left as it is; with `--keep-candidate` what failed is, too.
    """
    if isinstance(verdict, RefusedBeforeError):
        return  # nothing was made
    name, title = step.hosting.name, f"{step.hosting.name}/{step.to}"
    if work.options.keep_candidate:
        verdict.next_step = (
            f"It is kept to be looked at, and billed: ask it with the header "
            f"{DEPLOYMENT_HEADER}: {step.to}\nTake it down: foundry-tune apply without "
            "--keep-candidate, or foundry-tune down"
        )
        return
    try:
        there = online.find_deployment(work.session, name, step.to)
        gone = there is None or online.undeploy(work.session, there)
    except FoundryTuneError as failure:
        done = f"Deployment '{title}' could not be deleted again: {failure.message}"
    else:
        done = (
            f"Deployment '{title}' was deleted again; what served before goes on."
            if gone
            else f"Deployment '{title}' gets traffic, so it was left as it is; it is NOT proven."
        )
    verdict.message = f"{verdict.message}\n{done}"


def undeploy(step: UndeployStep, work: Work) -> bool:
    """Delete a deployment that nobody is sent to any more."""
    if step.action.kind == "unchanged":
        return True
    if online.undeploy(work.session, step.deployment):
        work.report.result("deployment", step.action.name, "deleted")
    else:
        work.report.warn(f"deployment '{step.action.name}' gets traffic again, so it was left.")
    return True


def body_of(hosting: Hosting, model_id: str, project_id: str, location: str) -> Json:
    """A deployment as ARM has it; `model_id` is the model's own, in full."""
    spec, code = hosting.spec, hosting.code
    settings_of, seconds = spec.request_settings, "PT{:g}S".format
    settings: dict[str, Any] = {
        "requestTimeout": seconds(settings_of.request_timeout_ms / 1000),
        "maxConcurrentRequestsPerInstance": settings_of.max_concurrent_requests_per_instance,
    }
    if settings_of.max_queue_wait_ms is not None:
        settings["maxQueueWait"] = seconds(settings_of.max_queue_wait_ms / 1000)
    return {
        "location": location,
        "sku": {"name": "Default", "capacity": spec.instance_count},
        "properties": {
            "endpointComputeType": "Managed",
            "model": model_id,
            "codeConfiguration": {
                "codeId": f"{project_id}/codes/{code.name}/versions/{code.version}",
                "scoringScript": hosting.script,
            },
            "environmentId": _environment_id(hosting.environment, project_id),
            "environmentVariables": dict(spec.environment_variables),
            "instanceType": spec.instance_type,
            "appInsightsEnabled": spec.app_insights_enabled,
            "requestSettings": settings,
            "livenessProbe": _probe(spec.liveness_probe),
            "readinessProbe": _probe(spec.readiness_probe),
            "scaleSettings": {"scaleType": "Default"},
        },
    }


def _hand_on(step: DeployStep, deployment: Deployment, work: Work) -> None:
    with work.lock:
        work.deployments[step.hosting.name] = deployment


def _settled(step: DeployStep, work: Work) -> Deployment | None:
    """The deployment, once Azure is done with what an earlier run began; None for none."""
    endpoint = step.hosting.name
    while True:
        found = online.find_deployment(work.session, endpoint, step.name)
        if found is None or found.provisioning_state not in _MOVING:
            return found
        work.pause(_SETTLING_SECONDS)


def _started(step: DeployStep, work: Work) -> Deployment:
    hosting, spec = step.hosting, step.hosting.spec
    body = body_of(hosting, _model_id(step, work), work.session.project_id, work.project.location)
    body["tags"] = revision.tags(spec.name, hosting.revision(step.made_from), spec.tags)
    try:
        return online.deploy(work.session, spec.name, step.name, body)
    except RemoteError as error:
        found = online.find_deployment(work.session, spec.name, step.name)
        if found is None or found.provisioning_state != "Failed":
            raise
        log = _last_words(work, spec.name, step.name)
        lines = "\n".join((f"Deployment '{step.action.name}' did not start.", *log))
        raise QualityError(
            lines if log else f"{lines}\n{error.message}",
            next_step="Correct the scoring script's init(), or give liveness_probe more time.",
            reason="the deployment did not start",
        ) from error


def _prove(step: DeployStep, deployment: Deployment, safety: str, work: Work) -> None:
    tests = step.hosting.spec.smoke_tests
    judge = content_safety.Analyzer(safety) if safety else None
    scorer = Scorer(work.session, work.onlines[step.hosting.name])
    try:
        outcomes = proof.run(lambda body: scorer(body, deployment.name), tests, judge)
    finally:
        scorer.close()
        if judge is not None:
            judge.close()
    failed = [one for one in outcomes if not one.passed]
    if not failed:
        return
    lines = [
        f"smoke test {one.number}: {printable(problem, 400)}"
        for one in failed
        for problem in one.problems
    ]
    raise QualityError(
        "\n".join(
            (
                f"Deployment '{step.action.name}' fails {len(failed)} of {len(tests)} smoke tests.",
                *lines,
            )
        ),
        next_step="Correct the scoring script or the model, or what is expected.",
        reason="a smoke test failed",
    )


def _last_words(work: Work, endpoint: str, name: str) -> list[str]:
    """The end of a deployment's log, as far as anybody can read it."""
    try:
        said = online.logs(work.session, endpoint, name, _LOG_LINES)
    except FoundryTuneError:
        return []
    return [line[:400] for line in plain(said).splitlines() if line.strip()]


def _safety(hosting: Hosting) -> str:
    """The address of who judges what is asked and answered; refused where none is configured."""
    if hosting.spec.content_safety != "client_side":
        return ""
    address = content_safety.configured()
    if not address:
        raise UsageError(
            f"{hosting.spec.reference} asks for content_safety: client_side, and "
            f"{content_safety.VARIABLE} names no account of Azure AI Content Safety.",
            next_step="pulumi stack output shows its address; set the variable, and apply again.",
        )
    return address


def _model_id(step: DeployStep, work: Work) -> str:
    hosting, project = step.hosting, work.session.project_id
    if hosting.made_by is None:
        name, _, version = hosting.model.partition(":")
        return f"{project}/models/{name}/versions/{version}"
    made = work.models.get(hosting.made_by.name)
    if made is None:
        raise NotFoundError(
            f"The model of {hosting.made_by.spec.reference} isn't known.",
            next_step="Run the same command again.",
        )
    return f"{project}/models/{made.name}/versions/{made.version}"


def _environment_id(written: EnvironmentVersion | str, project_id: str) -> str:
    """The id in full, of a name with a version or a label; a registry's stays as it is."""
    if isinstance(written, EnvironmentVersion):
        return f"{project_id}/environments/{written.name}/versions/{written.version}"
    if written.startswith("azureml://") or written.removeprefix("azureml:").startswith("/"):
        return written
    name, at, label = written.removeprefix("azureml:").partition("@")
    if at:
        return f"{project_id}/environments/{name}/labels/{label}"
    name, _, version = name.partition(":")
    return f"{project_id}/environments/{name}/versions/{version}"


def _probe(probe: ProbeSettings) -> dict[str, Any]:
    return {
        "initialDelay": f"PT{probe.initial_delay}S",
        "period": f"PT{probe.period}S",
        "timeout": f"PT{probe.timeout}S",
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }
