# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# azure-ai-ml's entities are untyped where keyword arguments are concerned.
"""Submitting a fine-tuning job: the one paid call, made with azure-ai-ml's own entities.

A job is addressed by name, and its name by its content. So a lost answer is no riddle: look the
name up, and adopt what is there. Retries of the SDK are off, to keep that in one visible place.
"""

import logging
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.errors import ConflictError, FoundryTuneError, OutcomeUnknownError, UnreachableError
from jobs.foundry import jobs
from jobs.foundry.jobs import Job
from jobs.foundry.refusals import translated
from jobs.foundry.session import Session

if TYPE_CHECKING:
    from azure.ai.ml.entities import Job as SdkJob

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a job is submitted with."""

    name: str
    display_name: str
    experiment: str
    description: str
    task: str
    model: str
    training_data: str
    validation_data: str | None
    hyperparameters: Mapping[str, str]
    """In the wire's words, values as strings: azure-ai-ml checks and converts neither."""
    registered_model: str
    tags: Mapping[str, str]


def submit(session: Session, submission: Submission) -> tuple[Job, bool]:
    """The job, and whether this call started it; a job that is there already is adopted.

    Raises:
        OutcomeUnknownError: Azure took the request or didn't; running again finds out.
    """
    there = jobs.find(session, submission.name)
    if there:
        return there, False
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _put(session, submission)
        except (OutcomeUnknownError, UnreachableError, ConflictError) as lost:
            there = _look_up(session, submission.name, lost)
            if there:
                return there, True
            if attempt == _ATTEMPTS or isinstance(lost, ConflictError):
                raise
            continue
        there = jobs.find(session, submission.name)
        if there:
            return there, True
    raise OutcomeUnknownError(
        f"Azure accepted job '{submission.name}' but doesn't show it yet.",
        next_step="Run the same command again: it adopts the job.",
    )


def warm_up() -> None:
    """Start importing azure-ai-ml (about five seconds) while something else is waited for."""
    threading.Thread(target=sdk, daemon=True, name="import azure.ai.ml").start()


def _look_up(session: Session, name: str, lost: FoundryTuneError) -> Job | None:
    try:
        return jobs.find(session, name)
    except FoundryTuneError as error:
        raise OutcomeUnknownError(
            f"The connection broke while job '{name}' was submitted; whether Azure took it isn't "
            "known.",
            next_step="Run the same command again: it adopts the job if there is one.",
        ) from (error.__cause__ or lost)


def _put(session: Session, submission: Submission) -> None:
    module = sdk()
    target = session.target
    client = module.MLClient(
        session.arm.credential,
        target.subscription_id,
        target.resource_group,
        target.project,
        enable_telemetry=False,
        retry_total=0,
    )
    with translated(f"submit job '{submission.name}'"):
        client.jobs.create_or_update(_entity(submission))


def _entity(submission: Submission) -> "SdkJob":
    """The SDK's entity, not `create_finetuning_job`: that one crashes without validation data.

    (azure-ai-ml 1.35.2: UnboundLocalError in finetuning/_create_job.py.)
    """
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities._job.finetuning.custom_model_finetuning_job import (
        CustomModelFineTuningJob,
    )

    validation = submission.validation_data
    return CustomModelFineTuningJob(
        name=submission.name,
        display_name=submission.display_name,
        experiment_name=submission.experiment,
        description=submission.description,
        task=_azure_task(submission.task),
        model=Input(type="mlflow_model", path=submission.model),
        training_data=Input(type="uri_file", path=submission.training_data),
        validation_data=Input(type="uri_file", path=validation) if validation else None,
        hyperparameters=dict(submission.hyperparameters),
        outputs={"registered_model": Output(type="mlflow_model", name=submission.registered_model)},
        tags=dict(submission.tags),
    )


def sdk() -> Any:
    """azure-ai-ml, imported once and told to keep quiet."""
    # For the whole process: `warnings.catch_warnings` isn't safe with the importing thread.
    warnings.filterwarnings("ignore", module=r"azure\.|msrest\.|marshmallow\.")
    import azure.ai.ml

    # After the import, which opens its logger itself: notices about experimental classes and
    # upload bars aren't the user's concern; what goes wrong is raised.
    for name in ("azure", "azure.ai.ml"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return azure.ai.ml


def _azure_task(task: str) -> str:
    """The spec's `chat_completion`, which is the word of `az ml`, in Azure's: `ChatCompletion`."""
    return "".join(word.capitalize() for word in task.split("_"))
