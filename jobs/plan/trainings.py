"""Deciding about a job: it is found, blocked or to be submitted, and leaves a model, or several."""

from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import USABLE, VERBS, Job, differences, made_from
from jobs.foundry.models import ModelVersion
from jobs.plan.actual import Actual
from jobs.plan.desired import Training
from jobs.plan.running import Running
from jobs.plan.steps import Action, Change, JobStep, ModelStep, RunningStep, TrainingStep
from jobs.plan.undertaking import Undertaking
from jobs.spec.canonical import hyperparameters


def job_step(training: Training, actual: Actual, retrain: bool) -> TrainingStep:
    """The job of this revision: found, blocked, or to be submitted."""
    action, attempt, job = _decided(training, actual, retrain, _tuning(training))
    return TrainingStep(
        action=action,
        training=training,
        job_name=training.attempt(attempt),
        made_from=training.made_from(attempt),
        job=job,
    )


def running_step(running: Running, actual: Actual, retrain: bool) -> RunningStep:
    """The job of a command document's revision: found, blocked, or to be submitted."""
    action, attempt, job = _decided(running, actual, retrain, _said_of(running))
    return RunningStep(
        action=action,
        running=running,
        job_name=running.attempt(attempt),
        made_from=running.made_from(attempt),
        job=job,
    )


def model_steps(step: JobStep, actual: Actual) -> tuple[ModelStep, ...]:
    """The models that the job has left, or will."""
    names = step.undertaking.models
    if step.job and len(names) == 1 and step.job.registered_model:
        # The service may have put another character into the name (FT-C009).
        model = actual.model_of(step.job, step.job.registered_model)
        return (_model_step(step, names[0], model, actual),)
    return tuple(
        _model_step(step, name, actual.model_of(step.job, name) if step.job else None, actual)
        for name in names
    )


def _decided(
    asked: Undertaking, actual: Actual, retrain: bool, note: str
) -> tuple[Action, int, Job | None]:
    """What happens to the job, the number of its attempt, and the job if it is there."""
    kind, attempt = asked.spec.kind, 1
    name = asked.job_name
    while (job := actual.job(name)) is not None:
        reason = _unusable(asked, job, actual)
        if not reason:
            said = "" if job.is_finished else f"{job.status}, adopted"
            return Action(kind="unchanged", type=kind, name=name, note=said), attempt, job
        if not retrain and actual.job(asked.attempt(attempt + 1)) is None:
            action = Action(
                kind="blocked",
                type=kind,
                name=name,
                note=reason,
                next_step=f"To {VERBS[kind]}, and pay, once more: add --retrain",
                rule="FT-R007",
            )
            return action, attempt, job
        attempt += 1
        name = asked.attempt(attempt)
    previous = next((job for job in actual.jobs_of(asked.name) if job.kind == kind), None)
    return _submission(asked, name, previous, note), attempt, None


def _submission(asked: Undertaking, name: str, previous: Job | None, note: str) -> Action:
    kind = asked.spec.kind
    if previous is None:
        return Action(kind="create", type=kind, name=name, note=note)
    changes = _changes(previous, asked)
    note = "" if changes else "again, with the same data and settings"
    title = f"{previous.name} -> {name}"
    return Action(kind="replace", type=kind, name=title, changes=changes, note=note)


def _unusable(asked: Undertaking, job: Job, actual: Actual) -> str:
    """Why a job that is there can't give what it is to give, or nothing."""
    if not job.is_finished:
        return ""
    if job.status not in USABLE:
        return f"ended as {job.status}"
    left = all(actual.model_of(job, name) for name in job.models or asked.models)
    return "" if left else "completed, but its model was deleted"


def _tuning(training: Training) -> str:
    words = hyperparameters(training.spec)
    return ", ".join(f"{name.replace('_', ' ')} {short(value)}" for name, value in words.items())


def _said_of(running: Running) -> str:
    return "; ".join(filter(None, (_machines(running), running.note)))


def _machines(running: Running) -> str:
    """`1 x Standard_DS3_v2, serverless`, `on cpu-cluster`."""
    resources = running.spec.resources
    count = (resources.instance_count if resources else None) or 1
    if running.compute:
        return f"on {running.compute}" + (f", {count} machines" if count > 1 else "")
    kind = (resources.instance_type if resources else None) or "Azure's default machine"
    return f"{count} x {kind}, serverless"


def _changes(previous: Job, asked: Undertaking) -> tuple[Change, ...]:
    before = made_from(previous)
    after = dict(asked.fields)
    if isinstance(asked, Training) and "validation_data" not in after:
        after["validation_data"] = ""
    return tuple(Change(name, *values) for name, values in differences(before, after).items())


def _model_step(step: JobStep, name: str, model: ModelVersion | None, actual: Actual) -> ModelStep:
    if model:
        action = Action(kind="unchanged", type="model", name=model.label)
    elif step.action.kind == "blocked":
        rule = step.action.rule
        action = Action(kind="blocked", type="model", name=name, note="needs the job", rule=rule)
    else:
        label = f"{name}:{actual.next_versions.get(name, '1')}"
        action = Action(kind="create", type="model", name=label, note="from that job")
    return ModelStep(
        action=action,
        needs=(step,),
        undertaking=step.undertaking,
        model_name=name,
        made_from=step.made_from,
        model=model,
    )
