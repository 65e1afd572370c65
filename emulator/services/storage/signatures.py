"""Who may touch a blob: AAD tokens with roles, shared access signatures, and shared keys.

Signatures are checked against the very string that Azure signs; expiry is read on the client's
clock, and permissions, resource and service are enforced.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from urllib.parse import quote, unquote

from emulator.http.messages import Request
from emulator.services.storage.accounts import account_keys, find_account
from emulator.state.clock import real_after, real_now
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource
from emulator.state.tokens import STORAGE_AUDIENCES

SERVICE = "e0e0e0e0-0000-4000-8000-0000000000a1"
"""The identity with which Azure's own services sign the URLs they hand out."""

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
VERSION = "2024-11-04"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Need:
    """What a call needs: a SAS permission (any of these letters) and a role's permission."""

    letters: str
    operation: str
    data: bool = True
    resource_type: str = "o"
    """An account SAS names what it opens: s(ervice), c(ontainer), o(bject)."""


READ = Need("r", f"{_BLOBS}/containers/blobs/read")
WRITE = Need("wc", f"{_BLOBS}/containers/blobs/write")
OVERWRITE = Need("w", f"{_BLOBS}/containers/blobs/write")
DELETE = Need("d", f"{_BLOBS}/containers/blobs/delete")
LIST = Need("l", f"{_BLOBS}/containers/blobs/read", resource_type="c")
READ_CONTAINER = Need("r", f"{_BLOBS}/containers/read", data=False, resource_type="c")
WRITE_CONTAINER = Need("wc", f"{_BLOBS}/containers/write", data=False, resource_type="c")
DELETE_CONTAINER = Need("d", f"{_BLOBS}/containers/delete", data=False, resource_type="c")
LIST_CONTAINERS = Need("l", f"{_BLOBS}/containers/read", data=False, resource_type="s")
READ_SERVICE = Need("r", f"{_BLOBS}/read", data=False, resource_type="s")
DELEGATION_KEY = Need("", f"{_BLOBS}/generateUserDelegationKey/action", data=False)


def authorize(request: Request, account: Resource, container: str, blob: str, need: Need) -> None:
    """Refuse a call that its credentials do not allow."""
    if account.properties.get("publicNetworkAccess") == "Disabled":
        raise _refused(
            "AuthorizationFailure",
            "This request is not authorized to perform this "
            "operation. The account's public network access is disabled.",
        )
    authorization = request.headers.get("authorization", "")
    scheme = authorization.partition(" ")[0].lower()
    if scheme == "bearer":
        _check_token(request, account, container, need)
    elif scheme == "sharedkey":
        _check_shared_key(request, account, authorization)
    elif authorization:
        raise _failed(f"foundry-emulator does not know the authorization scheme '{scheme}'.")
    elif "sig" in request.query:
        _check_signature(request, account, container, blob, need)
    elif account.properties.get("allowBlobPublicAccess"):
        raise _no_credentials(request, "foundry-emulator has no anonymous access to blobs.")
    else:
        raise _no_credentials(request, "Public access is not permitted on this storage account.")


def delegation_key(cloud: Cloud, oid: str, start: str, expiry: str, version: str) -> bytes:
    """The user delegation key of somebody for a time: derived, so none is ever stored."""
    documents = cloud.database.documents("storage")
    master = documents.get("delegation")
    if master is None:
        master = {"key": secrets.token_hex(32)}
        documents.put("delegation", master)
    text = "\n".join((oid, cloud.tenant, start, expiry, "b", version))
    return hmac.digest(bytes.fromhex(master["key"]), text.encode(), "sha256")


def sas_url(
    cloud: Cloud,
    account: str,
    container: str,
    blob: str = "",
    *,
    permissions: str = "r",
    seconds: float = 3600,
) -> str:
    """A URL that opens a blob, or a whole container, for a while: signed as Azure's services do.

    It is a user delegation SAS, so it works where the account allows no shared keys.
    """
    path = f"{container}/{blob}" if blob else container
    signature = sas_token(cloud, account, container, blob, permissions=permissions, seconds=seconds)
    return f"https://{account.lower()}.blob.core.windows.net/{quote(path)}?{signature}"


