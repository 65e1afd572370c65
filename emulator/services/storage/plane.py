"""{account}.blob.core.windows.net: the blob service's REST API, as far as its SDK uses it."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router
from emulator.services.storage import blobs, listing, signatures
from emulator.services.storage.headers import (
    TIER,
    blob_headers,
    check_conditions,
    check_md5,
    condition_not_met,
    content_headers,
    copy_headers,
    md5_header,
    metadata,
    metadata_headers,
    requested_range,
    said_md5,
    said_of_content,
    said_of_copy,
    version_headers,
    written_headers,
)
from emulator.services.storage.markup import answer, element, texts
from emulator.services.storage.signatures import Need, authorize, require_account
from emulator.state.clock import http_date, real_now
from emulator.state.errors import AzureError, not_emulated
from emulator.state.store import Resource

_REFUSED_HEADERS = {
    "x-ms-lease-id": "leases",
    "x-ms-encryption-key": "customer-provided keys",
    "x-ms-structured-body": "structured messages",
    "x-ms-content-crc64": "CRC64 checksums",
    "x-ms-if-tags": "conditions on tags",
    "x-ms-immutability-policy-mode": "immutability policies",
}


def handle(request: Request) -> Response:
    """Answer a call on the blob plane."""
    for header, what in _REFUSED_HEADERS.items():
        if header in request.headers:
            raise not_emulated(what, f"Leave the header {header} out.")
    response = _ROUTER.handle(request)
    response.headers = _common_headers(request) | response.headers
    return response


def render_error(request: Request, error: AzureError) -> Response:
    """The blob service's XML envelope; a HEAD carries the code in a header only."""
    headers = _common_headers(request) | error.headers | {"x-ms-error-code": error.code}
    if request.method == "HEAD":
        return Response.empty(error.status, headers)
    moment = real_now().isoformat().replace("+00:00", "Z")
    message = f"{error.message}\nRequestId:{request.id}\nTime:{moment}"
    details = {name: str(text) for name, text in error.extra.items()}
    body = element("Error", texts({"Code": error.code, "Message": message, **details}))
    return answer(body, error.status, headers)


# -- service -------------------------------------------------------------------------------------


def list_containers(request: Request) -> Response:
    """GET /?comp=list."""
    account = _open(request, signatures.LIST_CONTAINERS)
    return listing.containers(request, account)


def service_properties(request: Request) -> Response:
    """GET /?restype=service&comp=properties."""
    _open(request, signatures.READ_SERVICE)
    off = {"Enabled": "false"}
    return answer(
        element(
            "StorageServiceProperties",
            [
                element("Cors"),
                element("DefaultServiceVersion", "2021-12-02"),
                element("DeleteRetentionPolicy", texts(off)),
                element("StaticWebsite", texts(off)),
            ],
        )
    )


def user_delegation_key(request: Request) -> Response:
    """POST /?restype=service&comp=userdelegationkey: for those who signed in with AAD."""
    _open(request, signatures.DELEGATION_KEY)
    wanted = _parse_xml(request)
    start, expiry = wanted.findtext("Start") or "", wanted.findtext("Expiry") or ""
    if not expiry or wanted.findtext("DelegatedUserTid"):
        raise AzureError(
            400, "InvalidXmlNodeValue", "Start and Expiry, and nothing else, are known."
        )
    version = request.headers.get("x-ms-version", signatures.VERSION)
    oid = request.caller.id
    key = signatures.delegation_key(request.cloud, oid, start, expiry, version)
    fields = {
        "SignedOid": oid,
        "SignedTid": request.cloud.tenant,
        "SignedStart": start,
        "SignedExpiry": expiry,
        "SignedService": "b",
        "SignedVersion": version,
        "Value": base64.b64encode(key).decode(),
    }
    return answer(element("UserDelegationKey", texts(fields)))


# -- containers ----------------------------------------------------------------------------------


def create_container(request: Request) -> Response:
    """PUT /{container}?restype=container."""
    account = _open(request, signatures.WRITE_CONTAINER)
    if request.headers.get("x-ms-blob-public-access"):
        raise AzureError(
            409,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        )
    container = blobs.create_container(
        request.cloud, account.name, request.parameters["container"], metadata(request)
    )
    return Response.empty(201, version_headers(container))


