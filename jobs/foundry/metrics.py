"""Azure Monitor's numbers of a resource: which ones there are, and what they were over a time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.errors import UnusableAnswerError
from jobs.foundry.answers import Json, items, text
from jobs.foundry.history import timestamp
from jobs.foundry.session import Session

API_VERSION = "2018-01-01"
"""Of Microsoft.Insights/metrics: the first with `FULL`, one number for a whole time."""

WHOLE = "FULL"
HOURLY = "PT1H"
RETENTION_DAYS = 93
"""How long Azure Monitor keeps a platform metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A metric that Azure Monitor has of a resource."""

    unit: str
    """`Count`, `MilliSeconds`, …"""
    dimensions: frozenset[str]
    """What it can be split by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The numbers of a metric, or of that part of it that the labels name."""

    labels: Mapping[str, str]
    """Dimension, in lower case, and value."""
    points: tuple[tuple[datetime, float], ...]
    """Where each interval begins, and its number; intervals without one are left out."""

    @property
    def total(self) -> float:
        """All points together."""
        return sum(value for _, value in self.points)


def definitions(session: Session, resource_id: str) -> dict[str, Definition]:
    """The metrics of a resource by name; none where Azure Monitor has none."""
    path = f"{resource_id}/providers/Microsoft.Insights/metricDefinitions"
    listed = session.arm.list(path, API_VERSION, "see which metrics Azure Monitor has")
    return {
        text(found, "name", "value"): Definition(
            unit=text(found, "unit"),
            dimensions=frozenset(text(one, "value") for one in items(found, "dimensions")),
        )
        for found in listed
    }


def series(
    session: Session,
    resource_id: str,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    aggregation: str = "Total",
    interval: str = WHOLE,
    split: tuple[str, ...] = (),
) -> list[Series]:
    """A metric's numbers from one moment until before another, by the dimensions of `split`."""
    query = {
        "metricnames": metric,
        "timespan": f"{_iso(start)}/{_iso(end)}",
        "interval": interval,
        "aggregation": aggregation,
    }
    if split:
        query["$filter"] = " and ".join(f"{name} eq '*'" for name in split)
        query["top"] = "100"
    found = session.arm.get(
        f"{resource_id}/providers/Microsoft.Insights/metrics",
        API_VERSION,
        f"read {metric} from Azure Monitor",
        **query,
    )
    return [
        Series(
            labels={
                text(label, "name", "value").lower(): text(label, "value")
                for label in items(one, "metadatavalues")
            },
            points=tuple(_points(one, aggregation.lower())),
        )
        for value in items(found, "value")
        for one in items(value, "timeseries")
    ]


def _points(one: Json, aggregation: str) -> list[tuple[datetime, float]]:
    points: list[tuple[datetime, float]] = []
    for point in items(one, "data"):
        value = point.get(aggregation)
        # Where nothing was measured Azure leaves the number out: that is no zero.
        if isinstance(value, int | float) and math.isfinite(value):
            points.append((_moment(text(point, "timeStamp")), float(value)))
    return points


def _moment(written: str) -> datetime:
    try:
        moment = timestamp(written)
    except ValueError:
        raise UnusableAnswerError(
            f"Azure Monitor sent a number of the time {written[:40]!r}, which is no time.",
            next_step="Run the same command again.",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
