# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# azure-ai-ml's entities are untyped where keyword arguments are concerned.
"""Submitting a job: the one paid call, made with azure-ai-ml's own entities.

A job is addressed by name, and its name by its content. So a lost answer is no riddle: look the
name up, and adopt what is there. Retries of the SDK are off, to keep that in one visible place.
"""

import logging
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from jobs.errors import (
    ConflictError,
    FoundryTuneError,
    NotFoundError,
    OutcomeUnknownError,
    PreflightError,
    RefusedError,
    SignInError,
    UnreachableError,
)
from jobs.foundry import jobs
from jobs.foundry.jobs import Job
from jobs.foundry.refusals import translated
from jobs.foundry.session import Session

if TYPE_CHECKING:
    from azure.ai.ml.entities import Job as SdkJob


class Submission(Protocol):
    """A job as it is to be submitted."""

    @property
    def name(self) -> str:
        """What it is called; never another job's."""
        ...

    def entity(self) -> "SdkJob":
        """The job as azure-ai-ml has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningSubmission:
    """What a fine-tuning job is submitted with."""

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

    def entity(self) -> "SdkJob":
        """The SDK's entity, not `create_finetuning_job`: that crashes without validation data.

        (azure-ai-ml 1.35.2: UnboundLocalError in finetuning/_create_job.py.)
        """
        from azure.ai.ml import Input, Output
        from azure.ai.ml.entities._job.finetuning.custom_model_finetuning_job import (
            CustomModelFineTuningJob,
        )

        validation = self.validation_data
        return CustomModelFineTuningJob(
            name=self.name,
            display_name=self.display_name,
            experiment_name=self.experiment,
            description=self.description,
            task=_azure_task(self.task),
            model=Input(type="mlflow_model", path=self.model),
            training_data=Input(type="uri_file", path=self.training_data),
            validation_data=Input(type="uri_file", path=validation) if validation else None,
            hyperparameters=dict(self.hyperparameters),
            outputs={"registered_model": Output(type="mlflow_model", name=self.registered_model)},
            tags=dict(self.tags),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSubmission:
    """What a command job is submitted with."""

    name: str
    document: Mapping[str, Any]
    """In the words of `az ml`, with everything local in Azure already."""

    def entity(self) -> "SdkJob":
        """What azure-ai-ml makes of the document."""
        from azure.ai.ml import load_job

        return load_job(StringIO(yaml.safe_dump({**self.document, "name": self.name})))


def submit(session: Session, submission: Submission) -> tuple[Job, bool]:
    """The job, and whether this call started it; a job that is there already is adopted.

    Raises:
        OutcomeUnknownError: Azure took the request or didn't; running again finds out.
    """
    there = jobs.find(session, submission.name)
    if there:
        return there, False
    for attempt in range(1, _ATTEMPTS + 1):
        doubtful: FoundryTuneError | None = None
        try:
            _put(session, submission)
        except _DEFINITE:
            raise
        except FoundryTuneError as error:
            # A gateway's 502 or 408 comes from halfway: the job may run, and cost, all the same.
            doubtful = error
        there = _look_up(session, submission.name, doubtful)
        if there:
            return there, True
        if attempt == _ATTEMPTS or not isinstance(doubtful, UnreachableError):
            raise _unknown(submission.name, doubtful) from doubtful
    raise AssertionError("the last attempt returns or raises")


_ATTEMPTS = 2
_DEFINITE = (PreflightError, RefusedError, NotFoundError, SignInError)
"""Answers by which Azure surely did not take the job."""

_LOOKS = (0.5, 1.0, 2.0, 4.0, 0.0)
"""Seconds between looks for a job that may have been taken."""


def _look_up(session: Session, name: str, doubtful: FoundryTuneError | None) -> Job | None:
    """The job that a submission left, looked up by its name, whatever was answered.

    Raises:
        OutcomeUnknownError: Nobody can look.
    """
    for pause in _LOOKS:
        try:
            there = jobs.find(session, name)
        except FoundryTuneError as error:
            raise OutcomeUnknownError(
                f"Whether Azure took job '{name}' isn't known: {_why(doubtful)} and the look for "
                f"it failed too.",
                next_step="Run the same command again: it adopts the job if there is one.",
            ) from (doubtful or error)
        if there:
            return there
        time.sleep(pause)
    return None


def _unknown(name: str, doubtful: FoundryTuneError | None) -> FoundryTuneError:
    if isinstance(doubtful, ConflictError):
        return doubtful
    return OutcomeUnknownError(
        f"Azure doesn't show job '{name}': {_why(doubtful)}",
        next_step="Run the same command again: it adopts the job if it was taken, or submits it.",
    )


def _why(doubtful: FoundryTuneError | None) -> str:
    return f"{doubtful.message}" if doubtful else "it was accepted, but isn't listed yet."


def warm_up() -> None:
    """Start importing azure-ai-ml (about five seconds) while something else is waited for."""
    threading.Thread(target=sdk, daemon=True, name="import azure.ai.ml").start()


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
    doing = f"submit job '{submission.name}'"
    try:
        with translated(doing):
            client.jobs.create_or_update(submission.entity())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # azure-ai-ml reads an empty or odd answer without looking at it (1.35.2).
        raise OutcomeUnknownError(
            f"Azure's answer could not be read when it was asked to {doing}.",
            next_step="Run the same command again: it adopts the job if there is one.",
        ) from error


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
