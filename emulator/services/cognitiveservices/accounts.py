"""Accounts. A deleted one keeps its name for 48 hours unless it is purged or restored."""

import secrets
import uuid

from emulator.arm.soft_deletion import SoftDeletion
from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType
from emulator.http.messages import Request, Response
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, bad_request
from emulator.state.json_text import Json
from emulator.state.store import Resource

ACCOUNT = "Microsoft.CognitiveServices/accounts"
API_VERSIONS = (
    "2021-10-01", "2022-03-01", "2022-10-01", "2022-12-01", "2023-05-01", "2023-10-01-preview",
    "2024-04-01-preview", "2024-06-01-preview", "2024-10-01", "2025-04-01-preview", "2025-06-01",
    "2025-07-01-preview", "2025-09-01", "2025-10-01-preview", "2025-12-01", "2026-03-01",
    "2026-05-01",
)  # fmt: skip
KINDS = ("AIServices", "CognitiveServices", "ContentSafety", "OpenAI")
RETENTION_DAYS = 2.0

DELETED = SoftDeletion("deleted-cognitive-accounts")


def require_keys(account: Resource) -> list[str]:
    """Both keys of an account; refused where local authentication is off."""
    if account.properties.get("disableLocalAuth"):
        raise bad_request("Failed to list key. disableLocalAuth is set to be true")
    return [str(key) for key in account.private["keys"]]


def _validate(change: Change) -> None:
    _refuse_remains(change)
    kind = change.body.get("kind")
    if kind not in KINDS:
        raise bad_request(
            f"The kind '{kind}' is not supported by foundry-emulator. Known: {', '.join(KINDS)}.",
            "InvalidApiSetId",
        )
    sku: Json = change.body.get("sku") or {}
    if sku.get("name") not in ("S0", "F0"):
        raise bad_request(
            f"The account type '{kind}' does not support the SKU '{sku.get('name')}'. Use S0.",
            "InvalidSku",
        )
    domain = str(change.properties.get("customSubDomainName") or "").lower()
    before = change.before.properties.get("customSubDomainName") if change.before else None
    if before and domain != str(before).lower():
        raise bad_request(
            "Subdomain cannot be changed once it is set.", "CustomDomainNotAllowedToChange"
        )
    for account in change.cloud.resources.of_type(ACCOUNT):
        used = str(account.properties.get("customSubDomainName") or "").lower()
        if domain and used == domain and account.id.key != change.id.key:
            raise AzureError(
                409,
                "CustomDomainInUse",
                f"Please pick a different name. The subdomain name '{domain}' is not available as "
                "it's already used by a resource.",
            )


def _refuse_remains(change: Change) -> None:
    restore = change.properties.pop("restore", False)
    left = DELETED.find(change.cloud, change.id)
    if left is None or change.before is not None:
        return
    if not restore:
        raise AzureError(
            409,
            "FlagMustBeSetForRestore",
            f"An existing resource with ID '{change.id.text}' has been soft-deleted. To restore "
            "the resource, you must specify 'restore' to be 'true' in the property. If you don't "
            "want to restore existing resource, please purge it first.",
        )
    change.private |= left.resource.private
    change.body["properties"] = left.resource.properties | change.properties
    DELETED.purge(change.cloud, change.id)


def _defaults(change: Change) -> None:
    properties, body = change.properties, change.body
    domain = str(properties.get("customSubDomainName") or "").lower()
    host = (
        f"{domain}.cognitiveservices.azure.com"
        if domain
        else f"{body['location']}.api.cognitive.microsoft.com"
    )
    private = change.private
    private.setdefault("keys", [secrets.token_hex(16), secrets.token_hex(16)])
    private.setdefault("internal_id", uuid.uuid4().hex)
    properties.setdefault("publicNetworkAccess", "Enabled")
    created_at = change.before.created_at if change.before else change.cloud.clock.timestamp()
    properties |= {
        "endpoint": f"https://{host}/",
        "internalId": private["internal_id"],
        "dateCreated": isoformat(created_at),
        "isMigrated": False,
        "privateEndpointConnections": [],
    }
    if domain:
        properties["endpoints"] = {
            "OpenAI Language Model Instance API": f"https://{domain}.openai.azure.com/",
            "Content Safety": f"https://{host}/",
            "Azure AI Model Inference API": f"https://{domain}.services.ai.azure.com/",
        }


def _after_delete(cloud: Cloud, account: Resource) -> None:
    DELETED.keep(cloud, account, RETENTION_DAYS)


def _list_keys(request: Request, account: Resource) -> Response:
    del request
    key1, key2 = require_keys(account)
    return Response.json({"key1": key1, "key2": key2})


def _regenerate_key(request: Request, account: Resource) -> Response:
    keys = require_keys(account)
    name = str(request.json().get("keyName", ""))
    if name.lower() not in ("key1", "key2"):
        raise bad_request(f"keyName must be Key1 or Key2, not '{name}'.")
    keys[int(name[-1]) - 1] = secrets.token_hex(16)
    return _list_keys(request, request.cloud.resources.put(account.with_private(keys=keys)))


TYPES = (
    ResourceType(
        name=ACCOUNT,
        api_versions=API_VERSIONS,
        put=Put(created=201, updated=200, polling=Polling.BODY, poll_updates=False),
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        patch=True,
        actions={
            "listKeys": Action(handle=_list_keys),
            "regenerateKey": Action(handle=_regenerate_key),
        },
        located=True,
        identity=True,
        etag=True,
        system_data=True,
        name_pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9]",
        validate=_validate,
        defaults=_defaults,
        after_delete=_after_delete,
    ),
)
