"""Holding the evaluations of an online endpoint: its new deployment, asked before all others.

The marks of what it has passed are written together, by whoever moves the traffic.
"""

from jobs import revision
from jobs.apply.work import Work
from jobs.foundry import endpoints, online
from jobs.foundry.online import Deployment
from jobs.plan.deployments import DeployStep, TrafficStep
from jobs.plan.hosting import Hosting
from jobs.plan.steps import MeasureStep
from jobs.proof.asking import Asked
from jobs.proof.evaluation import SERVED, marked, measure, refuse_by_memory
from jobs.proof.scripted import Deployed, subject_of


def hold(step: MeasureStep, deploy: DeployStep, work: Work, safety: str) -> None:
    """Ask the deployment the held-out questions, and hold the gates.

    `safety` is the address of whoever judges what is asked and answered, where somebody does.

    Raises:
        QualityError: A gate doesn't hold.
    """
    measuring, hosting = step.measuring, deploy.hosting
    candidate = _deployed(hosting, work.deployments[hosting.name], work, safety)
    others: dict[str, Asked] = {
        word: work.asked(name, measuring.spec) for word, name in measuring.references.items()
    }
    others |= _served(hosting, work, safety)
    judge = work.asked(measuring.judge.endpoint, measuring.spec) if measuring.judge else None
    measure(work.session, candidate, measuring, work.report, others, judge=judge, pause=work.pause)


def refuse(deploy: DeployStep, environment: str, model: str, work: Work, safety: str) -> None:
    """Hold the evaluations against what a revision has answered before, before it is deployed.

    `environment` and `model` are the ids that it would be made with.

    Raises:
        RefusedBeforeError: A gate doesn't hold, as it didn't before.
    """
    hosting = deploy.hosting
    subject = subject_of(
        work.project.workspace_id,
        title=f"{endpoints.model_label(model)} {deploy.name}",
        deployment=deploy.name,
        environment=environment,
        guard=hosting.spec.content_safety,
    )
    if subject is None or work.options.keep_candidate:
        return
    for step in work.plan.steps:
        if not isinstance(step, MeasureStep) or deploy not in step.needs:
            continue
        measuring = step.measuring
        known = {word: work.serverless(name) for word, name in measuring.references.items()}
        others: dict[str, Asked] = {word: one for word, one in known.items() if one}
        others |= _served(hosting, work, safety)
        refuse_by_memory(
            work.session,
            subject,
            deploy.action.name,
            measuring,
            work.report,
            others,
            judge=work.serverless(measuring.judge.endpoint) if measuring.judge else None,
            pause=work.pause,
        )


def mark(step: TrafficStep, work: Work) -> None:
    """Say on the deployment what it has passed, so that it may get the traffic; read back."""
    deployment = work.deployments[step.hosting.name]
    measured = [need.measuring for need in step.needs if isinstance(need, MeasureStep)]
    marks = dict(marked(one, deployment.title) for one in measured)
    marks[revision.TAG_READY] = deployment.proof
    if any(deployment.tags.get(tag) != value for tag, value in marks.items()):
        online.tag(work.session, deployment, marks)


def _deployed(hosting: Hosting, deployment: Deployment, work: Work, safety: str) -> Deployed:
    spec = hosting.spec
    subject = subject_of(
        work.project.workspace_id,
        title=deployment.title,
        deployment=deployment.name,
        environment=deployment.environment,
        guard=spec.content_safety,
        created=deployment.created,
    )
    assert subject is not None, "it is there"
    return Deployed(
        endpoint=work.onlines[hosting.name],
        deployment=deployment,
        subject=subject,
        at_once=spec.instance_count * spec.request_settings.max_concurrent_requests_per_instance,
        safety=safety,
    )


def _served(hosting: Hosting, work: Work, safety: str) -> dict[str, Asked]:
    """What gets the traffic, as it was when it was planned; nothing where none does."""
    served = work.plan.actual.hosted[hosting.name].served
    return {SERVED: _deployed(hosting, served, work, safety)} if served else {}
