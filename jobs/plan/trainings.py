"""Deciding about a training: its job is found, blocked or to be submitted, and leaves a model."""

from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import USABLE, Job, differences, made_from
from jobs.plan.actual import Actual
from jobs.plan.desired import Training
from jobs.plan.steps import Action, Change, JobStep, ModelStep
from jobs.spec.canonical import hyperparameters


def job_step(training: Training, actual: Actual, retrain: bool) -> JobStep:
    """The job of this revision: found, blocked, or to be submitted."""
    name, attempt = training.job_name, 1
    while (job := actual.job(name)) is not None:
        reason = _unusable(job, actual)
        if not reason:
            note = "" if job.is_finished else f"{job.status}, adopted"
            action = Action(kind="unchanged", type="finetuning", name=name, note=note)
            return _job(action, training, attempt, job)
        if not retrain and actual.job(training.attempt(attempt + 1)) is None:
            action = Action(
                kind="blocked",
                type="finetuning",
                name=name,
                note=reason,
                next_step="To train, and pay, once more: add --retrain",
                rule="FT-R007",
            )
            return _job(action, training, attempt, job)
        attempt += 1
        name = training.attempt(attempt)
    action = _submission(training, name, next(iter(actual.jobs_of(training.name)), None))
    return _job(action, training, attempt, None)


def model_step(job_step: JobStep, actual: Actual) -> ModelStep:
    """The model that the job has left, or will."""
    training = job_step.training
    name = training.spec.registered_model_name
    model = actual.model_of(job_step.job) if job_step.job else None
    if model:
        action = Action(kind="unchanged", type="model", name=model.label)
    elif job_step.action.kind == "blocked":
        rule = job_step.action.rule
        action = Action(kind="blocked", type="model", name=name, note="needs the job", rule=rule)
    else:
        label = f"{name}:{actual.next_versions.get(name, '1')}"
        action = Action(kind="create", type="model", name=label, note="from that job")
    return ModelStep(
        action=action,
        needs=(job_step,),
        training=training,
        made_from=job_step.made_from,
        model=model,
    )


def _job(action: Action, training: Training, attempt: int, job: Job | None) -> JobStep:
    made_from = training.revision if attempt == 1 else f"{training.revision}-{attempt}"
    return JobStep(
        action=action,
        training=training,
        job_name=training.attempt(attempt),
        made_from=made_from,
        job=job,
    )


def _submission(training: Training, name: str, previous: Job | None) -> Action:
    if previous is None:
        return Action(kind="create", type="finetuning", name=name, note=_summary(training))
    changes = _job_changes(previous, training)
    note = "" if changes else "again, with the same data and settings"
    title = f"{previous.name} -> {name}"
    return Action(kind="replace", type="finetuning", name=title, changes=changes, note=note)


def _unusable(job: Job, actual: Actual) -> str:
    """Why a job that is there can't give the model, or nothing."""
    if not job.is_finished:
        return ""
    if job.status not in USABLE:
        return f"ended as {job.status}"
    return "" if actual.model_of(job) else "completed, but its model was deleted"


def _summary(training: Training) -> str:
    words = hyperparameters(training.spec)
    return ", ".join(f"{name.replace('_', ' ')} {short(value)}" for name, value in words.items())


def _job_changes(previous: Job, training: Training) -> tuple[Change, ...]:
    before = made_from(previous)
    after = dict(training.fields)
    if "validation_data" not in after:
        after["validation_data"] = ""
    return tuple(Change(name, *values) for name, values in differences(before, after).items())
