"""Fine-tuning and command jobs: read, list, cancel. `submission.py` starts them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.errors import RemoteError
from jobs.foundry import command
from jobs.foundry.answers import Json, part, strings, text
from jobs.foundry.data import label_of
from jobs.foundry.hyperparameters import from_wire, same
from jobs.foundry.session import Session
from jobs.revision import TAG_HASH

API_VERSION = "2024-10-01-preview"
"""Fine-tuning jobs are in the preview contract only; it is what azure-ai-ml 1.35.2 sends."""

TERMINAL = frozenset({"Completed", "Failed", "Canceled", "NotResponding", "Paused"})
"""States after which nothing happens any more (azure-ai-ml, _run_history_constants.py)."""

COMMAND, FINE_TUNING = "Command", "FineTuning"
KINDS = {COMMAND: "command", FINE_TUNING: "finetuning"}
"""The types of jobs that documents ask for, each with its document's type."""

VERBS = {"finetuning": "train", "command": "run"}
"""What is done once more where a job is."""

USABLE = frozenset({"Completed"})
"""States of a job that has left a model."""

UNDER_WAY = frozenset(
    {"NotStarted", "Scheduled", "Queued", "Preparing", "Provisioning", "Starting", "Running"}
    | {"Finalizing", "CancelRequested", "Canceling", "Unknown"}
)
"""States that others follow on (the same file, and ARM's enumeration of them)."""

STOPPING = frozenset({"CancelRequested", "Canceling"})
"""States in which Azure has heard that a job is to stop."""

_LOOKS = (0.5, 1.0, 2.0, 0.0)
"""Seconds between looks whether a job stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as Azure has it."""

    id: str
    name: str
    type: str
    status: str
    created: str
    created_by: str
    """Who submitted it, as Azure names them: a person, or an application's id."""
    tags: Mapping[str, str]
    base_model: str
    training_data: str
    validation_data: str
    hyperparameters: Mapping[str, str]
    """In the wire's words and as strings, as Azure keeps them."""
    registered_model: str
    """The name of the model that it registers, of the first where there are several."""
    studio_url: str
    further_models: tuple[str, ...] = ()
    """The names of the rest."""
    command: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of a command job all that it was asked for, in the words of a spec's fields."""

    @property
    def kind(self) -> str:
        """The type of the document that asks for it: `finetuning`, `command`."""
        return KINDS.get(self.type, self.type)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models that it registers."""
        return tuple(filter(None, (self.registered_model, *self.further_models)))

    @property
    def revision(self) -> str:
        """The hash it was made from, with the number of its attempt where it wasn't the first."""
        made_from = self.tags.get(TAG_HASH, "")
        start = self.name.rfind(made_from) if made_from else -1
        return self.name[start:] if start >= 0 else made_from

    @property
    def is_finished(self) -> bool:
        """Whether the job has come to an end, good or bad."""
        return self.status in TERMINAL

    @property
    def is_under_way(self) -> bool:
        """Whether it is known to come to an end yet; a word nobody knows promises nothing."""
        return self.status in UNDER_WAY


def find(session: Session, name: str) -> Job | None:
    """The job of this name, or None."""
    found = session.arm.find(_path(session, name), API_VERSION, f"read job '{name}'")
    return _job(found) if found else None


def listed(session: Session) -> list[Job]:
    """Every fine-tuning and command job of the project, newest first."""
    items = session.arm.list(
        f"{session.project_id}/jobs", API_VERSION, "list the jobs", listViewType="ActiveOnly"
    )
    jobs = [_job(item) for item in items]
    known = [job for job in jobs if job.type in KINDS]
    return sorted(known, key=lambda job: job.created, reverse=True)


def made_from(job: Job) -> dict[str, str]:
    """What decides how a job turns out, in the words of a spec's fields."""
    if job.type == COMMAND:
        return dict(job.command)
    fields = {
        "model": job.base_model,
        "training_data": label_of(job.training_data),
        "validation_data": label_of(job.validation_data),
    }
    for name, value in from_wire(job.hyperparameters).items():
        fields[f"hyperparameters.{name}"] = value
    return fields | {"outputs.registered_model": job.registered_model}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Each field that is another, with its value before and after; empty text where it is none."""
    return {
        field: (before.get(field, ""), after.get(field, ""))
        for field in dict.fromkeys((*after, *before))
        if not same(before.get(field, ""), after.get(field, ""))
    }


def cancel(session: Session, name: str) -> None:
    """Ask Azure to stop a job, and look whether it does.

    Raises:
        RemoteError: It goes on, and costs.
    """
    session.arm.post(f"{_path(session, name)}/cancel", API_VERSION, f"cancel job '{name}'")
    for pause in _LOOKS:
        job = find(session, name)
        if job is None or job.is_finished or job.status in STOPPING:
            return
        time.sleep(pause)
    raise RemoteError(
        f"Azure was asked to cancel job '{name}', but it goes on, and costs.",
        next_step=f"Run again: foundry-tune cancel {name}",
    )


def _path(session: Session, name: str) -> str:
    return f"{session.project_id}/jobs/{name}"


def _job(found: Json) -> Job:
    details = part(found, "properties", "fineTuningDetails")
    of_command = text(found, "properties", "jobType") == COMMAND
    first, *further = [*command.models(found), ""] if of_command else [_tuned(found)]
    return Job(
        id=text(found, "id"),
        name=text(found, "name"),
        type=text(found, "properties", "jobType"),
        status=text(found, "properties", "status") or "Unknown",
        created=text(found, "systemData", "createdAt"),
        created_by=text(found, "systemData", "createdBy"),
        tags=strings(found, "properties", "tags"),
        base_model=text(details, "model", "uri"),
        training_data=text(details, "trainingData", "uri"),
        validation_data=text(details, "validationData", "uri"),
        hyperparameters=strings(details, "hyperParameters"),
        registered_model=first,
        studio_url=text(found, "properties", "services", "Studio", "endpoint"),
        further_models=tuple(filter(None, further)),
        command=command.asked(found) if of_command else {},
    )


def _tuned(found: Json) -> str:
    return text(found, "properties", "outputs", "registered_model", "assetName")
