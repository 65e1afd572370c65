"""Log Analytics workspaces: what diagnostic settings and Application Insights write to."""

import uuid

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType
from emulator.state.errors import bad_request
from emulator.state.json_text import Json, as_object

WORKSPACE = "Microsoft.OperationalInsights/workspaces"
API_VERSIONS = (
    "2020-08-01", "2020-10-01", "2021-06-01", "2021-12-01-preview", "2022-10-01", "2023-09-01",
    "2025-02-01", "2025-07-01",
)  # fmt: skip
_SKUS = (
    "Free", "Standard", "Premium", "PerNode", "PerGB2018", "Standalone", "CapacityReservation",
    "LACluster",
)  # fmt: skip


def _validate(change: Change) -> None:
    sku = as_object(change.properties.get("sku") or {"name": "PerGB2018"}, "properties.sku")
    if str(sku.get("name", "")).lower() not in [name.lower() for name in _SKUS]:
        raise bad_request(f"The sku '{sku.get('name')}' is not one of {', '.join(_SKUS)}.")
    days = change.properties.get("retentionInDays", 30)
    if not isinstance(days, int) or not (days == 7 or 30 <= days <= 730):
        raise bad_request(f"retentionInDays must be 7, or lie between 30 and 730, not {days}.")


def _defaults(change: Change) -> None:
    defaults: Json = {
        "sku": {"name": "PerGB2018"},
        "retentionInDays": 30,
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "features": {},
    }
    for name, value in defaults.items():
        change.properties.setdefault(name, value)
    change.properties.setdefault("customerId", str(uuid.uuid4()))


TYPES = (
    ResourceType(
        name=WORKSPACE,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.BODY, poll_updates=False),
        delete=Delete(deleted=200, absent=204),
        patch=True,
        located=True,
        identity=True,
        name_pattern=r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
        read_only=("customerId",),
        validate=_validate,
        defaults=_defaults,
    ),
)
