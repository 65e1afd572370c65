"""What would have to be done: desired against actual, as pure values. Nothing is asked or changed.

`create` + `update` ~ `replace` -/+ `unchanged` = `delete` - and `blocked` !, field by field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobs import revision
from jobs.actual import Actual
from jobs.desired import DataVersion, Desired, Measuring, Serving, Training
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.hyperparameters import from_wire
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion

Kind = Literal["create", "update", "replace", "unchanged", "delete", "blocked"]
SYMBOLS: dict[Kind, str] = {
    "create": "+",
    "update": "~",
    "replace": "-/+",
    "unchanged": "=",
    "delete": "-",
    "blocked": "!",
}
AUTH_MODES = {"key": "Key", "aad": "AAD", "key_and_aad": "KeyAndAAD"}
"""The spec's words for how callers sign in, and ARM's."""

_USABLE = frozenset({"Completed"})
_FIXED_FIELDS = frozenset({"model", "provisioning_state"})
"""What Azure doesn't change in place, or should not be trusted to: these make the endpoint anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that moves."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What happens to one resource."""

    kind: Kind
    type: str
    name: str
    note: str = ""
    changes: tuple[Change, ...] = ()
    next_step: str = ""
    """What to do about a blocked one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStep:
    """A data asset's version."""

    action: Action
    data: DataVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A training, in the job that has done it, does it, or will do it."""

    action: Action
    training: Training
    job_name: str
    job: Job | None
    """The job if it is there already: it is adopted, never submitted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStep:
    """The model that a training registers."""

    action: Action
    training: Training
    model: ModelVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStep:
    """An endpoint, and whether it has been proven as it is."""

    action: Action
    serving: Serving
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureStep:
    """An evaluation, and whether it has been passed as things are."""

    action: Action
    measuring: Measuring