def get_container(request: Request) -> Response:
    """GET or HEAD /{container}?restype=container."""
    account = _open(request, signatures.READ_CONTAINER)
    container = blobs.require_container(
        request.cloud, account.name, request.parameters["container"]
    )
    headers = version_headers(container) | {
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
    }
    return Response.empty(200, headers | metadata_headers(container.metadata))


def set_container_metadata(request: Request) -> Response:
    """PUT /{container}?restype=container&comp=metadata."""
    account = _open(request, signatures.WRITE_CONTAINER)
    container = blobs.set_container_metadata(
        request.cloud, account.name, request.parameters["container"], metadata(request)
    )
    return Response.empty(200, version_headers(container))


def delete_container(request: Request) -> Response:
    """DELETE /{container}?restype=container."""
    account = _open(request, signatures.DELETE_CONTAINER)
    name = request.parameters["container"]
    blobs.require_container(request.cloud, account.name, name)
    blobs.delete_container(request.cloud, account.name, name)
    return Response.empty(202)


def list_blobs(request: Request) -> Response:
    """GET /{container}?restype=container&comp=list."""
    account = _open(request, signatures.LIST)
    blobs.require_container(request.cloud, account.name, request.parameters["container"])
    return listing.blobs(request, account, request.parameters["container"])


# -- blobs ---------------------------------------------------------------------------------------


def put_blob(request: Request) -> Response:
    """PUT /{container}/{blob}: a block blob in one call, or a copy of another one."""
    if "x-ms-copy-source" in request.headers:
        return _copy_blob(request)
    kind = request.headers.get("x-ms-blob-type", "")
    if kind != "BlockBlob":
        raise not_emulated(f"blobs of type '{kind}'", "Use block blobs.")
    check_md5(request)
    with request.cloud.database.transaction():
        account, container, name = _open_for_writing(request)
        blob = blobs.write(
            request.cloud,
            account.name,
            container,
            name,
            request.body,
            headers=content_headers(request),
            metadata=metadata(request),
            md5=said_md5(request),
        )
    return Response.empty(201, written_headers(blob))


def put_block(request: Request) -> Response:
    """PUT ?comp=block."""
    check_md5(request)
    account = _open(request, signatures.WRITE)
    id = request.query["blockid"]
    try:
        base64.b64decode(id, validate=True)
    except binascii.Error as error:
        raise AzureError(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid: "
            "blockid must be base64.",
        ) from error
    container, name = request.parameters["container"], request.parameters["blob"]
    blobs.put_block(request.cloud, account.name, container, name, id, request.body)
    md5 = base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest()).decode()
    return Response.empty(201, {"content-md5": md5, "x-ms-request-server-encrypted": "true"})


def put_block_list(request: Request) -> Response:
    """PUT ?comp=blocklist: join blocks into a blob."""
    wanted = [(element.tag, element.text or "") for element in _parse_xml(request)]
    with request.cloud.database.transaction():
        account, container, name = _open_for_writing(request)
        content, layout = blobs.assemble(request.cloud, account.name, container, name, wanted)
        blob = blobs.write(
            request.cloud,
            account.name,
            container,
            name,
            content,
            headers=content_headers(request),
            metadata=metadata(request),
            layout=layout,
            # Of joined blocks nobody computes one.
            md5=said_md5(request) or "",
        )
    return Response.empty(201, written_headers(blob))


def get_block_list(request: Request) -> Response:
    """GET ?comp=blocklist."""
    account = _open(request, signatures.READ)
    container, name = request.parameters["container"], request.parameters["blob"]
    blob = blobs.find(request.cloud, account.name, container, name)
    waiting = blobs.uncommitted(request.cloud, account.name, container, name)
    if blob is None and not waiting:
        blobs.require(request.cloud, account.name, container, name)
    wanted = request.option("blocklisttype", "committed").lower()
    return listing.block_list(
        (blob.layout if blob else []) if wanted in ("committed", "all") else None,
        waiting if wanted in ("uncommitted", "all") else None,
    )


