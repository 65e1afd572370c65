"""Doing one step of a plan, by its kind: job, model, endpoint, evaluation, name."""

from collections.abc import Sequence
from functools import singledispatch

from jobs import revision
from jobs.apply import contents, deployment, rollout
from jobs.apply.endpoint import Settling, serve
from jobs.apply.job import follow
from jobs.apply.submissions import submission_of
from jobs.apply.work import Stopped, Work
from jobs.catalog.catalog import registry_id
from jobs.errors import (
    FoundryTuneError,
    JobCanceledError,
    JobFailedError,
    QualityError,
    RefusedBeforeError,
    RemoteError,
    SafetyError,
)
from jobs.foundry import endpoints, models, submission
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.projects import Project
from jobs.plan import refused
from jobs.plan.deployments import DeployStep, OnlineStep, TrafficStep, UndeployStep
from jobs.plan.desired import Measuring, Serving
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
    TrialStep,
)
from jobs.proof.answers import registered_subject
from jobs.proof.evaluation import SERVED, measure, refuse_by_memory
from jobs.spec import ids

_MODEL_LOOKS = 30
_MODEL_PAUSE_SECONDS = 2.0


@singledispatch
def do(step: Step, work: Work) -> bool:
    """Do one step; False where those that need it can't be done now (`--no-wait`)."""
    raise NotImplementedError(type(step).__name__)


do.register(DataStep, contents.bring_data)
do.register(CodeStep, contents.bring_code)
do.register(EnvironmentStep, contents.make_environment)
do.register(OnlineStep, deployment.make_endpoint)
do.register(DeployStep, deployment.deploy)
do.register(TrafficStep, deployment.move_traffic)
do.register(UndeployStep, deployment.undeploy)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────


@do.register
def run_job(step: JobStep, work: Work) -> bool:
    """Submit the job unless it is there, and follow it to its end."""
    return _run(step, work)


@do.register
def try_out(step: TrialStep, work: Work) -> bool:
    """Train one of several when it is its turn; where it fails the others go on without it."""
    if step.job and step.job.is_finished:
        work.jobs[step.job_name] = step.job
        return True
    turns = work.turns[step.training.name]
    if not turns.take(step.job_name, work.stop):
        if work.stop.is_set():
            raise Stopped
        text = f"waits: {step.at_once} at a time; the same command submits it then"
        work.report.result("finetuning", step.job_name, text)
        return False
    is_over = False
    try:
        is_over = _run(step, work)
    except (JobFailedError, JobCanceledError) as error:
        is_over = True
        work.running_jobs.pop(step.job_name, None)
        work.report.result("finetuning", step.job_name, f"left out: {error.message}")
    finally:
        # After any other error the job may be under way: nobody takes its place.
        turns.give_back() if is_over else turns.keep()
    return is_over


def _run(step: JobStep, work: Work) -> bool:
    job, adopted, kind = step.job, True, step.action.type
    if job is None:
        contents.make_sure_of(step.undertaking, work)
        work.report.progress(kind, step.job_name, "being submitted")
        job, started = submission.submit(
            work.session, submission_of(step, work.project, work.models)
        )
        adopted = not started
    if not job.is_finished:
        work.running_jobs[job.name] = step.document
    if not work.options.wait and not job.is_finished:
        word = "adopted" if adopted else "submitted"
        work.report.result(kind, job.name, f"{word}, {job.status}; not waited for")
        return False
    quiet = step.job is not None and step.job.is_finished
    if not quiet:
        job = follow(work.session, work.project, job, work.report, work.pause, adopted=adopted)
    work.running_jobs.pop(job.name, None)
    with work.lock:
        work.jobs[job.name] = job
    return True


@do.register
def wait_for_trials(_: LaterStep, _work: Work) -> bool:
    """Nothing yet: the plan is made anew once the trials are over."""
    return False


# ── models ──────────────────────────────────────────────────────────────────────────────────────


@do.register
def find_model(step: ModelStep, work: Work) -> bool:
    """The model that the job has registered: Azure lists it some time after the job's end."""
    model = step.model or _registered_by(work.jobs[_job_name(step)], step.model_name, work)
    with work.lock:
        if step.model_name == step.undertaking.models[0]:
            work.models[step.undertaking.name] = model
    if step.action.kind != "unchanged":
        work.report.result("model", model.label, "registered")
    return True


