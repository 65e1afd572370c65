"""The blob plane's XML lists: containers, blobs with prefixes, and blocks."""

from html import escape

from emulator.http.messages import Request, Response
from emulator.services.storage import blobs as store
from emulator.state.clock import http_date
from emulator.state.errors import AzureError
from emulator.state.store import Resource

_MAXIMUM = 5000


def containers(request: Request, account: Resource) -> Response:
    """The containers of an account."""
    found = store.list_containers(request.cloud, account.name, request.option("prefix"))
    shown, following = _page(request, [container.name for container in found])
    with_metadata = "metadata" in request.option("include")
    entries = "".join(
        f"<Container><Name>{escape(container.name)}</Name><Properties>"
        f"<Last-Modified>{http_date(container.modified)}</Last-Modified>"
        f"<Etag>{escape(container.etag)}</Etag><LeaseStatus>unlocked</LeaseStatus>"
        "<LeaseState>available</LeaseState><HasImmutabilityPolicy>false</HasImmutabilityPolicy>"
        "<HasLegalHold>false</HasLegalHold></Properties>"
        f"{_metadata(container.metadata) if with_metadata else ''}</Container>"
        for container in found
        if container.name in shown
    )
    return _results(request, account, "", f"<Containers>{entries}</Containers>", following)


def blobs(request: Request, account: Resource, container: str) -> Response:
    """The blobs of a container; with a delimiter, one level of its hierarchy."""
    prefix, delimiter = request.option("prefix"), request.option("delimiter")
    found = {
        blob.name: blob for blob in store.blobs_in(request.cloud, account.name, container, prefix)
    }
    entries: dict[str, store.Blob | None] = {}
    for name, blob in found.items():
        head, separator, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if separator:
            entries[prefix + head + separator] = None
        else:
            entries[name] = blob
    shown, following = _page(request, sorted(entries))
    with_metadata = "metadata" in request.option("include")
    text = "".join(_entry(name, entries[name], with_metadata) for name in shown)
    return _results(request, account, container, f"<Blobs>{text}</Blobs>", following)


def block_list(
    committed: list[tuple[str, int]] | None, uncommitted: list[tuple[str, int]] | None
) -> Response:
    """The blocks of a blob."""
    parts = "".join(
        f"<{tag}>"
        + "".join(f"<Block><Name>{id}</Name><Size>{size}</Size></Block>" for id, size in blocks)
        + f"</{tag}>"
        for tag, blocks in (("CommittedBlocks", committed), ("UncommittedBlocks", uncommitted))
        if blocks is not None
    )
    return xml(f'<?xml version="1.0" encoding="utf-8"?><BlockList>{parts}</BlockList>')


def xml(body: str) -> Response:
    """An XML answer."""
    return Response(200, {"content-type": "application/xml"}, body.encode())


def _entry(name: str, blob: store.Blob | None, with_metadata: bool) -> str:
    if blob is None:
        return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
    headers = "".join(
        f"<{tag}>{escape(blob.headers.get(tag.lower(), ''))}</{tag}>"
        for tag in (
            "Content-Type",
            "Content-Encoding",
            "Content-Language",
            "Content-Disposition",
            "Cache-Control",
        )
    )
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Creation-Time>{http_date(blob.created)}</Creation-Time>"
        f"<Last-Modified>{http_date(blob.modified)}</Last-Modified>"
        f"<Etag>{escape(blob.etag.strip(chr(34)))}</Etag>"
        f"<Content-Length>{blob.size}</Content-Length>{headers}"
        f"<Content-MD5>{blob.md5}</Content-MD5><BlobType>BlockBlob</BlobType>"
        "<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        "<ServerEncrypted>true</ServerEncrypted></Properties>"
        f"{_metadata(blob.metadata) if with_metadata else ''}<OrMetadata/></Blob>"
    )


def _metadata(metadata: dict[str, str]) -> str:
    entries = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in metadata.items())
    return f"<Metadata>{entries}</Metadata>"


def _page(request: Request, names: list[str]) -> tuple[list[str], str]:
    """The names of this page, and the marker of the next one."""
    text = request.option("maxresults", str(_MAXIMUM))
    if not text.isdigit() or not 0 < int(text) <= _MAXIMUM:
        raise AzureError(
            400,
            "OutOfRangeQueryParameterValue",
            "One of the query parameters specified in the request URI is outside the permissible "
            f"range: maxresults must lie between 1 and {_MAXIMUM}.",
        )
    marker = request.option("marker")
    left = [name for name in names if name >= marker] if marker else names
    size = int(text)
    return left[:size], left[size] if len(left) > size else ""


def _results(
    request: Request, account: Resource, container: str, entries: str, following: str
) -> Response:
    endpoint = f"https://{account.name.lower()}.blob.core.windows.net/"
    where = f' ContainerName="{escape(container)}"' if container else ""
    options = "".join(
        f"<{tag}>{escape(request.option(name))}</{tag}>"
        for tag, name in (
            ("Prefix", "prefix"),
            ("Marker", "marker"),
            ("MaxResults", "maxresults"),
            ("Delimiter", "delimiter"),
        )
        if request.option(name)
    )
    return xml(
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{endpoint}"'
        f"{where}>{options}{entries}<NextMarker>{escape(following)}</NextMarker>"
        "</EnumerationResults>"
    )