def get_blob(request: Request) -> Response:
    """GET or HEAD /{container}/{blob}, whole or a range of it."""
    account = _open(request, signatures.READ)
    blob = _require_blob(request, account)
    if check_conditions(request, blob) == 304:
        return Response.empty(304, version_headers(blob) | {"x-ms-error-code": "ConditionNotMet"})
    headers = blob_headers(blob)
    if request.method == "HEAD":
        return Response.empty(200, headers | TIER | {"content-length": str(blob.size)})
    span = requested_range(request, blob.size)
    start, end = span or (0, blob.size - 1)
    size = end - start + 1
    content = blobs.read(request.cloud, account.name, blob.container, blob.name, start, size) or b""
    if span is None:
        return Response(200, headers, content)
    headers.pop("content-md5", None)
    headers |= md5_header(blob, "x-ms-blob-content-md5")
    headers["content-range"] = f"bytes {start}-{end}/{blob.size}"
    if request.headers.get("x-ms-range-get-content-md5") == "true":
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        headers["content-md5"] = base64.b64encode(digest).decode()
    return Response(206, headers, content)


def delete_blob(request: Request) -> Response:
    """DELETE /{container}/{blob}."""
    account = _open(request, signatures.DELETE)
    with request.cloud.database.transaction():
        blob = _require_blob(request, account)
        check_conditions(request, blob)
        blobs.delete(request.cloud, account.name, blob.container, blob.name)
    return Response.empty(202, {"x-ms-delete-type-permanent": "true"})


def set_blob_metadata(request: Request) -> Response:
    """PUT ?comp=metadata."""
    response = _update(
        request, lambda blob: blobs.update(request.cloud, blob, metadata=metadata(request))
    )
    response.headers["x-ms-request-server-encrypted"] = "true"
    return response


def set_blob_properties(request: Request) -> Response:
    """PUT ?comp=properties."""
    # What isn't said again is cleared, the MD5 too.
    headers, md5 = content_headers(request), said_md5(request) or ""
    return _update(
        request,
        lambda blob: blobs.update(
            request.cloud, blob, headers=headers | said_of_copy(blob), md5=md5
        ),
    )


def refuse(request: Request) -> Response:
    """Any other `comp` is refused by name."""
    raise not_emulated(
        f"{request.method} with comp={request.query.get('comp', '')} on the blob plane",
        "See docs/fidelity.md for what it does.",
    )


# -- helpers -------------------------------------------------------------------------------------


def _open(request: Request, need: Need) -> Resource:
    account = require_account(request)
    authorize(
        request,
        account,
        request.parameters.get("container", ""),
        request.parameters.get("blob", ""),
        need,
    )
    return account


def _open_for_writing(request: Request) -> tuple[Resource, str, str]:
    account = require_account(request)
    container, name = request.parameters["container"], request.parameters["blob"]
    existing = blobs.find(request.cloud, account.name, container, name)
    need = signatures.OVERWRITE if existing else signatures.WRITE
    authorize(request, account, container, name, need)
    blobs.require_container(request.cloud, account.name, container)
    if request.headers.get("if-none-match") == "*" and existing is not None:
        raise AzureError(409, "BlobAlreadyExists", "The specified blob already exists.")
    if existing is None and "if-match" in request.headers:
        raise condition_not_met()
    if existing is not None:
        check_conditions(request, existing)
    return account, container, name


def _update(request: Request, change: Callable[[blobs.Blob], blobs.Blob]) -> Response:
    account = _open(request, signatures.OVERWRITE)
    with request.cloud.database.transaction():
        blob = _require_blob(request, account)
        check_conditions(request, blob)
        blob = change(blob)
    return Response.empty(200, version_headers(blob))


