"""Following a job to its end: what it logs on the way, one line when it is over."""

from collections.abc import Callable, Mapping

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
from jobs.foundry.jobs import COMMAND, VERBS, Job
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.terminal import output
from jobs.terminal.output import printable
from jobs.terminal.progress import Reporter, duration

_FIRST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 15.0
_PATIENCE = 5
"""Looks in a row that may fail, or say what nobody understands, before following gives up.

The job goes on all the same."""
_LOG_LINES = 15
_MOST_METRICS = 4


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
        report.result(job.kind, job.name, f"{word}completed{_outcome(session, api, job)}")
        return job
    details = history.details(session, api, job.name)
    raise ended(job, details, "" if job.status == "Canceled" else _last_words(session, api, job))


def ended(job: Job, details: RunDetails, last_words: str = "") -> FoundryTuneError:
    """The error for a job that ended in another way than it should.

    `last_words` is the end of its log and how far it had come, where that is known.
    """
    if job.status == "Canceled":
        return JobCanceledError(
            " ".join((f"Job '{job.name}' was canceled.", *map(printable, details.warnings))),
            next_step=f"To {VERBS.get(job.kind, 'run')}, and pay, once more: "
            "foundry-tune apply SPEC --retrain",
        )
    code = f" ({details.error_code})" if details.error_code else ""
    reason = output.plain(details.error_message).strip() or "Azure gives no reason"
    told = [line for line in last_words.splitlines() if line.strip() and line not in reason]
    return JobFailedError(
        "\n".join((f"Job '{job.name}' ended as {job.status}{code}: {reason}", *told)),
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
    if job.type == COMMAND and values:
        newest = max(point.step for point in values.values())
        report.step(job.kind, job.name, f"step {newest}  {_metrics(values)}", newest, None)
        return
    loss: Point | None = values.get(TRAIN_LOSS)
    if loss is None:
        report.step(job.kind, job.name, job.status.lower(), None, None)
        return
    steps = f"step {loss.step}/{details.total_steps}" if details.total_steps else ""
    words = f"{steps}  loss {loss.value:.2f}".strip()
    report.step(job.kind, job.name, words, loss.step, details.total_steps)


def _outcome(session: Session, api: str, job: Job) -> str:
    """` in 4 min; loss 2.31 -> 0.18, validation 0.44`, as far as it is known."""
    try:
        details = history.details(session, api, job.name)
        if job.type == COMMAND:
            took = seconds_between(details.started, details.ended)
            values = history.last_values(session, api, job.name)
            told = f"; {_metrics(values)}" if values else ""
            return (f" in {duration(took)}" if took is not None else "") + told
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


def _metrics(values: Mapping[str, Point]) -> str:
    """`accuracy 0.91, loss 0.2`: the newest value of each metric, of many the first few."""
    shown = [f"{name} {point.value:.4g}" for name, point in sorted(values.items())]
    more = f" and {len(shown) - _MOST_METRICS} more" if len(shown) > _MOST_METRICS else ""
    return printable(", ".join(shown[:_MOST_METRICS]) + more, 200)


def _last_words(session: Session, api: str, job: Job) -> str:
    """The step that a job had come to and the end of its log, as far as anybody can read them."""
    try:
        details = history.details(session, api, job.name)
        values = history.last_values(session, api, job.name)
        address = next((a for name, a in details.log_files.items() if "std_log" in name), "")
        text = history.log(session, address) if address else ""
    except RemoteError:
        return ""
    lines = output.plain(text.replace("\r\n", "\n").replace("\r", "\n")).rstrip().split("\n")
    step = max((point.step for point in values.values()), default=None)
    reached = [] if step is None else [f"The last metric it logged is of step {step}."]
    return "\n".join([*reached, *(line[:400] for line in lines[-_LOG_LINES:])])
