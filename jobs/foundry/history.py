"""Run history: how far a job is, what it logged, why it failed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jobs.foundry.answers import Json, items, part, strings, text
from jobs.foundry.session import Session

TRAIN_LOSS = "train_loss"
VALIDATION_LOSS = "validation_loss"
"""The metrics that a fine-tuning job logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run as the run history tells it."""

    status: str
    error_code: str
    error_message: str
    warnings: tuple[str, ...]
    total_steps: int | None
    log_files: Mapping[str, str]
    """Address by name; each address carries a short-lived right to read. Never print one."""
    started: str
    ended: str


@dataclass(frozen=True, slots=True)
class Point:
    """One logged value of a metric."""

    step: int
    value: float


def details(session: Session, api: str, job: str) -> RunDetails:
    """Status, error and logs of a job's run; `api` is the region's data plane."""
    url = f"{api}/history/v1.0{session.project_id}/runs/{job}/details"
    found = session.arm.get(url, "v1.0", f"read the run of job '{job}'")
    total = text(found, "properties", "totalSteps")
    return RunDetails(
        status=text(found, "status") or "Unknown",
        error_code=text(found, "error", "error", "code"),
        error_message=text(found, "error", "error", "message"),
        warnings=tuple(text(item, "message") for item in items(found, "warnings")),
        total_steps=int(total) if total.isdecimal() else None,
        log_files=strings(found, "logFiles"),
        started=text(found, "startTimeUtc"),
        ended=text(found, "endTimeUtc"),
    )


def last_values(session: Session, api: str, job: str) -> dict[str, Point]:
    """The newest value of every metric of a job."""
    url = f"{api}/metric/v2.0{session.project_id}/runs/{job}/lastvalues"
    found = session.arm.post(url, "v1.0", f"read the metrics of job '{job}'", body={})
    return {
        text(metric, "name"): points[-1]
        for metric in items(found, "value")
        if (points := _points(metric))
    }


def series(session: Session, api: str, job: str, name: str) -> list[Point]:
    """Every value of one metric, in the order of steps."""
    url = f"{api}/metric/v2.0{session.project_id}/runs/{job}/full"
    points: list[Point] = []
    body: Json = {"metricName": name, "continuationToken": None}
    while True:
        page = session.arm.post(url, "v1.0", f"read metric '{name}' of job '{job}'", body=body)
        points += _points(page)
        token = page.get("continuationToken")
        if not token:
            return sorted(points, key=lambda point: point.step)
        body = {**body, "continuationToken": token}


def log(session: Session, address: str) -> str:
    """The text of one log file, by the address that `RunDetails` gave."""
    content = session.arm.read(address, "read the job's log", signed_in=False)
    return content.decode("utf-8", errors="replace")


def seconds_between(started: str, ended_at: str) -> float | None:
    """The time between two of Azure's timestamps, where both are there."""
    if not started or not ended_at:
        return None
    return (timestamp(ended_at) - timestamp(started)).total_seconds()


def perplexity(loss: float) -> float:
    """Per token of the model's own tokenizer: e to the mean cross-entropy that a job logs, in nats.

    Infinite where no float can hold it.
    """
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def timestamp(written: str) -> datetime:
    """One of Azure's timestamps."""
    # Azure writes seven digits of a second; Python reads three or six.
    head, dot, tail = written.partition(".")
    if not dot:
        return datetime.fromisoformat(written)
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return datetime.fromisoformat(f"{head}.{digits[:6].ljust(6, '0')}{tail[len(digits) :]}")


def _points(metric: Json) -> list[Point]:
    """Azure ML's metric rows: each has a step and its values by column; ours has one column."""
    name = text(metric, "name")
    points: list[Point] = []
    for row in items(metric, "value"):
        data = part(row, "data")
        value: object = data.get(name, next(iter(data.values()), None))
        if isinstance(value, int | float):
            points.append(Point(int(row.get("step") or 0), float(value)))
    return points
