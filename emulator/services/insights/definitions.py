"""Which metrics an endpoint has, and what each call adds to them.

Names, units, aggregations and dimensions are those that Azure Monitor publishes for models behind
an AI Services account (Microsoft.CognitiveServices/accounts, "Models" and "Risks & Safety"; Azure's
supported-metrics reference). No page says which of them a serverless endpoint has.
"""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.services.inference.calls import Call
from emulator.services.machinelearningservices.deployed import ENDPOINTS
from emulator.state.json_text import Json
from emulator.state.store import Resource

NAMESPACE = ENDPOINTS
GRAINS = {
    "PT1M": 60, "PT5M": 300, "PT15M": 900, "PT30M": 1800, "PT1H": 3600, "PT6H": 21_600,
    "PT12H": 43_200, "P1D": 86_400,
}  # fmt: skip
"""The intervals by their ISO 8601 duration, in seconds."""
RETENTION_DAYS = 93

DIMENSIONS: dict[str, Callable[[Resource, Call], str]] = {
    "Region": lambda endpoint, _: endpoint.location,
    "ModelDeploymentName": lambda endpoint, _: endpoint.name,
    "ModelName": lambda _, call: call.model,
    "ModelVersion": lambda _, call: call.version,
    "StreamType": lambda _, call: "Streaming" if call.streamed else "Non-Streaming",
    "StatusCode": lambda _, call: str(call.status),
    "TextType": lambda _, call: call.rejected,
    "Category": lambda _, call: call.category,
}
"""What series can be split by, with a call's value."""

_MODEL = ("Region", "ModelDeploymentName", "ModelName", "ModelVersion")
_COUNTED = ("Total",)
_MEASURED = ("Average", "Minimum", "Maximum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; `sample` is what a call adds to it, None for nothing."""

    name: str
    title: str
    unit: str
    aggregations: tuple[str, ...]
    """The first is the metric's own."""
    dimensions: tuple[str, ...]
    sample: Callable[[Call], float | None]


def _tokens(call: Call) -> float | None:
    return None if call.milliseconds is None else call.input_tokens + call.output_tokens


METRICS = (
    Metric(
        name="ModelRequests",
        title="Model Requests",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=(*_MODEL, "StreamType", "StatusCode"),
        sample=lambda _: 1,
    ),
    Metric(
        name="ModelAvailabilityRate",
        title="Model Availability Rate",
        unit="Percent",
        aggregations=_MEASURED,
        dimensions=_MODEL,
        sample=lambda call: 0 if call.status >= 500 else 100,
    ),
    Metric(
        name="InputTokens",
        title="Input Tokens",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=_MODEL,
        sample=lambda call: None if call.milliseconds is None else call.input_tokens,
    ),
    Metric(
        name="OutputTokens",
        title="Output Tokens",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=_MODEL,
        sample=lambda call: None if call.milliseconds is None else call.output_tokens,
    ),
    Metric(
        name="TotalTokens",
        title="Total Tokens",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=_MODEL,
        sample=_tokens,
    ),
    Metric(
        name="TimeToResponse",
        title="Time to Response",
        unit="MilliSeconds",
        aggregations=_MEASURED,
        dimensions=(*_MODEL, "StreamType", "StatusCode"),
        sample=lambda call: call.milliseconds,
    ),
    Metric(
        name="RAITotalRequests",
        title="Total Volume Sent For Safety Check",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=_MODEL,
        sample=lambda call: 1 if call.is_checked else None,
    ),
    Metric(
        name="RAIRejectedRequests",
        title="Blocked Volume",
        unit="Count",
        aggregations=_COUNTED,
        dimensions=(*_MODEL, "TextType", "Category"),
        sample=lambda call: 1 if call.rejected else None,
    ),
)


def find(name: str) -> Metric | None:
    """A metric by its name, whatever the case."""
    return next((metric for metric in METRICS if metric.name.lower() == name.lower()), None)


def shown(endpoint: Resource, metric: Metric) -> Json:
    """A metric's definition as Azure Monitor lists it."""
    return {
        "id": f"{endpoint.id.text}/providers/microsoft.insights/metricdefinitions/{metric.name}",
        "resourceId": endpoint.id.text,
        "namespace": NAMESPACE,
        "name": {"value": metric.name, "localizedValue": metric.title},
        "displayDescription": f"{metric.title} of foundry-emulator, computed from what was asked.",
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": metric.aggregations[0],
        "supportedAggregationTypes": list(metric.aggregations),
        "metricAvailabilities": [
            {"timeGrain": grain, "retention": f"P{RETENTION_DAYS}D"} for grain in GRAINS
        ],
        "dimensions": [{"value": name, "localizedValue": name} for name in metric.dimensions],
    }