def sas_token(
    cloud: Cloud,
    account: str,
    container: str,
    blob: str = "",
    *,
    permissions: str = "r",
    seconds: float = 3600,
) -> str:
    """The query string of `sas_url`."""
    start, expiry = real_after(-300).strftime(_TIME), real_after(seconds).strftime(_TIME)
    query = {
        "sv": VERSION,
        "sr": "b" if blob else "c",
        "sp": permissions,
        "st": start,
        "se": expiry,
        "spr": "https",
        "skoid": SERVICE,
        "sktid": cloud.tenant,
        "skt": start,
        "ske": expiry,
        "sks": "b",
        "skv": VERSION,
    }
    resource = f"/blob/{account.lower()}/{container}" + (f"/{blob}" if blob else "")
    text = next(_delegation_strings(query, resource))
    key = delegation_key(cloud, SERVICE, start, expiry, VERSION)
    query["sig"] = _sign(key, text)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _check_token(request: Request, account: Resource, container: str, need: Need) -> None:
    host = f"https://{account.name.lower()}.blob.core.windows.net"
    try:
        principal = request.sign_in((*STORAGE_AUDIENCES, host))
    except AzureError as error:
        raise AzureError(
            401,
            "InvalidAuthenticationInfo",
            f"Server failed to authenticate the request. {error.message}",
            headers=_challenge(request),
        ) from error
    scope = f"{account.id.text}/blobServices/default"
    if container:
        scope += f"/containers/{container}"
    if not request.cloud.access.allows(principal, need.operation, scope, data=need.data):
        raise _mismatch()


def _check_shared_key(request: Request, account: Resource, authorization: str) -> None:
    _check_keys_permitted(account)
    name, _, signature = authorization.partition(" ")[2].partition(":")
    for text in _shared_key_strings(request, name):
        for key in account_keys(account):
            if hmac.compare_digest(_sign(base64.b64decode(key), text), signature):
                return
    raise _failed(
        "The MAC signature found in the HTTP request is not the same as any computed one."
    )


def _shared_key_strings(request: Request, account: str) -> Iterator[str]:
    headers = request.headers
    length = headers.get("content-length", "")
    fixed = [
        request.method,
        headers.get("content-encoding", ""),
        headers.get("content-language", ""),
        "" if length == "0" else length,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        "" if "x-ms-date" in headers else headers.get("date", ""),
        headers.get("if-modified-since", ""),
        headers.get("if-match", ""),
        headers.get("if-none-match", ""),
        headers.get("if-unmodified-since", ""),
        headers.get("range", ""),
    ]
    resource = f"/{account}{request.raw_path}" + "".join(
        f"\n{name.lower()}:{value}" for name, value in sorted(request.query.items())
    )
    ours = [name for name in headers if name.startswith("x-ms-")]
    # Azure sorts by a collation in which hyphens hardly count; both orders are signed in practice.
    for order in (sorted(ours), sorted(ours, key=lambda name: (name.replace("-", ""), name))):
        canonical = [f"{name}:{headers[name]}" for name in order]
        yield "\n".join([*fixed, *canonical, resource])


def _check_signature(
    request: Request, account: Resource, container: str, blob: str, need: Need
) -> None:
    query = request.query
    for name in ("si", "sip", "saoid", "suoid", "scid", "sduoid", "srh", "srq"):
        if query.get(name):
            raise _failed(f"foundry-emulator does not emulate '{name}' in a SAS.")
    _check_time(query)
    if query.get("ss"):
        _check_account_signature(request, account, need)
    elif query.get("skoid"):
        _check_delegation_signature(request, account, container, blob, need)
    else:
        _check_keys_permitted(account)
        _check_resource(query, blob, need)
        resources = _resources(query, account.name, container, blob)
        keys = [base64.b64decode(key) for key in account_keys(account)]
        _check_any(
            query, keys, (text for path in resources for text in _service_strings(query, path))
        )
    if need.letters and not set(need.letters) & set(query.get("sp", "")):
        raise _mismatch()


def _check_account_signature(request: Request, account: Resource, need: Need) -> None:
    _check_keys_permitted(account)
    query = request.query
    names = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
    values = [account.name.lower(), *(query.get(name, "") for name in names)]
    texts = ("\n".join([*values, ""]), "\n".join([*values[:-1], ""]))
    _check_any(query, [base64.b64decode(key) for key in account_keys(account)], iter(texts))
    if "b" not in query["ss"]:
        raise _refused(
            "AuthorizationServiceMismatch",
            "This request is not authorized to perform this operation using this service.",
        )
    if need.resource_type not in query.get("srt", ""):
        raise _refused(
            "AuthorizationResourceTypeMismatch",
            "This request is not authorized to perform this operation using this resource type.",
        )


