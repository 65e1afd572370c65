"""Deciding what to do: desired against actual, as pure values. Nothing is asked or changed.

`create` + `update` ~ `replace` -/+ `unchanged` = `delete` - and `blocked` !, field by field.
"""

from collections.abc import Mapping
from dataclasses import replace

from jobs import revision
from jobs.foundry import endpoints
from jobs.foundry.endpoints import AUTH_MODES, Endpoint
from jobs.foundry.hyperparameters import short
from jobs.foundry.jobs import Job, differences, made_from
from jobs.plan.actual import Actual
from jobs.plan.desired import DataVersion, Desired, Measuring, Serving, Training
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
from jobs.spec.canonical import hyperparameters

_USABLE = frozenset({"Completed"})
_FIXED_FIELDS = frozenset({"model", "provisioning_state"})
"""What Azure doesn't change in place, or should not be trusted to: these make the endpoint anew."""


def decide(desired: Desired, actual: Actual, *, retrain: bool = False) -> tuple[Step, ...]:
    """Hold what is asked for against what is there; the steps come in the order of their needs.

    `retrain` allows a new job where the revision's own has failed, was canceled or lost its model;
    without it such a job blocks, since a second training costs a second time.
    """
    steps: list[Step] = []
    models: dict[str, ModelStep] = {}
    for training in desired.trainings:
        job = _job_step(training, actual, retrain)
        data = [_data_step(d, training, actual, needed=job.job is None) for d in training.data]
        job = replace(job, needs=tuple(data))
        models[training.name] = _model_step(job, actual)
        steps += [*data, job, models[training.name]]
    served: dict[str, EndpointStep] = {}
    for serving in desired.servings:
        model = models.get(serving.training.name) if serving.training else None
        served[serving.name] = _endpoint_step(serving, model, actual)
    steps += served.values()
    steps += [_measure_step(m, served, actual) for m in desired.measurings]
    return tuple(steps)


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def _data_step(data: DataVersion, training: Training, actual: Actual, *, needed: bool) -> DataStep:
    asset = actual.data.get(data.label)
    if asset is None and needed:
        action = Action(kind="create", type="data", name=data.label)
    elif asset is not None and asset.archived and needed:
        changes = (Change("archived", "true", "false"),)
        action = Action(kind="update", type="data", name=data.label, changes=changes)
    else:
        note = "" if asset and not asset.archived else "archived: its job needs it no more"
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
            return JobStep(action=action, training=training, job_name=name, job=job)
        if not retrain and actual.job(_attempt(training, attempt + 1)) is None:
            action = Action(
                kind="blocked",
                type="finetuning",
                name=name,
                note=reason,
                next_step="To train, and pay, once more: add --retrain",
            )
            return JobStep(action=action, training=training, job_name=name, job=job)
        attempt += 1
        name = _attempt(training, attempt)
    action = _submission(training, name, next(iter(actual.jobs_of(training.name)), None))
    return JobStep(action=action, training=training, job_name=name, job=None)


def _submission(training: Training, name: str, previous: Job | None) -> Action:
    if previous is None:
        return Action(kind="create", type="finetuning", name=name, note=_summary(training))
    changes = _job_changes(previous, training)
    note = "" if changes else "again, with the same data and settings"
    title = f"{previous.name} -> {name}"
    return Action(kind="replace", type="finetuning", name=title, changes=changes, note=note)


def _attempt(training: Training, attempt: int) -> str:
    return training.job_name if attempt == 1 else f"{training.job_name}-{attempt}"


def _unusable(job: Job, actual: Actual) -> str:
    """Why a job that is there can't give the model, or nothing."""
    if not job.is_finished:
        return ""
    if job.status not in _USABLE:
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
    return ModelStep(action=action, needs=(job_step,), training=training, model=model)


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def _endpoint_step(serving: Serving, model_step: ModelStep | None, actual: Actual) -> EndpointStep:
    endpoint = actual.endpoints.get(serving.name)
    return EndpointStep(
        action=_endpoint_action(serving, model_step, endpoint),
        needs=(model_step,) if model_step else (),
        serving=serving,
        endpoint=endpoint,
    )


