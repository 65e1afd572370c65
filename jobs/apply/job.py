"""Following a job to its end: steps and loss on the way, one line when it is over."""

from collections.abc import Callable

from jobs.errors import (
    FoundryTuneError,
    JobCanceledError,
    JobFailedError,
    NotFoundError,
    RemoteError,
)
from jobs.foundry import history, projects
from jobs.foundry import jobs as foundry_jobs
from jobs.foundry.history import (
    TRAIN_LOSS,
    VALIDATION_LOSS,
    Point,
    RunDetails,
    seconds_between,
)
from jobs.foundry.jobs import Job
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.terminal.output import printable
from jobs.terminal.progress import Reporter, duration

_FIRST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 15.0
_PATIENCE = 5
"""Looks in a row that may fail, or say what nobody understands, before following gives up.

The job goes on all the same."""


def follow(
    session: Session,
    project: Project,
    job: Job,
    report: Reporter,
    pause: Callable[[float], None],
    *,
    adopted: bool,
) -> Job:
    """Watch a job until it is finished, and report how it ended.

    Raises:
        JobFailedError: It failed; with Azure's reason.
        JobCanceledError: Somebody canceled it.
    """
    api = projects.data_plane(session, project)
    job = _watch(session, api, job, report, pause)
    word = "adopted, " if adopted else ""
    if job.status == "Completed":
        report.result("finetuning", job.name, f"{word}completed{_outcome(session, api, job)}")
        return job
    details = history.details(session, api, job.name)
    raise ended(job, details)


def ended(job: Job, details: RunDetails) -> FoundryTuneError:
    """The error for a job that ended in another way than it should."""
    if job.status == "Canceled":
        return JobCanceledError(
            f"Job '{job.name}' was canceled.",
            next_step="To train, and pay, once more: foundry-tune apply SPEC --retrain",
        )
    code = f" ({details.error_code})" if details.error_code else ""
    reason = details.error_message or "Azure gives no reason"
    return JobFailedError(
        f"Job '{job.name}' ended as {job.status}{code}: {reason}",
        next_step=f"foundry-tune logs {job.name}",
    )


def _watch(
    session: Session, api: str, job: Job, report: Reporter, pause: Callable[[float], None]
) -> Job:
    wait, failures, odd = _FIRST_PAUSE_SECONDS, 0, 0
    while not job.is_finished:
        pause(wait)
        wait = min(wait * 1.2, _LONGEST_PAUSE_SECONDS)
        try:
            _tell(session, api, job, report)
            found = foundry_jobs.find(session, job.name)
        except RemoteError:
            failures += 1
            if failures >= _PATIENCE:
                raise
            continue
        failures = 0
        if found is None:
            raise NotFoundError(
                f"Job '{job.name}' was deleted meanwhile.",
                next_step="foundry-tune status shows what is there.",
            )
        job = found
        odd = 0 if job.is_under_way or job.is_finished else odd + 1
        if odd >= _PATIENCE:
            raise RemoteError(
                f"Azure calls the state of job '{job.name}' '{printable(job.status)}', which "
                "foundry-tune doesn't know, so it can't tell whether it will end.",
                next_step=f"Look at it in the portal, then: foundry-tune wait {job.name}",
            )
    return job


def _tell(session: Session, api: str, job: Job, report: Reporter) -> None:
    details = history.details(session, api, job.name)
    values = history.last_values(session, api, job.name) if job.status == "Running" else {}
    loss: Point | None = values.get(TRAIN_LOSS)
    if loss is None:
        report.step("finetuning", job.name, job.status.lower(), None, None)
        return
    steps = f"step {loss.step}/{details.total_steps}" if details.total_steps else ""
    words = f"{steps}  loss {loss.value:.2f}".strip()
    report.step("finetuning", job.name, words, loss.step, details.total_steps)


def _outcome(session: Session, api: str, job: Job) -> str:
    """` in 4 min; loss 2.31 -> 0.18, validation 0.44`, as far as it is known."""
    try:
        details = history.details(session, api, job.name)
        train = history.series(session, api, job.name, TRAIN_LOSS)
        validation = history.series(session, api, job.name, VALIDATION_LOSS)
    except RemoteError:
        return ""
    took = seconds_between(details.started, details.ended)
    parts = [f" in {duration(took)}" if took is not None else ""]
    if train:
        parts.append(f"; loss {train[0].value:.2f} -> {train[-1].value:.2f}")
    if validation:
        parts.append(f", validation {validation[-1].value:.2f}")
    return "".join(parts)
