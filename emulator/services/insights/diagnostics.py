"""Diagnostic settings of resources, and Application Insights. Kept and checked; nothing flows."""

import uuid
from collections.abc import Iterator, Mapping
from typing import cast

from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.services.operationalinsights.workspaces import WORKSPACE
from emulator.state.errors import AzureError, bad_request
from emulator.state.ids import parse_id
from emulator.state.json_text import Json, as_object

SETTING = "Microsoft.Insights/diagnosticSettings"
COMPONENT = "Microsoft.Insights/components"
MOST_SETTINGS = 5
_DESTINATIONS = (
    "workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId",
)  # fmt: skip
_GROUPS = ("allLogs", "audit")

# Whether a type has logs beside metrics; a type that isn't here has no diagnostic settings.
HAS_LOGS: Mapping[str, bool] = {
    "microsoft.machinelearningservices/workspaces": True,
    "microsoft.keyvault/vaults": True,
    "microsoft.cognitiveservices/accounts": True,
    # An account's logs are those of its services.
    "microsoft.storage/storageaccounts": False,
    "microsoft.storage/storageaccounts/blobservices": True,
}


def _validate_setting(change: Change) -> None:
    scope, properties = change.id.parent, change.properties
    type_name = scope.type if scope else ""
    if type_name.lower() not in HAS_LOGS:
        raise bad_request(
            f"The resource type '{type_name.lower()}' does not support diagnostic settings.",
            "ResourceTypeNotSupported",
        )
    if not any(properties.get(name) for name in _DESTINATIONS):
        raise bad_request("At least one data sink needs to be specified.")
    logs, metrics = list(_rows(properties, "logs")), list(_rows(properties, "metrics"))
    if not any(row.get("enabled") is True for row in (*logs, *metrics)):
        raise bad_request("At least one log or metric needs to be enabled.")
    if logs and not HAS_LOGS[type_name.lower()]:
        raise bad_request(f"Category group is not supported by '{type_name}': it has no logs.")
    for row in logs:
        if bool(row.get("category")) == bool(row.get("categoryGroup")):
            raise bad_request("A log has either a category or a categoryGroup.")
        if row.get("categoryGroup") and row["categoryGroup"] not in _GROUPS:
            raise bad_request(f"Category group '{row['categoryGroup']}' is not supported.")
    for row in metrics:
        if row.get("category") not in ("AllMetrics", "Transaction", "Capacity"):
            raise bad_request(f"Metric category '{row.get('category')}' is not supported.")
    if properties.get("workspaceId"):
        _require_workspace(change, "workspaceId")
    _refuse_twins(change)


def _rows(properties: Json, name: str) -> Iterator[Json]:
    rows: object = properties.get(name) or []
    if not isinstance(rows, list):
        raise bad_request(f"properties.{name} must be a list.")
    for index, row in enumerate(cast("list[object]", rows)):
        yield as_object(row, f"properties.{name}[{index}]")


def _refuse_twins(change: Change) -> None:
    """At most five on a resource, and no two of them to one destination."""
    assert change.id.parent is not None
    others = [
        each
        for each in change.cloud.resources.children(change.id.parent, SETTING)
        if each.id.key != change.id.key
    ]
    if len(others) >= MOST_SETTINGS:
        raise AzureError(409, "Conflict", f"A resource has at most {MOST_SETTINGS} settings.")
    for other in others:
        for name in _DESTINATIONS:
            mine = str(change.properties.get(name) or "").lower()
            if mine and mine == str(other.properties.get(name) or "").lower():
                raise AzureError(
                    409,
                    "Conflict",
                    f"Data sink '{change.properties[name]}' is already used in diagnostic setting "
                    f"'{other.name}' for category 'allLogs'. Data sinks can't be reused in "
                    "different settings on the same category for the same resource.",
                )


def _require_workspace(change: Change, name: str) -> None:
    id = parse_id(str(change.properties[name]))
    found = change.cloud.resources.get(id)
    if found is None or found.type.lower() != WORKSPACE.lower():
        raise AzureError(
            404, "ResourceNotFound", f"The Log Analytics workspace '{id.text}' was not found."
        )


def _setting_defaults(change: Change) -> None:
    for name in ("logs", "metrics"):
        change.properties.setdefault(name, [])


def _validate_component(change: Change) -> None:
    if not change.body.get("kind"):
        raise bad_request("The property 'kind' is required.")
    if not change.properties.get("WorkspaceResourceId"):
        raise bad_request(
            "Classic Application Insights are retired: set WorkspaceResourceId to the id of a Log "
            "Analytics workspace."
        )
    _require_workspace(change, "WorkspaceResourceId")


def _component_defaults(change: Change) -> None:
    properties = change.properties
    key = str(properties.get("InstrumentationKey") or uuid.uuid4())
    app = str(properties.get("AppId") or uuid.uuid4())
    region = change.body["location"]
    defaults: Json = {
        "Application_Type": "web",
        "RetentionInDays": 90,
        "IngestionMode": "LogAnalytics",
        "DisableLocalAuth": False,
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
    }
    for name, value in defaults.items():
        properties.setdefault(name, value)
    properties |= {
        "ApplicationId": change.id.name,
        "AppId": app,
        "InstrumentationKey": key,
        "ConnectionString": f"InstrumentationKey={key};"
        f"IngestionEndpoint=https://{region}-0.in.applicationinsights.azure.com/;"
        f"ApplicationId={app}",
        "TenantId": change.id.subscription,
    }


TYPES = (
    ResourceType(
        name=SETTING,
        api_versions=("2021-05-01-preview",),
        put=Put(created=200, updated=200),
        delete=Delete(deleted=200, absent=204),
        provisioning_state=False,
        name_pattern=r"[^<>%&\\?/]{1,260}",
        validate=_validate_setting,
        defaults=_setting_defaults,
    ),
    ResourceType(
        name=COMPONENT,
        api_versions=("2015-05-01", "2020-02-02-preview", "2020-02-02"),
        put=Put(created=200, updated=200),
        delete=Delete(deleted=200, absent=204),
        located=True,
        read_only=("InstrumentationKey", "AppId"),
        name_pattern=r"[\w().-]{0,254}[\w()-]",
        validate=_validate_component,
        defaults=_component_defaults,
    ),
)