def _endpoint_action(
    serving: Serving, model_step: ModelStep | None, endpoint: Endpoint | None
) -> Action:
    name, spec = serving.name, serving.spec
    wanted = model_step.action.name if model_step else endpoints.model_label(serving.model_path)
    if model_step and model_step.action.kind == "blocked":
        return Action(kind="blocked", type="endpoint", name=name, note="needs the model")
    if endpoint is None:
        safety = "content safety on" if spec.is_filtered else "content safety OFF"
        note = f"{safety}, {spec.auth_mode.replace('_', ' ')}"
        return Action(kind="create", type="endpoint", name=name, note=note)
    if revision.TAG_SPEC not in endpoint.tags and not _serves_a_model_of(endpoint, model_step):
        return Action(
            kind="blocked",
            type="endpoint",
            name=name,
            note="is there, and foundry-tune didn't make it",
            next_step="Give the endpoint in the spec another name, or delete the one in Azure.",
        )
    changes = _endpoint_changes(endpoint, serving, wanted)
    if any(change.field in _FIXED_FIELDS for change in changes):
        note = "made anew, with new keys"
        return Action(kind="replace", type="endpoint", name=name, changes=changes, note=note)
    if changes:
        return Action(kind="update", type="endpoint", name=name, changes=changes)
    if not is_proven(endpoint, serving):
        note = "to be proven: the filter's probes and the smoke tests"
        return Action(kind="update", type="endpoint", name=name, note=note)
    return Action(kind="unchanged", type="endpoint", name=name)


def _serves_a_model_of(endpoint: Endpoint, model_step: ModelStep | None) -> bool:
    """Whether an endpoint without our tags is ours all the same: somebody may have wiped them."""
    model = model_step.model if model_step else None
    return model is not None and endpoints.serves(endpoint) == model.label


def is_proven(endpoint: Endpoint, serving: Serving) -> bool:
    """Whether the endpoint, as it is, has passed its probes and smoke tests."""
    proof = serving.proof(endpoints.serves(endpoint))
    return endpoint.tags.get(revision.TAG_PROOF) == proof


def _endpoint_changes(endpoint: Endpoint, serving: Serving, wanted: str) -> tuple[Change, ...]:
    asked = {
        "model": wanted,
        "content_safety": "Enabled" if serving.spec.is_filtered else "Disabled",
        "auth_mode": AUTH_MODES[serving.spec.auth_mode],
    }
    there = {
        "model": endpoints.serves(endpoint),
        "content_safety": endpoint.content_safety or "unknown",
        # A service that doesn't say has its default.
        "auth_mode": endpoint.auth_mode or "Key",
    }
    changes = [Change(field, there[field], asked[field]) for field in asked]
    if endpoint.is_settled and endpoint.provisioning_state != "Succeeded":
        changes.append(Change("provisioning_state", endpoint.provisioning_state, "Succeeded"))
    return tuple(change for change in changes if change.before.lower() != change.after.lower())


# ── evaluations ─────────────────────────────────────────────────────────────────────────────────


def _measure_step(
    measuring: Measuring, serving: Mapping[str, EndpointStep], actual: Actual
) -> MeasureStep:
    served = serving.get(measuring.endpoint)
    asked = dict.fromkeys((measuring.endpoint, *measuring.references.values()))
    needs = tuple(serving[name] for name in asked if name in serving)
    action = _measure_action(measuring, served, actual.endpoints.get(measuring.endpoint))
    if any(need.action.kind == "blocked" for need in needs):
        note = "needs the endpoint"
        action = Action(kind="blocked", type="evaluation", name=measuring.name, note=note)
    return MeasureStep(action=action, needs=needs, measuring=measuring)


def _measure_action(
    measuring: Measuring, served: EndpointStep | None, endpoint: Endpoint | None
) -> Action:
    name = measuring.name
    stays = served is None or served.action.kind == "unchanged"
    if endpoint and stays and _passed(endpoint, measuring):
        return Action(kind="unchanged", type="evaluation", name=name)
    gates = ", ".join(f"{metric} {gate}" for metric, gate in measuring.spec.gates.items())
    return Action(kind="create", type="evaluation", name=name, note=gates or "no gates")


def _passed(endpoint: Endpoint, measuring: Measuring) -> bool:
    mark = measuring.mark(endpoints.serves(endpoint))
    return endpoint.tags.get(f"{revision.TAG_EVALUATION}.{measuring.name}") == mark
