"""What an endpoint was asked in a time, as Azure Monitor knows it: calls, tokens, times, refusals.

A number that Azure doesn't tell is None, never 0.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from jobs.errors import AccessDeniedError, NotFoundError, RefusedError
from jobs.foundry import metrics
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.history import timestamp
from jobs.foundry.metrics import HOURLY, Definition, Series
from jobs.foundry.session import Session

ROLE = "'Monitoring Reader' on the resource group"
"""What it takes to read metrics; Azure AI Developer may not."""

CALLS, LATENCY, REFUSALS = "ModelRequests", "TimeToResponse", "RAIRejectedRequests"
READ, WRITTEN = "InputTokens", "OutputTokens"
METRICS = (CALLS, READ, WRITTEN, LATENCY, REFUSALS)
"""In the words that Azure Monitor has for models."""

_MILLISECONDS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What became of the questions of a time."""

    start: datetime
    end: datetime
    calls: int | None = None
    statuses: Mapping[str, int] | None = None
    """Calls by HTTP status; None where Azure doesn't split them."""
    tokens: tuple[int, int] | None = None
    """Read and written."""
    seconds: tuple[float, float] | None = None
    """Until an answer begins: on average, and at most; None where nothing was answered, too."""
    refused: Mapping[str, int] | None = None
    """What the content filter refused, prompts and answers, by the harm it saw."""
    refused_prompts: int = 0
    """How many of them are calls that ended with status 400 for it."""
    idle_hours: float | None = None
    """Without a single call."""
    untold: tuple[str, ...] = ()
    """Metrics that Azure Monitor doesn't have of this endpoint."""
    unread: str = ""
    """Why nothing could be read; empty where it could."""

    @property
    def hours(self) -> float:
        """How long the time was."""
        return (self.end - self.start).total_seconds() / 3600

    @property
    def errors(self) -> Mapping[str, int] | None:
        """Calls that failed by status, without what the filter refused."""
        if self.statuses is None:
            return None
        failed = Counter({s: n for s, n in self.statuses.items() if not s.startswith("2")})
        failed["400"] -= self.refused_prompts
        return {status: count for status, count in sorted(failed.items()) if count > 0}


def now(session: Session) -> datetime:
    """Azure's own time, once it has answered; this machine's before."""
    return session.arm.now or datetime.now(tz=UTC)


def made(endpoint: Endpoint) -> datetime | None:
    """Since when the endpoint is there; None where Azure doesn't say."""
    try:
        moment = timestamp(endpoint.created)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def look(session: Session, endpoint: Endpoint, start: datetime, end: datetime) -> Traffic:
    """What an endpoint was asked from one moment until another."""
    usage = Traffic(start=start, end=end)
    # The minute that runs is asked for too: Azure's clock says whole seconds only.
    until = end + timedelta(minutes=1)
    try:
        known = metrics.definitions(session, endpoint.id)
        asked = _Asked(session, endpoint.id, start, until, known)
        return _read(asked, usage)
    except AccessDeniedError:
        return replace(usage, unread=f"you may not read metrics; it takes {ROLE}")
    except (NotFoundError, RefusedError) as error:
        return replace(usage, unread=f"Azure Monitor has none of it: {error.message}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A time of a resource, to ask Azure Monitor about."""

    session: Session
    resource: str
    start: datetime
    until: datetime
    known: Mapping[str, Definition]

    def __call__(
        self,
        metric: str,
        *,
        aggregation: str = "Total",
        interval: str = metrics.WHOLE,
        split: Sequence[str] = (),
    ) -> list[Series] | None:
        """The numbers; None where Azure Monitor has no such metric, or can't split it so."""
        known = self.known.get(metric)
        if known is None or not set(split) <= known.dimensions:
            return None
        return metrics.series(
            self.session,
            self.resource,
            metric,
            self.start,
            self.until,
            aggregation=aggregation,
            interval=interval,
            split=tuple(split),
        )


def _read(asked: _Asked, usage: Traffic) -> Traffic:
    hourly = asked(CALLS, interval=HOURLY)
    statuses = asked(CALLS, split=("StatusCode",))
    reads, writes = asked(READ), asked(WRITTEN)
    refusals = asked(REFUSALS, split=("TextType", "Category"))
    return replace(
        usage,
        calls=None if hourly is None else _total(hourly),
        statuses=None if statuses is None else _by(statuses, "statuscode"),
        tokens=None if reads is None or writes is None else (_total(reads), _total(writes)),
        seconds=_seconds(asked),
        refused=None if refusals is None else _by(refusals, "category"),
        refused_prompts=_by(refusals or (), "texttype").get("Prompt", 0),
        idle_hours=None if hourly is None else _idle(hourly, usage.start, usage.end),
        untold=tuple(name for name in METRICS if name not in asked.known),
    )


def _total(series: Sequence[Series]) -> int:
    return round(sum(one.total for one in series))


def _by(series: Sequence[Series], label: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in series:
        counts[one.labels.get(label, "")] += round(one.total)
    return {name: count for name, count in counts.most_common() if count}


def _seconds(asked: _Asked) -> tuple[float, float] | None:
    mean, most = (
        [value for one in asked(LATENCY, aggregation=how) or () for _, value in one.points]
        for how in ("Average", "Maximum")
    )
    return (mean[0] / _MILLISECONDS, max(most) / _MILLISECONDS) if mean and most else None


def _idle(hourly: Sequence[Series], start: datetime, end: datetime) -> float:
    """Hours of the time in which nobody asked; the clock's hours, cut at both ends."""
    busy = {moment for one in hourly for moment, calls in one.points if calls}
    hour = timedelta(hours=1)
    asked = sum(
        (max(timedelta(), min(moment + hour, end) - max(moment, start)) for moment in busy),
        timedelta(),
    )
    return max(0.0, (end - start - asked).total_seconds() / 3600)
