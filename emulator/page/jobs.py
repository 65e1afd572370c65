"""Jobs: where each is, its curves as far as they are drawn yet, and the end of its log."""

from dataclasses import dataclass

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page import curve
from emulator.page.rendering import render
from emulator.page.resources import find
from emulator.services.machinelearningservices import artifacts, metrics
from emulator.services.machinelearningservices.lifecycle import TERMINAL
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

_JOBS = f"{WORKSPACES}/jobs"
_LOSSES = ("train_loss", "validation_loss")
_LOG_LINES = 200
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job in the list."""

    id: str
    name: str
    kind: str
    status: str
    created: float
    is_over: bool
    last: str
    spark: str


def listed(front: Front, request: Request) -> Response:
    """The newest jobs."""
    found = front.cloud.resources.of_type(_JOBS)
    rows = [_row(front.cloud, job) for job in reversed(found[-_MOST:])]
    more = max(0, len(found) - _MOST)
    return render(front, request, "jobs.html", {"jobs": rows, "more": more})


def one(front: Front, request: Request) -> Response:
    """One job: it is drawn anew each second until it is over."""
    cloud = front.cloud
    job = find(cloud, request, _JOBS)
    names = metrics.names(cloud, job.id.key)
    losses = [name for name in _LOSSES if name in names]
    drawn = [curve.draw("loss", {name: _points(cloud, job, name) for name in losses})]
    drawn = drawn if losses else []
    drawn += [
        curve.draw(name, {name: _points(cloud, job, name)}) for name in names if name not in losses
    ]
    log = artifacts.read_log(cloud, job).splitlines()
    return render(
        front,
        request,
        "job.html",
        {
            "job": _row(cloud, job),
            "began": job.private.get("startTime") or "",
            "ended": job.private.get("endTime") or "",
            "error": job.private.get("error") or {},
            "curves": drawn,
            "log": "\n".join(log[-_LOG_LINES:]),
            "lines": len(log),
            "shown": min(len(log), _LOG_LINES),
        },
    )


def _row(cloud: Cloud, job: Resource) -> Row:
    points = _points(cloud, job, _LOSSES[0])
    last = metrics.last(cloud, job.id.key)
    loss = next((value for value in last if value.name == _LOSSES[0]), None)
    told = loss or (last[0] if last else None)
    return Row(
        id=job.id.text,
        name=job.name,
        kind=str(job.properties["jobType"]),
        status=str(job.properties["status"]),
        created=job.created_at,
        is_over=job.properties["status"] in TERMINAL,
        last=f"{told.name} {told.value:.4g} at step {told.step}" if told else "",
        spark=curve.spark(points),
    )


def _points(cloud: Cloud, job: Resource, name: str) -> list[tuple[int, float]]:
    return [(value.step, value.value) for value in metrics.history(cloud, job.id.key, name)]
