"""A question to Azure Monitor, read: which metrics, when, how summed up, split by what."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.http.messages import Request
from emulator.services.insights.definitions import GRAINS, METRICS, NAMESPACE, Metric, find
from emulator.services.machinelearningservices.versions import PROVIDER

AGGREGATIONS = ("Total", "Average", "Minimum", "Maximum", "Count")
_MOST_POINTS = 50_000
_CLAUSE = re.compile(r"\s*([\w ]+?)\s+eq\s+'((?:[^']|'')*)'\s*(?:(and|or)\b|$)", re.IGNORECASE)


class BadQueryError(Exception):
    """A question that Azure Monitor doesn't answer, with why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for."""

    metrics: tuple[Metric, ...]
    start: float
    end: float
    interval: str
    """An ISO 8601 duration, or `FULL`."""
    aggregations: tuple[str, ...]
    """In Azure's own case; empty: each metric's own."""
    split: dict[str, frozenset[str]]
    """Dimensions with the values that are wanted; none for any."""
    top: int
    order: tuple[str, bool]
    """The aggregation that orders series, and whether the largest comes first."""
    metadata_only: bool

    @property
    def starts(self) -> list[float]:
        """Where each interval begins."""
        if self.interval == "FULL":
            return [self.start]
        grain = GRAINS[self.interval]
        first = int(self.start // grain)
        return [float(grain * step) for step in range(first, -int(-self.end // grain))]


def read(request: Request) -> Query:
    """The question in a call's parameters.

    Raises:
        BadQueryError: Something in it means nothing.
    """
    namespace = request.option("metricnamespace")
    if namespace and namespace.lower() != NAMESPACE.lower():
        raise BadQueryError(f"Failed to find metric namespace: {namespace}.")
    metrics = _metrics(request.option("metricnames"))
    start, end = _timespan(request)
    split = _filter(request.option("$filter"), metrics)
    query = Query(
        metrics=metrics,
        start=start,
        end=end,
        interval=_interval(request.option("interval", "PT1M")),
        aggregations=_aggregations(request.option("aggregation"), metrics),
        split=split,
        top=_top(request.option("top")) if split else 1,
        order=_order(request.option("orderby")),
        metadata_only=request.option("resultType").lower() == "metadata",
    )
    if query.interval != "FULL" and (end - start) / GRAINS[query.interval] > _MOST_POINTS:
        raise BadQueryError(f"The timespan has more than {_MOST_POINTS} intervals of the grain.")
    return query


def _metrics(names: str) -> tuple[Metric, ...]:
    if not names:
        return METRICS
    found: list[Metric] = []
    for name in names.split(","):
        metric = find(name.strip())
        if metric is None:
            raise BadQueryError(
                f"Failed to find metric configuration for provider: {PROVIDER}, resource Type: "
                f"workspaces/serverlessEndpoints, metric: {name}, Valid metrics: "
                f"{','.join(metric.name for metric in METRICS)}"
            )
        found.append(metric)
    return tuple(found)


def _timespan(request: Request) -> tuple[float, float]:
    written = request.option("timespan")
    if not written:
        now = request.cloud.clock.timestamp()
        return now - 3600, now
    try:
        start, end = (_moment(part) for part in written.split("/"))
    except ValueError:
        raise BadQueryError(
            f"The timespan '{written}' is not 'startDateTime_ISO/endDateTime_ISO'."
        ) from None
    if start >= end:
        raise BadQueryError(f"The timespan '{written}' ends before it begins.")
    return start, end


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _interval(written: str) -> str:
    interval = written.upper()
    if interval not in GRAINS and interval != "FULL":
        raise BadQueryError(
            f"Invalid time grain '{written}'. Supported: {', '.join(GRAINS)}, FULL."
        )
    return interval


def _aggregations(written: str, metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    known = {name.lower(): name for name in AGGREGATIONS}
    asked: list[str] = []
    for name in filter(None, written.split(",")):
        aggregation = known.get(name.strip().lower())
        if aggregation is None:
            raise BadQueryError(
                f"The aggregation '{name}' is not one of {', '.join(AGGREGATIONS)}."
            )
        asked.append(aggregation)
    for metric in metrics:
        if asked and not set(asked) & set(metric.aggregations):
            raise BadQueryError(
                f"Metric {metric.name} supports the aggregations "
                f"{', '.join(metric.aggregations)}, not {', '.join(asked)}."
            )
    return tuple(asked)


def _filter(written: str, metrics: tuple[Metric, ...]) -> dict[str, frozenset[str]]:
    """`A eq 'a1' or A eq 'a2' and B eq '*'`: `or` stays within one dimension, as Azure has it."""
    if not written.strip():
        return {}
    known = {name.lower(): name for name in metrics[0].dimensions}
    for metric in metrics[1:]:
        known = {key: name for key, name in known.items() if name in metric.dimensions}
    values: dict[str, set[str]] = {}
    place, joined, before = 0, "and", ""
    while place < len(written):
        match = _CLAUSE.match(written, place)
        if match is None or (match.end() < len(written) and not match[3]):
            raise BadQueryError(f"The filter can't be read from here on: {written[place:]}")
        name = known.get(match[1].lower())
        if name is None:
            raise BadQueryError(
                f"The dimension '{match[1]}' is not one of all metrics asked for. Valid: "
                f"{', '.join(known.values())}."
            )
        if (joined == "or") != (name == before) and before:
            raise BadQueryError("'or' joins values of one dimension, 'and' different dimensions.")
        values.setdefault(name, set()).add(match[2].replace("''", "'"))
        joined, before, place = (match[3] or "").lower(), name, match.end()
    if joined:
        raise BadQueryError(f"The filter ends with '{joined}'.")
    return {name: frozenset() if "*" in held else frozenset(held) for name, held in values.items()}


def _top(written: str) -> int:
    if not written:
        return 10
    if not written.isdecimal() or not int(written):
        raise BadQueryError(f"top '{written}' is not a positive number.")
    return int(written)


def _order(written: str) -> tuple[str, bool]:
    words = written.lower().split()
    known = {name.lower(): name for name in AGGREGATIONS} | {"sum": "Total"}
    if not words:
        return "", False
    if words[0] not in known or words[1:] not in ([], ["asc"], ["desc"]):
        raise BadQueryError(f"orderby '{written}' is not an aggregation with asc or desc.")
    return known[words[0]], words[1:] == ["desc"]