def _job_name(step: ModelStep) -> str:
    return next(need.job_name for need in step.needs if isinstance(need, JobStep))


def _registered_by(job: Job, name: str, work: Work) -> ModelVersion:
    for _ in range(_MODEL_LOOKS):
        versions = models.versions(work.session, name)
        found = next((one for one in reversed(versions) if one.job == job.name), None)
        if found:
            return found
        work.pause(_MODEL_PAUSE_SECONDS)
    raise RemoteError(
        f"Job '{job.name}' completed, but its model '{name}' isn't listed yet.",
        next_step="Run the same command again in some minutes.",
    )


# ── endpoints and evaluations ───────────────────────────────────────────────────────────────────


@do.register
def serve_model(step: EndpointStep, work: Work) -> bool:
    """Make or change the endpoint, and prove it."""
    if step.is_refused:
        raise RefusedBeforeError(step.action.sentence, next_step=step.action.next_step)
    if step.action.kind == "unchanged" and step.endpoint is not None:
        with work.lock:
            work.candidates[step.serving.name] = step.endpoint
        return True
    training = step.serving.training
    model_id = (
        _model_id(training.name, work) if training else _given_model(step.serving, work.project)
    )
    if step.action.kind == "create" or step.replaces is not None:
        _refuse_by_memory(step, model_id, work)
    settling = Settling(seconds=work.options.settle_seconds, pause=work.pause)
    endpoint = serve(
        work.session,
        work.project,
        step,
        model_id,
        work.report,
        settling,
        _beside(step, work),
    )
    with work.lock:
        work.candidates[step.serving.name] = endpoint
    return True


def _beside(step: EndpointStep, work: Work) -> dict[str, Endpoint]:
    """Whom the filter of an endpoint is compared with: what serves its name, and bases."""
    found: dict[str, Endpoint] = {}
    for measured in work.plan.steps:
        if isinstance(measured, MeasureStep) and measured.measuring.endpoint == step.serving.name:
            found |= _others(measured.measuring, work)
    served = work.plan.actual.served(step.serving.name)
    return {**found, SERVED: served} if served else found


def _others(measuring: Measuring, work: Work) -> dict[str, Endpoint]:
    """Whom an evaluation compares with, as far as they are there: what serves its endpoint too."""
    names = measuring.references.items()
    others = {word: endpoint for word, name in names if (endpoint := work.serverless(name))}
    served = work.plan.actual.served(measuring.endpoint)
    return {**others, SERVED: served} if served else others


def _refuse_by_memory(step: EndpointStep, model_id: str, work: Work) -> None:
    """A revision that was refused costs nothing again, unless somebody wants to talk to it."""
    subject = registered_subject(model_id, step.serving.content_safety)
    is_new = any(isinstance(need, ModelStep) and need.model is None for need in step.needs)
    if subject is None or is_new or work.options.keep_candidate:
        return
    for measured in work.plan.steps:
        if not isinstance(measured, MeasureStep) or step not in measured.needs:
            continue
        refuse_by_memory(
            work.session,
            subject,
            step.name,
            measured.measuring,
            work.report,
            _others(measured.measuring, work),
            judge=work.serverless(measured.measuring.judge.endpoint)
            if measured.measuring.judge
            else None,
            pause=work.pause,
        )


def _model_id(training: str, work: Work) -> str:
    model, project = work.models[training], work.project
    return endpoints.model_id(project.location, project.workspace_id, model.name, model.version)


def _given_model(serving: Serving, project: Project) -> str:
    """The id of a model that no training here makes: a bare name or a short id in full."""
    written = serving.model_path
    understood = ids.model_id(written)
    if understood and understood.form == "short":
        return endpoints.model_id(
            project.location, project.workspace_id, understood.name, understood.version
        )
    return registry_id(written)