def _check_delegation_signature(
    request: Request, account: Resource, container: str, blob: str, need: Need
) -> None:
    cloud, query = request.cloud, request.query
    _check_resource(query, blob, need)
    oid = query["skoid"].lower()
    key_expiry = _moment(query.get("ske", ""))
    if key_expiry is None or real_now() >= key_expiry:
        raise _failed("The user delegation key has expired.")
    key = delegation_key(
        cloud, oid, query.get("skt", ""), query.get("ske", ""), query.get("skv", "")
    )
    resources = _resources(query, account.name, container, blob)
    _check_any(
        query, [key], (text for path in resources for text in _delegation_strings(query, path))
    )
    if oid == SERVICE:
        return
    principal = cloud.access.principal(oid)
    scope = f"{account.id.text}/blobServices/default/containers/{container}"
    if principal is None or not cloud.access.allows(
        principal, need.operation, scope, data=need.data
    ):
        raise _mismatch()


def _service_strings(query: dict[str, str], resource: str) -> Iterator[str]:
    head = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), resource]
    head += [query.get(name, "") for name in ("si", "sip", "spr", "sv", "sr", "snapshot")]
    tail = [query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    yield "\n".join([*head, query.get("ses", ""), *tail])
    yield "\n".join([*head, *tail])  # before 2020-12-06 there was no encryption scope


def _delegation_strings(query: dict[str, str], resource: str) -> Iterator[str]:
    """The string of every service version: later ones add fields, and old clients live on."""
    head = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), resource]
    head += [
        query.get(name, "")
        for name in ("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid")
    ]
    middle = [query.get(name, "") for name in ("sip", "spr", "sv", "sr", "snapshot")]
    tail = [query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    delegated: tuple[list[str], ...] = ([], [query.get("skdutid", ""), query.get("sduoid", "")])
    scope: tuple[list[str], ...] = ([query.get("ses", "")], [query.get("ses", ""), "", ""], [])
    for user, extra in product(delegated, scope):
        yield "\n".join([*head, *user, *middle, *extra, *tail])


def _resources(query: dict[str, str], account: str, container: str, blob: str) -> list[str]:
    name = account.lower()
    if query.get("sr") == "c":
        return [f"/blob/{name}/{container}"]
    return [f"/blob/{name}/{container}/{blob}", f"/blob/{name}/{container}/{unquote(blob)}"]


def _check_resource(query: dict[str, str], blob: str, need: Need) -> None:
    kind = query.get("sr")
    if kind not in ("b", "c"):
        raise _failed(f"foundry-emulator emulates a SAS of a blob or a container, not sr={kind}.")
    if need.resource_type == "s" or (kind == "b" and not blob):
        raise _refused(
            "AuthorizationResourceTypeMismatch",
            "This request is not authorized to perform this operation using this resource type.",
        )


def _check_time(query: dict[str, str]) -> None:
    now = real_now()
    start, expiry = _moment(query.get("st", "")), _moment(query.get("se", ""))
    if expiry is None:
        raise _failed("The SAS has no expiry ('se').")
    if now >= expiry or (start is not None and now < start):
        raise _failed(
            "Signature not valid in the specified time frame: "
            f"Start [{query.get('st', '')}] - Expiry [{query['se']}] - Current "
            f"[{now.strftime(_TIME)}]"
        )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _failed(f"'{text}' is not a time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_any(query: dict[str, str], keys: list[bytes], texts: Iterator[str]) -> None:
    for text, key in product(texts, keys):
        if hmac.compare_digest(_sign(key, text), query["sig"]):
            return
    raise _failed("Signature did not match.")


def _check_keys_permitted(account: Resource) -> None:
    if account.properties.get("allowSharedKeyAccess") is False:
        raise AzureError(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        )


def _sign(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def _challenge(request: Request) -> dict[str, str]:
    return {
        "www-authenticate": "Bearer authorization_uri=https://login.microsoftonline.com/"
        f"{request.cloud.tenant}/oauth2/authorize resource_id=https://storage.azure.com"
    }


def _no_credentials(request: Request, detail: str) -> AzureError:
    return AzureError(
        401,
        "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in the "
        f"www-authenticate header. {detail}",
        headers=_challenge(request),
    )


def _failed(detail: str) -> AzureError:
    return AzureError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is "
        "formed correctly including the signature.",
        extra={"AuthenticationErrorDetail": detail},
    )


def _mismatch() -> AzureError:
    return _refused(
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


def _refused(code: str, message: str) -> AzureError:
    return AzureError(403, code, message)


def require_account(request: Request) -> Resource:
    """The storage account of the host name; a name that nobody has does not resolve in Azure."""
    name = request.parameters["account"]
    account = find_account(request.cloud, name)
    if account is None:
        raise AzureError(
            404,
            "ResourceNotFound",
            f"There is no storage account '{name}'. In Azure its host name would not resolve.",
        )
    return account
