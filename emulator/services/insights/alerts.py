"""Action groups, metric alerts, activity log alerts. Checked and kept; nothing ever fires.

Azure's documents say the rules; the words of the refusals are ours.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.services.cognitiveservices.accounts import ACCOUNT
from emulator.state.errors import bad_request
from emulator.state.ids import parse_id
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

ACTION_GROUP = "Microsoft.Insights/actionGroups"
METRIC_ALERT = "Microsoft.Insights/metricAlerts"
ACTIVITY_ALERT = "Microsoft.Insights/activityLogAlerts"

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MINUTES = {
    "PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720,
    "P1D": 1440,
}  # fmt: skip
_LONGEST_PAUSE = 60  # minutes between two evaluations
_OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
_SINGLE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
_MOST_CRITERIA = 5
_PLACES = ("global", "westeurope", "northeurope")
_CATEGORIES = (
    "Administrative", "ServiceHealth", "ResourceHealth", "Alert", "Autoscale", "Security",
    "Recommendation", "Policy",
)  # fmt: skip

# Of the metrics that Azure publishes for models behind an AI Services account, those that foundry
# work may want to be told of: how they add up, and what they are split by. Azure publishes none for
# serverless endpoints (its reference of supported metrics knows workspaces, online endpoints and
# their deployments), so no rule can be on one.
_SPLIT = ("ApiName", "Region", "ModelDeploymentName", "ModelName", "ModelVersion")
_MEASURED = ("Average", "Minimum", "Maximum")
METRICS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ModelRequests": (("Total",), (*_SPLIT, "OperationName", "StreamType", "StatusCode")),
    "ModelAvailabilityRate": (_MEASURED, _SPLIT[1:]),
    "InputTokens": (("Total",), _SPLIT),
    "OutputTokens": (("Total",), _SPLIT),
    "TotalTokens": (("Total",), _SPLIT),
    "TimeToLastByte": (_MEASURED, (*_SPLIT, "OperationName", "StreamType")),
    "TimeToResponse": (_MEASURED, (*_SPLIT, "OperationName", "StreamType", "StatusCode")),
    "RAITotalRequests": (("Total",), _SPLIT),
    "RAIRejectedRequests": (("Total",), (*_SPLIT, "TextType", "Category")),
    "RAIHarmfulRequests": (("Total",), (*_SPLIT, "TextType", "Category", "Severity")),
}


def _validate_group(change: Change) -> None:
    properties = change.properties
    _require_place(change, ("global", "swedencentral", "germanywestcentral"))
    if not 1 <= len(str(properties.get("groupShortName") or "")) <= 12:
        raise bad_request("The groupShortName must have 1 to 12 characters.")
    for name in properties:
        if name.endswith("Receivers") and name != "emailReceivers" and properties[name]:
            raise bad_request(f"foundry-emulator knows emailReceivers, not {name}.")
    receivers = _rows(properties, "emailReceivers")
    names = [str(receiver.get("name") or "") for receiver in receivers]
    if not all(names) or len(set(names)) < len(names):
        raise bad_request("Each receiver needs a name of its own.")
    for receiver in receivers:
        if not _EMAIL.fullmatch(str(receiver.get("emailAddress") or "")):
            raise bad_request(f"'{receiver.get('emailAddress')}' is not an email address.")
        receiver.setdefault("useCommonAlertSchema", False)
        receiver["status"] = "Enabled"


def _group_defaults(change: Change) -> None:
    change.properties.setdefault("enabled", True)


def _validate_metric_alert(change: Change) -> None:
    properties = change.properties
    _require_place(change, ("global",))
    severity = properties.get("severity")
    if not isinstance(severity, int) or isinstance(severity, bool) or not 0 <= severity <= 4:
        raise bad_request(f"The severity must be a number from 0 to 4, not {severity!r}.")
    if not isinstance(properties.get("enabled"), bool):
        raise bad_request("The property 'enabled' is required.")
    pause, window = properties.get("evaluationFrequency"), properties.get("windowSize")
    if _MINUTES.get(str(pause), 9999) > _LONGEST_PAUSE:
        raise bad_request(f"The evaluationFrequency '{pause}' is not one that Azure knows.")
    if _MINUTES.get(str(window), 0) < _MINUTES[str(pause)]:
        raise bad_request(f"The windowSize '{window}' isn't one, or less than a frequency {pause}.")
    scopes = _scopes(change)
    if len(scopes) != 1 or scopes[0].type.lower() != ACCOUNT.lower():
        raise bad_request(
            f"foundry-emulator knows metric alerts on one resource of {ACCOUNT}: Azure publishes "
            f"no metrics of {scopes[0].type} that it emulates."
        )
    criteria = as_object(properties.get("criteria"), "properties.criteria")
    if criteria.get("odata.type") != _SINGLE:
        raise bad_request(f"foundry-emulator knows criteria of {_SINGLE} only.")
    rows = _rows(criteria, "allOf")
    names = {str(row.get("name") or "") for row in rows}
    if not 1 <= len(rows) <= _MOST_CRITERIA or len(names) < len(rows):
        raise bad_request(f"There are 1 to {_MOST_CRITERIA} criteria, each with its own name.")
    for row in rows:
        _check_criterion(row)
    _check_actions(change, _rows(properties, "actions"))


def _check_criterion(row: Json) -> None:
    if row.get("criterionType") != "StaticThresholdCriterion":
        raise bad_request("foundry-emulator knows criteria of type StaticThresholdCriterion only.")
    if str(row.get("metricNamespace") or ACCOUNT).lower() != ACCOUNT.lower():
        raise bad_request(f"The metric namespace '{row['metricNamespace']}' is not the resource's.")
    name = str(row.get("metricName"))
    if name not in METRICS:
        raise bad_request(
            f"Couldn't find a metric named {name}. Make sure the name is correct, and if it's a "
            "custom metric, that it's emitted. Activity ID: 0."
        )
    aggregations, dimensions = METRICS[name]
    if row.get("timeAggregation") not in aggregations:
        listed = ", ".join(aggregations)
        raise bad_request(f"{name} is aggregated by {listed}, not {row.get('timeAggregation')!r}.")
    if row.get("operator") not in _OPERATORS:
        raise bad_request(f"The operator must be one of {', '.join(_OPERATORS)}.")
    if not isinstance(row.get("threshold"), int | float):
        raise bad_request("The threshold must be a number.")
    for dimension in _rows(row, "dimensions"):
        if dimension.get("name") not in dimensions:
            listed = ", ".join(dimensions)
            raise bad_request(f"{name} has no dimension {dimension.get('name')!r}, but {listed}.")
        if dimension.get("operator") not in ("Include", "Exclude") or not dimension.get("values"):
            raise bad_request("A dimension is included or excluded by some of its values.")


def _metric_alert_defaults(change: Change) -> None:
    change.properties.setdefault("autoMitigate", True)
    change.properties.setdefault("actions", [])
    for row in _rows(as_object(change.properties["criteria"], "criteria"), "allOf"):
        row.setdefault("dimensions", [])


def _validate_activity_alert(change: Change) -> None:
    properties = change.properties
    _require_place(change, _PLACES)
    _scopes(change)
    condition = as_object(properties.get("condition"), "properties.condition")
    leaves: list[Json] = []
    for row in _rows(condition, "allOf"):
        if row.get("anyOf"):
            if row.keys() & {"field", "equals", "containsAny"}:
                raise bad_request("A condition with anyOf has nothing else.")
            leaves += _rows(row, "anyOf")
        else:
            leaves.append(row)
    for leaf in leaves:
        if not leaf.get("field") or bool(leaf.get("equals")) == bool(leaf.get("containsAny")):
            raise bad_request("A condition has a field, and either equals or containsAny.")
    categories = [leaf.get("equals") for leaf in leaves if leaf["field"] == "category"]
    if len(categories) != 1 or categories[0] not in _CATEGORIES:
        raise bad_request(f"One condition names the category: {', '.join(_CATEGORIES)}.")
    actions = as_object(properties.get("actions"), "properties.actions")
    _check_actions(change, _rows(actions, "actionGroups"))


def _activity_alert_defaults(change: Change) -> None:
    change.properties.setdefault("enabled", True)


def _require_place(change: Change, places: Sequence[str]) -> None:
    place = str(change.body.get("location") or "").replace(" ", "").lower()
    if place not in places:
        raise bad_request(
            f"The provided location '{change.body.get('location')}' is not available for resource "
            f"type. List of available regions for the resource type is '{','.join(places)}'.",
            "LocationNotAvailableForResourceType",
        )


def _scopes(change: Change) -> list[Resource]:
    scopes = cast("list[object]", change.properties.get("scopes") or [])
    found = [change.cloud.resources.get(parse_id(str(scope))) for scope in scopes]
    missing = [str(scope) for scope, one in zip(scopes, found, strict=True) if one is None]
    if not scopes or missing:
        named = ", ".join(missing) or "none"
        raise bad_request(f"A rule has scopes that are there; not so: {named}.", "ResourceNotFound")
    return [one for one in found if one is not None]


def _check_actions(change: Change, actions: Sequence[Json]) -> None:
    for action in actions:
        id = str(action.get("actionGroupId", ""))
        found = change.cloud.resources.get(parse_id(id))
        if found is None or found.type.lower() != ACTION_GROUP.lower():
            raise bad_request(f"The action group '{id}' doesn't exist.")


def _rows(holder: Json, name: str) -> list[Json]:
    rows: object = holder.get(name) or []
    if not isinstance(rows, list):
        raise bad_request(f"{name} must be a list.")
    listed = cast("list[object]", rows)
    return [as_object(row, f"{name}[{index}]") for index, row in enumerate(listed)]


_NAME = r"[^*#&+:<>?@%{}\\/|]{1,260}"
TYPES = (
    ResourceType(
        name=ACTION_GROUP,
        api_versions=(
            "2019-06-01", "2021-09-01", "2022-06-01", "2023-01-01", "2023-09-01-preview",
            "2024-10-01-preview",
        ),
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        name_pattern=_NAME,
        validate=_validate_group,
        defaults=_group_defaults,
    ),
    ResourceType(
        name=METRIC_ALERT,
        api_versions=("2018-03-01",),
        put=Put(created=200, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        name_pattern=_NAME,
        validate=_validate_metric_alert,
        defaults=_metric_alert_defaults,
    ),
    ResourceType(
        name=ACTIVITY_ALERT,
        api_versions=("2017-04-01", "2020-10-01", "2023-01-01-preview"),
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        name_pattern=_NAME,
        validate=_validate_activity_alert,
        defaults=_activity_alert_defaults,
    ),
)  # fmt: skip
