"""Deciding what to do: desired against actual, as pure values. Nothing is asked or changed.

`create` + `update` ~ `replace` -/+ `unchanged` = `delete` - and `blocked` !, field by field.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from jobs import revision
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import USABLE, Job, differences, made_from
from jobs.plan import rollout
from jobs.plan.actual import Actual
from jobs.plan.desired import DataVersion, Desired, Measuring, Training
from jobs.plan.steps import (
    Action,
    Change,
    DataStep,
    EndpointStep,
    JobStep,
    MeasureStep,
    ModelStep,
    Step,
)
from jobs.plan.uploads import Upload, is_spoiled
from jobs.spec.canonical import hyperparameters


def decide(
    desired: Desired,
    actual: Actual,
    *,
    now: datetime,
    retrain: bool = False,
    uploads: Mapping[str, Upload] | None = None,
) -> tuple[Step, ...]:
    """Hold what is asked for against what is there; the steps come in the order of their needs.

    `retrain` allows a new job where the revision's own has failed, was canceled or lost its model;
    without it such a job blocks, since a second training costs a second time. `now` is what the
    time of endpoints that are kept for a while is held against. `uploads` is what was downloaded
    of the data, where it was: what isn't intact is uploaded anew.
    """
    steps: list[Step] = []
    models: dict[str, ModelStep] = {}
    for training in desired.trainings:
        job = _job_step(training, actual, retrain)
        needed = job.job is None
        data = [
            _data_step(d, training, actual, (uploads or {}).get(d.label), needed=needed)
            for d in training.data
        ]
        job = replace(job, needs=tuple(data))
        models[training.name] = _model_step(job, actual)
        steps += [*data, job, models[training.name]]
    served: dict[str, EndpointStep] = {}
    for serving in desired.servings:
        model = models.get(serving.training.name) if serving.training else None
        served[serving.name] = rollout.endpoint_step(serving, model, actual)
    measures = [_measure_step(m, served, actual) for m in desired.measurings]
    for name, candidate in served.items():
        gates = [step for step in measures if step.measuring.endpoint == name]
        steps += rollout.around(candidate, gates, actual, now)
    steps += [step for step in measures if step.measuring.endpoint not in served]
    return tuple(steps)


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def _data_step(
    data: DataVersion, training: Training, actual: Actual, upload: Upload | None, *, needed: bool
) -> DataStep:
    standing = actual.data.get(data.label)
    if standing is None and needed:
        action = Action(kind="create", type="data", name=data.label)
    elif standing == "archived" and needed:
        changes = (Change("archived", "true", "false"),)
        action = Action(kind="update", type="data", name=data.label, changes=changes)
    elif upload and is_spoiled(upload, standing):
        changes = (Change("content", upload.sha256[:12] or "gone", data.digest.sha256[:12]),)
        action = Action(kind="update", type="data", name=data.label, changes=changes)
        return DataStep(action=action, data=data, training=training, registers=False)
    else:
        note = "" if standing == "active" else "archived: its job needs it no more"
        action = Action(kind="unchanged", type="data", name=data.label, note=note)
    return DataStep(action=action, data=data, training=training)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────


def _job_step(training: Training, actual: Actual, retrain: bool) -> JobStep:
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
            )
            return _job(action, training, attempt, job)
        attempt += 1
        name = training.attempt(attempt)
    action = _submission(training, name, next(iter(actual.jobs_of(training.name)), None))
    return _job(action, training, attempt, None)


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


# ── models ──────────────────────────────────────────────────────────────────────────────────────


def _model_step(job_step: JobStep, actual: Actual) -> ModelStep:
    training = job_step.training
    name = training.spec.registered_model_name
    model = actual.model_of(job_step.job) if job_step.job else None
    if model:
        action = Action(kind="unchanged", type="model", name=model.label)
    elif job_step.action.kind == "blocked":
        action = Action(kind="blocked", type="model", name=name, note="needs the job")
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


# ── evaluations ─────────────────────────────────────────────────────────────────────────────────


def _measure_step(
    measuring: Measuring, serving: Mapping[str, EndpointStep], actual: Actual
) -> MeasureStep:
    candidate = serving.get(measuring.endpoint)
    asked = dict.fromkeys((measuring.endpoint, *measuring.references.values()))
    needs = tuple(serving[name] for name in asked if name in serving)
    endpoint = candidate.endpoint if candidate else actual.served(measuring.endpoint)
    action = _measure_action(measuring, candidate, endpoint)
    if any(need.action.kind == "blocked" for need in needs):
        note = "needs the endpoint"
        action = Action(kind="blocked", type="evaluation", name=measuring.name, note=note)
    return MeasureStep(action=action, needs=needs, measuring=measuring)


def _measure_action(
    measuring: Measuring, candidate: EndpointStep | None, endpoint: Endpoint | None
) -> Action:
    name = measuring.name
    stays = candidate is None or candidate.action.kind == "unchanged"
    if endpoint and stays and _passed(endpoint, measuring):
        return Action(kind="unchanged", type="evaluation", name=name)
    gates = ", ".join(f"{metric} {gate}" for metric, gate in measuring.spec.gates.items())
    return Action(kind="create", type="evaluation", name=name, note=gates or "no gates")


def _passed(endpoint: Endpoint, measuring: Measuring) -> bool:
    mark = measuring.mark(endpoints.serves(endpoint))
    return endpoint.tags.get(f"{revision.TAG_EVALUATION}.{measuring.name}") == mark