def _copy_blob(request: Request) -> Response:
    cloud = request.cloud
    try:
        source = urlsplit(request.headers["x-ms-copy-source"])
    except ValueError as error:
        raise AzureError(400, "InvalidHeaderValue", "x-ms-copy-source is not a URL.") from error
    match = re.fullmatch(r"([^.]+)\.blob\.core\.windows\.net", source.netloc, re.IGNORECASE)
    if match is None:
        raise not_emulated(f"copying from '{source.netloc}'", "Copy between emulated accounts.")
    container, _, name = unquote(source.path).lstrip("/").partition("/")
    found = Request(
        cloud=cloud,
        method="GET",
        host=source.netloc,
        path=source.path,
        raw_path=source.path,
        raw_query=source.query,
        query={
            key: unquote(value)
            for key, _, value in (part.partition("=") for part in source.query.split("&") if part)
        },
        headers={"authorization": request.headers.get("authorization", "")},
        body=b"",
        id=request.id,
        correlation_id=request.correlation_id,
        parameters={"account": match.group(1), "container": container, "blob": name},
    )
    origin = require_account(found)
    if not found.headers["authorization"].lower().startswith("sharedkey"):
        if found.query.get("sig"):
            found.headers.pop("authorization")
        authorize(found, origin, container, name, signatures.READ)
    blob = blobs.require(cloud, origin.name, container, name)
    content = blobs.read(cloud, origin.name, container, name) or b""
    copied = copy_headers(f"https://{source.netloc}{source.path}", blob.size, cloud)
    with cloud.database.transaction():
        account, target_container, target = _open_for_writing(request)
        copy = blobs.write(
            cloud,
            account.name,
            target_container,
            target,
            content,
            headers=said_of_content(blob) | copied,
            metadata=metadata(request) or blob.metadata,
            md5=blob.md5,
        )
    headers = version_headers(copy) | {
        name: copied[name] for name in ("x-ms-copy-id", "x-ms-copy-status")
    }
    return Response.empty(201 if request.headers.get("x-ms-requires-sync") else 202, headers)


def _require_blob(request: Request, account: Resource) -> blobs.Blob:
    return blobs.require(
        request.cloud, account.name, request.parameters["container"], request.parameters["blob"]
    )


def _parse_xml(request: Request) -> ElementTree.Element:
    # A document type could make the parser read files or grow without bound: none is accepted.
    if b"<!" in request.body:
        raise AzureError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
    try:
        return ElementTree.fromstring(request.body)
    except ElementTree.ParseError as error:
        raise AzureError(
            400, "InvalidXmlDocument", "XML specified is not syntactically valid."
        ) from error


def _common_headers(request: Request) -> dict[str, str]:
    headers = {
        "server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
        "x-ms-request-id": request.id,
        "x-ms-version": request.headers.get("x-ms-version", signatures.VERSION),
        "date": http_date(request.cloud.clock.timestamp()),
    }
    if "x-ms-client-request-id" in request.headers:
        headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    return headers


_CONTAINER = "/{container}"
_BLOB = "/{container}/{blob*}"
_OF_CONTAINER: dict[str, str | None] = {"restype": "container"}

_ROUTER = Router(
    (
        Route("GET", "/", service_properties, {"restype": "service", "comp": "properties"}),
        Route(
            "POST", "/", user_delegation_key, {"restype": "service", "comp": "userdelegationkey"}
        ),
        Route("GET", "/", list_containers, {"comp": "list"}),
        Route("GET", _CONTAINER, list_blobs, _OF_CONTAINER | {"comp": "list"}),
        Route("PUT", _CONTAINER, set_container_metadata, _OF_CONTAINER | {"comp": "metadata"}),
        *(
            Route(method, path, refuse, {"comp": None, "restype": None})
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE")
            for path in ("/", _CONTAINER)
        ),
        Route("PUT", _CONTAINER, create_container, _OF_CONTAINER),
        Route("GET", _CONTAINER, get_container, _OF_CONTAINER),
        Route("HEAD", _CONTAINER, get_container, _OF_CONTAINER),
        Route("DELETE", _CONTAINER, delete_container, _OF_CONTAINER),
        Route("PUT", _BLOB, put_block, {"comp": "block", "blockid": None}),
        Route("PUT", _BLOB, put_block_list, {"comp": "blocklist"}),
        Route("GET", _BLOB, get_block_list, {"comp": "blocklist"}),
        Route("PUT", _BLOB, set_blob_metadata, {"comp": "metadata"}),
        Route("PUT", _BLOB, set_blob_properties, {"comp": "properties"}),
        *(
            Route(method, _BLOB, refuse, {name: None})
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE")
            for name in ("comp", "snapshot")
        ),
        Route("PUT", _BLOB, put_blob),
        Route("GET", _BLOB, get_blob),
        Route("HEAD", _BLOB, get_blob),
        Route("DELETE", _BLOB, delete_blob),
    )
)
