"""`{endpoint}/providers/Microsoft.Insights/metrics`: the calls of an endpoint, summed up.

Shapes: Azure's specification of Microsoft.Insights, 2018-01-01 (`metrics_API.json`,
`metricDefinitions_API.json`), whose errors are bare, without ARM's envelope.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from emulator.arm.resources import require_resource
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.inference import calls
from emulator.services.inference.calls import Call
from emulator.services.insights import definitions
from emulator.services.insights.definitions import DIMENSIONS, METRICS, NAMESPACE, Metric
from emulator.services.insights.query import BadQueryError, Query, read
from emulator.state.ids import parse_id
from emulator.state.json_text import Json
from emulator.state.store import Resource

API_VERSIONS = ("2018-01-01", "2019-07-01", "2021-05-01", "2023-10-01", "2024-02-01")
_ENDPOINT = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers"
    "/Microsoft.MachineLearningServices/workspaces/{workspace}/serverlessEndpoints/{endpoint}"
)

Labels = tuple[str, ...]
Sample = tuple[float, float]
"""A moment and a value."""


def list_metrics(request: Request) -> Response:
    """GET …/metrics."""
    endpoint = _endpoint(request)
    try:
        query = read(request)
    except BadQueryError as error:
        return Response.json({"code": "BadRequest", "message": str(error)}, 400)
    asked = calls.between(request.cloud, endpoint, query.start, query.end)
    answer: Json = {
        "cost": 0,
        "timespan": f"{_iso(query.start)}/{_iso(query.end)}",
        "interval": query.interval,
        "namespace": NAMESPACE,
        "resourceregion": endpoint.location,
        "value": [_metric(endpoint, metric, query, asked) for metric in query.metrics],
    }
    if query.metadata_only:
        del answer["interval"]
    return Response.json(answer)


def list_definitions(request: Request) -> Response:
    """GET …/metricDefinitions."""
    endpoint = _endpoint(request)
    return Response.json({"value": [definitions.shown(endpoint, metric) for metric in METRICS]})


def _endpoint(request: Request) -> Resource:
    return require_resource(request.cloud, parse_id(_ENDPOINT.format(**request.parameters)))


def _metric(endpoint: Resource, metric: Metric, query: Query, asked: Sequence[Call]) -> Json:
    series = _series(endpoint, metric, query, asked)
    return {
        "id": f"{endpoint.id.text}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.title},
        "displayDescription": f"{metric.title} of foundry-emulator, computed from what was asked.",
        "unit": metric.unit,
        "timeseries": [
            {"metadatavalues": _labels(query, labels)}
            | ({} if query.metadata_only else {"data": _points(metric, query, samples)})
            for labels, samples in series
        ],
        "errorCode": "Success",
    }


def _series(
    endpoint: Resource, metric: Metric, query: Query, asked: Sequence[Call]
) -> list[tuple[Labels, list[Sample]]]:
    """The samples of a metric by the dimensions that split it; one series where none does."""
    found: dict[Labels, list[Sample]] = defaultdict(list)
    if not query.split:
        found[()] = []
    for call in asked:
        value = metric.sample(call)
        labels = tuple(DIMENSIONS[name](endpoint, call) for name in query.split)
        wanted = zip(labels, query.split.values(), strict=True)
        if value is not None and all(not held or label in held for label, held in wanted):
            found[labels].append((call.asked_at, value))
    by, descending = query.order
    series = sorted(found.items())
    if by:
        series.sort(key=lambda item: _sum_up(by, item[1]) or 0.0, reverse=descending)
    return series[: query.top]


def _points(metric: Metric, query: Query, samples: Sequence[Sample]) -> list[Json]:
    starts = query.starts
    grain = definitions.GRAINS.get(query.interval, query.end - query.start)
    held: dict[int, list[Sample]] = defaultdict(list)
    for moment, value in samples:
        held[int((moment - starts[0]) // grain)].append((moment, value))
    wanted = [name for name in query.aggregations if name in metric.aggregations]
    names = wanted or metric.aggregations[:1]
    points: list[Json] = []
    for index, start in enumerate(starts):
        values = {name.lower(): _sum_up(name, held.get(index, [])) for name in names}
        said = {name: value for name, value in values.items() if value is not None}
        points.append({"timeStamp": _iso(start), **said})
    return points


def _sum_up(aggregation: str, samples: Sequence[Sample]) -> float | None:
    """One number of many; the average, least and most of nothing are not said."""
    values = [value for _, value in samples]
    if aggregation == "Count":
        return float(len(values))
    if aggregation == "Total":
        return float(sum(values))
    if not values:
        return None
    if aggregation == "Average":
        return sum(values) / len(values)
    return min(values) if aggregation == "Minimum" else max(values)


def _labels(query: Query, labels: Labels) -> list[Json]:
    return [
        {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": label}
        for name, label in zip(query.split, labels, strict=True)
    ]


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


METRIC_ROUTES = (
    Route(
        "GET",
        f"{_ENDPOINT}/providers/Microsoft.Insights/metrics",
        list_metrics,
        operation="Microsoft.Insights/metrics/read",
        scope=_ENDPOINT,
        api_versions=API_VERSIONS,
    ),
    Route(
        "GET",
        f"{_ENDPOINT}/providers/Microsoft.Insights/metricDefinitions",
        list_definitions,
        operation="Microsoft.Insights/metricDefinitions/read",
        scope=_ENDPOINT,
        api_versions=API_VERSIONS,
    ),
)
