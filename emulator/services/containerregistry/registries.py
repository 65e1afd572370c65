"""Container registries: checked and kept, with a name that is taken worldwide."""

from emulator.arm.types import Change, Delete, Polling, Put, ResourceType
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json, as_object

REGISTRY = "Microsoft.ContainerRegistry/registries"
API_VERSIONS = (
    "2019-05-01", "2021-09-01", "2022-12-01", "2023-01-01-preview", "2023-07-01",
    "2023-11-01-preview", "2025-04-01", "2025-11-01",
)  # fmt: skip
_SKUS = ("Basic", "Standard", "Premium")


def _validate(change: Change) -> None:
    sku = as_object(change.body.get("sku") or {}, "sku").get("name")
    if sku not in _SKUS:
        raise bad_request(f"The sku '{sku}' is not one of {', '.join(_SKUS)}.", "SkuNotSupported")
    if change.properties.get("publicNetworkAccess") == "Disabled" and sku != "Premium":
        raise bad_request(f"Public access can't be disabled with the sku {sku}: it takes Premium.")
    for registry in change.cloud.resources.of_type(REGISTRY):
        if registry.name.lower() == change.id.name.lower() and registry.id.key != change.id.key:
            raise AzureError(
                409, "AlreadyInUse", f"The registry DNS name {change.id.name} is already in use."
            )


def _defaults(change: Change) -> None:
    change.body["sku"]["tier"] = change.body["sku"]["name"]
    defaults: Json = {
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
    }
    for name, value in defaults.items():
        change.properties.setdefault(name, value)
    change.properties["loginServer"] = f"{change.id.name.lower()}.azurecr.io"


TYPES = (
    ResourceType(
        name=REGISTRY,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.ASYNC),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        located=True,
        identity=True,
        name_pattern=r"[a-zA-Z0-9]{5,50}",
        read_only=("loginServer",),
        validate=_validate,
        defaults=_defaults,
    ),
)