@do.register
def evaluate(step: MeasureStep, work: Work) -> bool:
    """Ask the held-out questions, and hold the gates."""
    deploy = next((need for need in step.needs if isinstance(need, DeployStep)), None)
    if deploy is not None:
        return deployment.evaluate(step, deploy, work)
    if step.action.kind == "unchanged":
        return True
    measuring = step.measuring
    endpoint = work.asked(measuring.endpoint, measuring.spec)
    others = {word: work.asked(name, measuring.spec) for word, name in measuring.references.items()}
    served = work.plan.actual.served(measuring.endpoint)
    if served is not None:
        others[SERVED] = served
    judge = work.asked(measuring.judge.endpoint, measuring.spec) if measuring.judge else None
    measure(work.session, endpoint, measuring, work.report, others, judge=judge, pause=work.pause)
    return True


# ── names, and what they leave ──────────────────────────────────────────────────────────────────


@do.register
def promote(step: PointerStep, work: Work) -> bool:
    """Everything has held: let the name follow the new revision."""
    if step.action.kind == "unchanged":
        return True
    name, keep = step.serving.name, step.serving.spec.keeps_previous
    endpoint = rollout.make_ready(work.session, work.candidates[name])
    if not work.options.promote:
        work.report.result(
            "connection", name, f"{endpoint.name} is ready: foundry-tune promote {name}"
        )
        return False
    served = work.plan.actual.served(name)
    pointer = rollout.promote(
        work.session,
        name,
        endpoint,
        step.pointer,
        keep=keep,
        before=served.name if served else "",
    )
    work.report.result("connection", name, f"-> {pointer.endpoint}")
    _remember(step, work, None)
    return True


@do.register
def retire(step: RetireStep, work: Work) -> bool:
    """Delete an endpoint that nothing follows any more."""
    if step.action.kind == "unchanged":
        return True
    if rollout.take_down(work.session, step.name, step.endpoint):
        work.report.result("endpoint", step.endpoint.name, "deleted")
    return True


def give_up(step: Step, work: Work, errors: Sequence[Exception]) -> None:
    """After what a step needs has failed: a revision that failed its proof doesn't go on costing.

    What was done is told by the error that led here. An endpoint is left where Azure or the network
    failed and not the model: the next run proves it.
    """
    verdict = next((e for e in errors if isinstance(e, QualityError | SafetyError)), None)
    if isinstance(step, TrafficStep) and isinstance(verdict, QualityError):
        deployment.withdraw(step, verdict, work)
    if not isinstance(step, PointerStep) or verdict is None:
        return
    if isinstance(verdict, QualityError) and verdict.reason:
        _remember(step, work, verdict.reason)
    if isinstance(verdict, RefusedBeforeError):
        return  # nothing was made
    if work.options.keep_candidate and isinstance(verdict, QualityError):
        verdict.next_step = (
            f"It is kept to be looked at, and billed: foundry-tune chat {step.candidate.name}"
        )
        return
    name, candidate = step.serving.name, step.candidate.name
    try:
        done, gone = rollout.withdraw(work.session, name, candidate)
    except FoundryTuneError as failure:
        done, gone = f"Endpoint '{candidate}' could not be deleted again: {failure.message}", False
    verdict.message = f"{verdict.message}\n{done}"
    if not gone:
        verdict.next_step = (
            f"An earlier revision: foundry-tune rollback {name}\n"
            f"Take it down:        foundry-tune down {name} --yes"
        )
    elif isinstance(verdict, SafetyError):
        slow = "If the filter was only slow, allow it more time: --settle 900"
        verdict.next_step = verdict.next_step or slow
    else:
        verdict.next_step = (
            "Train longer or on more data, or change what is asked. "
            "To talk to it all the same: --keep-candidate"
        )


def _remember(step: PointerStep, work: Work, why: str | None) -> None:
    """Mark the model as refused, or take the mark away where it holds now what it is asked.

    Without the mark nothing goes wrong but that a plan doesn't know: it is no reason to fail.
    """
    training = step.serving.training
    model = work.models.get(training.name) if training else None
    if model is None or (why is None and revision.TAG_REFUSED not in model.tags):
        return
    measurings = [need.measuring for need in step.needs if isinstance(need, MeasureStep)]
    asked = refused.asked_of(step.serving, measurings, model.label, work.plan.actual)
    day = f"{work.session.arm.now:%Y-%m-%d}"
    mark = str(refused.RefusedMark(asked, day, why)) if why else None
    try:
        models.tag(work.session, model, revision.TAG_REFUSED, mark)
    except FoundryTuneError as error:
        work.report.warn(f"model '{model.label}' was not marked: {error.message}")
