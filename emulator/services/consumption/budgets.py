"""Budgets: checked and kept. Nothing is spent here, so no alert is ever sent."""

import re
from datetime import datetime
from typing import cast

from emulator.arm.types import Change, Delete, Put, ResourceType
from emulator.state.errors import AzureError, bad_request
from emulator.state.ids import RESOURCE_GROUP, SUBSCRIPTION
from emulator.state.json_text import Json, as_object

BUDGET = "Microsoft.Consumption/budgets"
API_VERSIONS = ("2023-05-01", "2023-11-01", "2024-08-01")
MOST_NOTIFICATIONS = 5
MOST_EMAILS = 50
_GRAINS = (
    "Monthly", "Quarterly", "Annually", "BillingMonth", "BillingQuarter", "BillingAnnual",
)  # fmt: skip
_OPERATORS = ("EqualTo", "GreaterThan", "GreaterThanOrEqualTo")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _validate(change: Change) -> None:
    properties = change.properties
    scope = change.id.parent.type.lower() if change.id.parent else ""
    if scope not in (SUBSCRIPTION.lower(), RESOURCE_GROUP.lower()):
        raise bad_request("A budget's scope is a subscription or a resource group.")
    if properties.get("category") != "Cost":
        raise _refused(f"The category must be Cost, not '{properties.get('category')}'.")
    if properties.get("timeGrain") not in _GRAINS:
        raise _refused(f"The timeGrain must be one of {', '.join(_GRAINS)}.")
    amount = properties.get("amount")
    if not isinstance(amount, int | float) or isinstance(amount, bool) or amount <= 0:
        raise _refused("The amount must be a number above 0.")
    _check_period(as_object(properties.get("timePeriod"), "properties.timePeriod"))
    notifications = as_object(properties.get("notifications") or {}, "properties.notifications")
    if len(notifications) > MOST_NOTIFICATIONS:
        raise _refused(f"A budget has at most {MOST_NOTIFICATIONS} notifications.")
    for name in notifications:
        _check_notification(name, as_object(notifications[name], f"notifications.{name}"))


def _check_period(period: Json) -> None:
    start = _date(period.get("startDate"), "startDate")
    if start.day != 1:
        raise _refused("The start date must be the first day of a month.")
    if period.get("endDate") and _date(period["endDate"], "endDate") <= start:
        raise _refused("The end date must be after the start date.")


def _date(value: object, name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise _refused(f"The {name} '{value}' is no date.") from error


def _check_notification(name: str, notification: Json) -> None:
    threshold = notification.get("threshold")
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1000:
        raise _refused(f"The threshold of '{name}' must lie between 0 and 1000 percent.")
    if notification.get("operator") not in _OPERATORS:
        raise _refused(f"The operator of '{name}' must be one of {', '.join(_OPERATORS)}.")
    if notification.get("thresholdType", "Actual") not in ("Actual", "Forecasted"):
        raise _refused(f"The thresholdType of '{name}' must be Actual or Forecasted.")
    emails = cast("list[object]", notification.get("contactEmails") or [])
    if not emails and not notification.get("contactGroups"):
        raise _refused(f"The notification '{name}' has neither a contact email nor a group.")
    wrong = [email for email in emails if not _EMAIL.fullmatch(str(email))]
    if wrong or len(emails) > MOST_EMAILS:
        raise _refused(f"The contact emails of '{name}' must be up to {MOST_EMAILS} addresses.")


def _defaults(change: Change) -> None:
    period: Json = change.properties["timePeriod"]
    if not period.get("endDate"):
        start = _date(period["startDate"], "startDate")
        period["endDate"] = start.replace(year=start.year + 10).strftime("%Y-%m-%dT00:00:00Z")
    notifications: dict[str, Json] = change.properties.get("notifications") or {}
    for notification in notifications.values():
        notification.setdefault("thresholdType", "Actual")
    change.properties["currentSpend"] = {"amount": 0.0, "unit": "USD"}


def _refused(message: str) -> AzureError:
    return AzureError(400, "400", message)


TYPES = (
    ResourceType(
        name=BUDGET,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200),
        delete=Delete(deleted=200, absent=404),
        provisioning_state=False,
        name_pattern=r"[\w-]{1,63}",
        read_only=("currentSpend", "forecastSpend"),
        validate=_validate,
        defaults=_defaults,
    ),
)