Step = DataStep | JobStep | ModelStep | EndpointStep | MeasureStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps in the order of their needs."""

    steps: tuple[Step, ...]

    @property
    def actions(self) -> list[Action]:
        """What happens, step by step."""
        return [step.action for step in self.steps]

    @property
    def blocked(self) -> list[Action]:
        """What stands in the way."""
        return [action for action in self.actions if action.kind == "blocked"]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return all(action.kind == "unchanged" for action in self.actions)

    @property
    def starts_training(self) -> list[Training]:
        """The trainings that would be started, and paid."""
        return [
            step.training for step in self.steps if isinstance(step, JobStep) and step.job is None
        ]

    @property
    def opens_endpoints(self) -> list[Serving]:
        """The endpoints that would be made, and billed by the hour from then on."""
        return [
            step.serving
            for step in self.steps
            if isinstance(step, EndpointStep) and step.endpoint is None
        ]

    def count(self, *kinds: Kind) -> int:
        """How many resources have an action of these kinds; an evaluation is none."""
        return sum(
            step.action.kind in kinds for step in self.steps if not isinstance(step, MeasureStep)
        )

    @property
    def evaluations(self) -> int:
        """How many evaluations would run."""
        return sum(
            step.action.kind == "create" for step in self.steps if isinstance(step, MeasureStep)
        )


def decide(desired: Desired, actual: Actual, *, retrain: bool = False) -> Plan:
    """Hold what is asked for against what is there.

    `retrain` allows a new job where the revision's own has failed, was canceled or lost its model;
    without it such a job blocks, since a second training costs a second time.
    """
    steps: list[Step] = []
    models: dict[str, ModelStep] = {}
    for training in desired.trainings:
        job_step = _job_step(training, actual, retrain)
        needs_data = job_step.job is None
        steps += [_data_step(data, actual, needed=needs_data) for data in training.data]
        models[training.name] = _model_step(job_step, actual)
        steps += [job_step, models[training.name]]
    endpoint_steps: dict[str, EndpointStep] = {}
    for serving in desired.servings:
        model_step = models.get(serving.training.name) if serving.training else None
        step = _endpoint_step(serving, model_step, actual)
        endpoint_steps[serving.name] = step
        steps.append(step)
    for measuring in desired.measurings:
        steps.append(_measure_step(measuring, endpoint_steps, actual))
    return Plan(steps=tuple(steps))


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def _data_step(data: DataVersion, actual: Actual, *, needed: bool) -> DataStep:
    asset = actual.data.get(data.label)
    if asset is None and needed:
        action = Action(kind="create", type="data", name=data.label)
    elif asset is not None and asset.archived and needed:
        changes = (Change("archived", "true", "false"),)
        action = Action(kind="update", type="data", name=data.label, changes=changes)
    else:
        note = "" if asset and not asset.archived else "archived: its job needs it no more"
        action = Action(kind="unchanged", type="data", name=data.label, note=note)
    return DataStep(action=action, data=data)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────


def _job_step(training: Training, actual: Actual, retrain: bool) -> JobStep:
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
    previous = next(iter(actual.jobs_of(training.name)), None)
    if previous is None:
        note = _summary(training)
        action = Action(kind="create", type="finetuning", name=name, note=note)
    else:
        changes = _job_changes(previous, training)
        note = "" if changes else "again, with the same data and settings"
        title = f"{previous.name} -> {name}"
        action = Action(kind="replace", type="finetuning", name=title, changes=changes, note=note)
    return JobStep(action=action, training=training, job_name=name, job=None)


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
    words = revision.hyperparameters(training.spec)
    return ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in words.items())


def _short(value: str) -> str:
    """A number as people write it: `2e-05` for the wire's `0.00002`."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def _job_changes(previous: Job, training: Training) -> tuple[Change, ...]:
    before = _job_fields(previous)
    after = dict(training.fields)
    if "validation_data" not in after:
        after["validation_data"] = ""
    return tuple(
        Change(name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys((*after, *before))
        if not _same(before.get(name, ""), after.get(name, ""))
    )


def _job_fields(job: Job) -> dict[str, str]:
    fields = {
        "model": job.base_model,
        "training_data": _asset_label(job.training_data),
        "validation_data": _asset_label(job.validation_data),
    }
    for name, value in from_wire(job.hyperparameters).items():
        fields[f"hyperparameters.{name}"] = value
    return fields | {"outputs.registered_model": job.registered_model}


def _same(before: str, after: str) -> bool:
    """Equal, as text or as numbers: Azure may keep `2e-05` where `0.00002` was sent."""
    if before == after:
        return True
    try:
        return float(before) == float(after)
    except ValueError:
        return False


def _asset_label(uri: str) -> str:
    """`name:version` out of the id of a data asset; another address stays as it is."""
    parts = uri.rstrip("/").split("/")
    if len(parts) >= 4 and parts[-4] == "data" and parts[-2] == "versions":
        return f"{parts[-3]}:{parts[-1]}"
    return uri


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
    return ModelStep(action=action, training=training, model=model)


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def _endpoint_step(serving: Serving, model_step: ModelStep | None, actual: Actual) -> EndpointStep:
    name, spec = serving.name, serving.spec
    endpoint = actual.endpoints.get(name)
    wanted = model_step.action.name if model_step else _model_label(serving.model_path)
    if model_step and model_step.action.kind == "blocked":
        action = Action(kind="blocked", type="endpoint", name=name, note="needs the model")
        return EndpointStep(action=action, serving=serving, endpoint=endpoint)
    if endpoint is None:
        safety = "content safety on" if spec.is_filtered else "content safety OFF"
        note = f"{safety}, {spec.auth_mode.replace('_', ' ')}"
        action = Action(kind="create", type="endpoint", name=name, note=note)
        return EndpointStep(action=action, serving=serving, endpoint=None)
    if revision.TAG_SPEC not in endpoint.tags:
        action = Action(
            kind="blocked",
            type="endpoint",
            name=name,
            note="is there, and foundry-tune didn't make it",
            next_step="Give the endpoint in the spec another name, or delete the one in Azure.",
        )
        return EndpointStep(action=action, serving=serving, endpoint=endpoint)
    changes = _endpoint_changes(endpoint, serving, wanted)
    if any(change.field in _FIXED_FIELDS for change in changes):
        note = "made anew, with new keys"
        action = Action(kind="replace", type="endpoint", name=name, changes=changes, note=note)
    elif changes:
        action = Action(kind="update", type="endpoint", name=name, changes=changes)
    elif not is_proven(endpoint, serving):
        note = "to be proven: the filter's probes and the smoke tests"
        action = Action(kind="update", type="endpoint", name=name, note=note)
    else:
        action = Action(kind="unchanged", type="endpoint", name=name)
    return EndpointStep(action=action, serving=serving, endpoint=endpoint)


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


def _model_label(model_path: str) -> str:
    """How `endpoints.serves` names the model of an id that the spec gives."""
    parts = model_path.rstrip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "versions":
        return f"{parts[-3]}:{parts[-1]}"
    return parts[-1]


# ── evaluations ─────────────────────────────────────────────────────────────────────────────────


def _measure_step(
    measuring: Measuring, steps: dict[str, EndpointStep], actual: Actual
) -> MeasureStep:
    step = steps.get(measuring.endpoint)
    endpoint = actual.endpoints.get(measuring.endpoint)
    gates = ", ".join(f"{metric} {gate}" for metric, gate in measuring.spec.gates.items())
    if step and step.action.kind == "blocked":
        action = Action(
            kind="blocked", type="evaluation", name=measuring.name, note="needs the endpoint"
        )
    elif (
        endpoint and (not step or step.action.kind == "unchanged") and _passed(endpoint, measuring)
    ):
        action = Action(kind="unchanged", type="evaluation", name=measuring.name)
    else:
        action = Action(
            kind="create", type="evaluation", name=measuring.name, note=gates or "no gates"
        )
    return MeasureStep(action=action, measuring=measuring)


def _passed(endpoint: Endpoint, measuring: Measuring) -> bool:
    mark = measuring.mark(endpoints.serves(endpoint))
    return endpoint.tags.get(f"{revision.TAG_EVALUATION}.{measuring.name}") == mark


def order_of(steps: Sequence[Step]) -> list[tuple[Step, list[Step]]]:
    """Each step with those that must be done before it."""
    return [(step, [other for other in steps if _needs(step, other)]) for step in steps]


def _needs(step: Step, other: Step) -> bool:
    if isinstance(step, JobStep) and isinstance(other, DataStep):
        return other.data in step.training.data
    if isinstance(step, ModelStep) and isinstance(other, JobStep):
        return other.training.name == step.training.name
    if isinstance(step, EndpointStep) and isinstance(other, ModelStep):
        training = step.serving.training
        return training is not None and other.training.name == training.name
    if isinstance(step, MeasureStep) and isinstance(other, EndpointStep):
        return other.serving.name == step.measuring.endpoint
    return False
