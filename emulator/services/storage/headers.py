"""The blob plane's headers: metadata, content types, conditions, ranges and checksums."""

import base64
import hashlib
import re
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from emulator.http.messages import Request
from emulator.services.storage import blobs
from emulator.state.clock import http_date
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError

_CONTENT_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
)
_COPY = "x-ms-copy-"

TIER = {"x-ms-access-tier": "Hot", "x-ms-access-tier-inferred": "true"}
"""What the properties of a blob say besides, and its content doesn't."""


def metadata(request: Request) -> dict[str, str]:
    """The metadata that a request carries, its names in the case in which they were written."""
    return {
        request.written.get(name, name)[len("x-ms-meta-") :]: value
        for name, value in request.headers.items()
        if name.startswith("x-ms-meta-")
    }


def content_headers(request: Request) -> dict[str, str]:
    """The content type and its like that a request stores with a blob."""
    headers = request.headers
    found = {
        name: headers[f"x-ms-blob-{name}"]
        for name in _CONTENT_HEADERS
        if f"x-ms-blob-{name}" in headers
    }
    if (
        "content-type" not in found
        and request.query.get("comp") is None
        and "content-type" in headers
    ):
        found["content-type"] = headers["content-type"]
    return found


def metadata_headers(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata as an answer carries it."""
    return {f"x-ms-meta-{name}": value for name, value in metadata.items()}


def version_headers(item: blobs.Blob | blobs.Container) -> dict[str, str]:
    """What every answer about a blob or container says of its version."""
    return {"etag": item.etag, "last-modified": http_date(item.modified)}


def written_headers(blob: blobs.Blob) -> dict[str, str]:
    """What a write answers."""
    return version_headers(blob) | md5_header(blob) | {"x-ms-request-server-encrypted": "true"}


def md5_header(blob: blobs.Blob, name: str = "content-md5") -> dict[str, str]:
    """The MD5 that a blob is said to have, if it is."""
    return {name: blob.md5} if blob.md5 else {}


def said_md5(request: Request) -> str | None:
    """The MD5 that a request says its blob has: Azure keeps it and doesn't look."""
    return request.headers.get("x-ms-blob-content-md5")


def blob_headers(blob: blobs.Blob) -> dict[str, str]:
    """Everything that reading a blob says about it."""
    return (
        version_headers(blob)
        | blob.headers
        | md5_header(blob)
        | {
            "accept-ranges": "bytes",
            "x-ms-blob-type": "BlockBlob",
            "x-ms-creation-time": http_date(blob.created),
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
            "x-ms-server-encrypted": "true",
        }
        | metadata_headers(blob.metadata)
    )


def copy_headers(source: str, size: int, cloud: Cloud) -> dict[str, str]:
    """What a copy says of where it comes from, for as long as nobody writes over it."""
    return {
        f"{_COPY}id": str(uuid.uuid4()),
        f"{_COPY}source": source,
        f"{_COPY}status": "success",
        f"{_COPY}progress": f"{size}/{size}",
        f"{_COPY}completion-time": http_date(cloud.clock.timestamp()),
    }


def said_of_copy(blob: blobs.Blob) -> dict[str, str]:
    """The headers of a blob that tell where it was copied from."""
    return {name: value for name, value in blob.headers.items() if name.startswith(_COPY)}


def said_of_content(blob: blobs.Blob) -> dict[str, str]:
    """The headers of a blob that tell about its content."""
    return {name: value for name, value in blob.headers.items() if not name.startswith(_COPY)}


def check_conditions(request: Request, blob: blobs.Blob) -> int:
    """304 when a read may be skipped, 0 to go on; refuses what is not met."""
    headers = request.headers
    reading = request.method in ("GET", "HEAD")
    if "if-match" in headers and headers["if-match"] not in ("*", blob.etag):
        raise condition_not_met()
    if headers.get("if-none-match") == blob.etag:
        if reading:
            return 304
        raise condition_not_met()
    modified = datetime.fromtimestamp(int(blob.modified), UTC)
    if "if-modified-since" in headers and modified <= _date(headers["if-modified-since"]):
        if reading:
            return 304
        raise condition_not_met()
    if "if-unmodified-since" in headers and modified > _date(headers["if-unmodified-since"]):
        raise condition_not_met()
    return 0


def requested_range(request: Request, size: int) -> tuple[int, int] | None:
    """The bytes a request asks for, first and last; None for all of them."""
    text = request.headers.get("x-ms-range") or request.headers.get("range")
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", text) if text else None
    if match is None:
        return None
    start = int(match.group(1))
    if start >= size:
        raise AzureError(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
            headers={"content-range": f"bytes */{size}"},
        )
    return start, min(size - 1, int(match.group(2)) if match.group(2) else size - 1)


def check_md5(request: Request) -> None:
    """Refuse a body that is not what its checksum says."""
    expected = request.headers.get("content-md5")
    if expected is None:
        return
    actual = base64.b64encode(hashlib.md5(request.body, usedforsecurity=False).digest()).decode()
    if actual != expected:
        raise AzureError(
            400,
            "Md5Mismatch",
            "The MD5 value specified in the request did not match with the MD5 value calculated "
            "by the server.",
        )


def condition_not_met() -> AzureError:
    """The refusal of a condition."""
    return AzureError(
        412,
        "ConditionNotMet",
        "The condition specified using HTTP conditional header(s) is not met.",
    )


def _date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError as error:
        raise AzureError(
            400, "InvalidHeaderValue", f"'{text}' is not the date of an HTTP header."
        ) from error
