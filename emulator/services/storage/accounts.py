"""Storage accounts as ARM has them."""

import base64
import secrets

from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType, Tracking
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.storage import blobs
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json
from emulator.state.store import Resource

ACCOUNT = "Microsoft.Storage/storageAccounts"
BLOB_SERVICE = f"{ACCOUNT}/blobServices"

API_VERSIONS = (
    "2019-06-01", "2020-08-01-preview", "2021-01-01", "2021-02-01", "2021-04-01", "2021-06-01",
    "2021-08-01", "2021-09-01", "2022-05-01", "2022-09-01", "2023-01-01", "2023-04-01",
    "2023-05-01", "2024-01-01", "2025-01-01", "2025-06-01", "2025-08-01", "2026-04-01",
)  # fmt: skip

_KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
_SKUS = (
    "Standard_LRS", "Standard_GRS", "Standard_RAGRS", "Standard_ZRS", "Standard_GZRS",
    "Standard_RAGZRS", "Premium_LRS", "Premium_ZRS",
)  # fmt: skip


def find_account(cloud: Cloud, name: str) -> Resource | None:
    """The storage account with a name; names are unique in the whole cloud."""
    row = cloud.database.row("SELECT key FROM storage_accounts WHERE name=?", (name.lower(),))
    return cloud.resources.get(str(row["key"])) if row else None


def account_keys(account: Resource) -> list[str]:
    """Both access keys (base64)."""
    return [str(key) for key in account.private["keys"]]


def _validate(change: Change) -> None:
    body = change.body
    sku: Json = body.get("sku") or {}
    if sku.get("name") not in _SKUS:
        raise bad_request(
            f"Values for request parameters are invalid: sku. '{sku.get('name')}' is not one of "
            f"{', '.join(_SKUS)}.",
            "InvalidValuesForRequestParameters",
        )
    if body.get("kind") not in _KINDS:
        raise bad_request(
            f"Values for request parameters are invalid: kind. '{body.get('kind')}' is not one of "
            f"{', '.join(_KINDS)}.",
            "InvalidValuesForRequestParameters",
        )
    taken = find_account(change.cloud, change.id.name)
    if taken is not None and taken.id.key != change.id.key:
        raise AzureError(
            409,
            "StorageAccountAlreadyTaken",
            f"The storage account named {change.id.name} is already taken.",
        )


def _defaults(change: Change) -> None:
    cloud, name, properties = change.cloud, change.id.name.lower(), change.properties
    now = isoformat(change.before.created_at if change.before else cloud.clock.timestamp())
    sku: Json = change.body["sku"]
    sku["tier"] = str(sku["name"]).split("_")[0]
    defaults: Json = {
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": True,
        "publicNetworkAccess": "Enabled",
        "supportsHttpsTrafficOnly": True,
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "encryption": {
            "services": {
                "blob": {"keyType": "Account", "enabled": True, "lastEnabledTime": now},
                "file": {"keyType": "Account", "enabled": True, "lastEnabledTime": now},
            },
            "keySource": "Microsoft.Storage",
        },
        "accessTier": "Hot",
    }
    for key, value in defaults.items():
        properties.setdefault(key, value)
    properties |= {
        "creationTime": now,
        "keyCreationTime": {"key1": now, "key2": now},
        "primaryLocation": change.body["location"],
        "statusOfPrimary": "available",
        "primaryEndpoints": {
            kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("blob", "dfs")
        },
        "privateEndpointConnections": [],
    }
    change.private.setdefault("keys", [_new_key(), _new_key()])


def _created(cloud: Cloud, account: Resource) -> None:
    cloud.database.execute(
        "INSERT OR REPLACE INTO storage_accounts VALUES (?,?)",
        (account.name.lower(), account.id.key),
    )
    cloud.resources.put(
        Resource(
            id=account.id.child("blobServices", "default"),
            type=BLOB_SERVICE,
            body={"properties": _blob_service_defaults({})},
        )
    )


def _after_delete(cloud: Cloud, account: Resource) -> None:
    cloud.database.execute("DELETE FROM storage_accounts WHERE key=?", (account.id.key,))
    blobs.delete_account(cloud, account.name)


def _list_keys(request: Request, account: Resource) -> Response:
    # Also with allowSharedKeyAccess off: the keys exist, they only do not open anything.
    del request
    created = account.properties["keyCreationTime"]
    return Response.json(
        {
            "keys": [
                {
                    "creationTime": created[f"key{number}"],
                    "keyName": f"key{number}",
                    "value": key,
                    "permissions": "FULL",
                }
                for number, key in enumerate(account_keys(account), 1)
            ]
        }
    )


def _regenerate_key(request: Request, account: Resource) -> Response:
    name = str(request.json().get("keyName", ""))
    if name not in ("key1", "key2"):
        raise bad_request(f"keyName must be key1 or key2, not '{name}'.", "InvalidKeyName")
    keys = account_keys(account)
    keys[int(name[-1]) - 1] = _new_key()
    account = request.cloud.resources.put(account.with_private(keys=keys))
    return _list_keys(request, account)


def _check_name(request: Request) -> Response:
    name = str(request.json().get("name", ""))
    if find_account(request.cloud, name) is not None:
        return Response.json(
            {
                "nameAvailable": False,
                "reason": "AlreadyExists",
                "message": f"The storage account named {name} is already taken.",
            }
        )
    return Response.json({"nameAvailable": True})


def _blob_service_defaults(properties: Json) -> Json:
    defaults: Json = {
        "cors": {"corsRules": []},
        "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
    }
    return defaults | properties


def _blob_service(change: Change) -> None:
    change.body["properties"] = _blob_service_defaults(change.properties)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


TYPES = (
    ResourceType(
        name=ACCOUNT,
        api_versions=API_VERSIONS,
        # The generated clients take 200 and 202 only; a 201 is an error to them.
        put=Put(created=202, updated=200, polling=Polling.LOCATION, poll_updates=False),
        delete=Delete(deleted=200, absent=204),
        patch=True,
        actions={
            "listKeys": Action(handle=_list_keys),
            "regenerateKey": Action(handle=_regenerate_key),
        },
        located=True,
        identity=True,
        name_pattern=r"[a-z0-9]{3,24}",
        name_error=(
            "AccountNameInvalid",
            "{name} is not a valid storage account name. Storage account name must be between 3 "
            "and 24 characters in length and use numbers and lower-case letters only.",
        ),
        tracking=Tracking(result="asyncoperations"),
        validate=_validate,
        defaults=_defaults,
        created=_created,
        after_delete=_after_delete,
    ),
    ResourceType(
        name=BLOB_SERVICE,
        api_versions=API_VERSIONS,
        put=Put(created=200, updated=200),
        delete=None,
        provisioning_state=False,
        name_pattern="default",
        defaults=_blob_service,
    ),
)

ROUTES = (
    Route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability",
        _check_name,
        operation="Microsoft.Storage/checkNameAvailability/read",
        api_versions=API_VERSIONS,
    ),
)
