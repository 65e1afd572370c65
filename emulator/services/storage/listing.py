"""The blob plane's XML lists: containers, blobs with prefixes, and blocks."""

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar
from xml.etree.ElementTree import Element

from emulator.http.messages import Request, Response
from emulator.services.storage import blobs as store
from emulator.services.storage.markup import answer, element, texts
from emulator.state.clock import http_date
from emulator.state.errors import AzureError, not_emulated
from emulator.state.store import Resource

Entry = TypeVar("Entry")
_MAXIMUM = 5000


def containers(request: Request, account: Resource) -> Response:
    """The containers of an account."""
    with_metadata = "metadata" in _included(request)
    prefix, marker = request.option("prefix"), request.option("marker")
    found = store.list_containers(request.cloud, account.name, prefix, start=marker)
    shown, following = _page(request, ((one.name, one) for one in found))
    entries = [_container(one, with_metadata) for _, one in shown]
    return _results(request, account, "", element("Containers", entries), following)


def blobs(request: Request, account: Resource, container: str) -> Response:
    """The blobs of a container; with a delimiter, one level of its hierarchy."""
    with_metadata = "metadata" in _included(request)
    shown, following = _page(request, _level(request, account, container))
    listed = [_entry(name, blob, with_metadata) for name, blob in shown]
    return _results(request, account, container, element("Blobs", listed), following)


def _level(
    request: Request, account: Resource, container: str
) -> Iterator[tuple[str, store.Blob | None]]:
    """Blobs by name from the marker on; with a delimiter, None for all behind one prefix."""
    prefix, delimiter = request.option("prefix"), request.option("delimiter")
    start: str | None = request.option("marker")
    while start is not None:
        found = store.blobs_in(request.cloud, account.name, container, prefix, start=start)
        start = None
        for blob in found:
            head, separator, _ = (
                blob.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            )
            if separator:
                shared = prefix + head + separator
                yield shared, None
                start = shared + store.LAST  # over all of them at once
                break
            yield blob.name, blob


def block_list(
    committed: list[tuple[str, int]] | None, uncommitted: list[tuple[str, int]] | None
) -> Response:
    """The blocks of a blob."""
    lists = [
        element(tag, [_block(id, size) for id, size in some])
        for tag, some in (("CommittedBlocks", committed), ("UncommittedBlocks", uncommitted))
        if some is not None
    ]
    return answer(element("BlockList", lists))


def _block(id: str, size: int) -> Element:
    return element("Block", texts({"Name": id, "Size": str(size)}))


def _container(container: store.Container, with_metadata: bool) -> Element:
    properties = {
        "Last-Modified": http_date(container.modified),
        "Etag": container.etag,
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
        "HasImmutabilityPolicy": "false",
        "HasLegalHold": "false",
    }
    parts = [element("Name", container.name), element("Properties", texts(properties))]
    return element("Container", [*parts, *_metadata(container.metadata, with_metadata)])


def _entry(name: str, blob: store.Blob | None, with_metadata: bool) -> Element:
    if blob is None:
        return element("BlobPrefix", texts({"Name": name}))
    properties = {
        "Creation-Time": http_date(blob.created),
        "Last-Modified": http_date(blob.modified),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size),
        **{tag: blob.headers.get(tag.lower(), "") for tag in _CONTENT},
        "Content-MD5": blob.md5,
        "BlobType": "BlockBlob",
        "AccessTier": "Hot",
        "AccessTierInferred": "true",
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
        "ServerEncrypted": "true",
    }
    parts = [element("Name", name), element("Properties", texts(properties))]
    more = [*_metadata(blob.metadata, with_metadata), element("OrMetadata")]
    return element("Blob", [*parts, *more])


_CONTENT = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Disposition",
    "Cache-Control",
)


# Of these there are none: what makes one is refused.
_NONE_HERE = frozenset(
    {"snapshots", "versions", "deleted", "deletedwithversions", "tags", "legalhold", "system"}
)


def _included(request: Request) -> set[str]:
    """What a list is to show besides; what it would have to show and can't is refused."""
    asked = {name.strip().lower() for name in request.option("include").split(",") if name.strip()}
    unknown = sorted(asked - _NONE_HERE - {"metadata"})
    options = sorted(
        {"showonly", "startfrom", "endbefore"} & {name.lower() for name in request.query}
    )
    if unknown or options:
        what = f"include={unknown[0]}" if unknown else f"the option '{options[0]}'"
        raise not_emulated(
            f"{what} of a list of blobs", "It shows metadata, and what is committed."
        )
    return asked


def _metadata(metadata: dict[str, str], wanted: bool) -> list[Element]:
    return [element("Metadata", texts(metadata))] if wanted else []


def _page(
    request: Request, entries: Iterator[tuple[str, Entry]]
) -> tuple[list[tuple[str, Entry]], str]:
    """The entries of this page by their names, and the marker of the next one."""
    text = request.option("maxresults", str(_MAXIMUM))
    if not text.isdigit() or not 0 < int(text) <= _MAXIMUM:
        raise AzureError(
            400,
            "OutOfRangeQueryParameterValue",
            "One of the query parameters specified in the request URI is outside the permissible "
            f"range: maxresults must lie between 1 and {_MAXIMUM}.",
        )
    size = int(text)
    found = list(islice(entries, size + 1))
    return found[:size], found[size][0] if len(found) > size else ""


def _results(
    request: Request, account: Resource, container: str, entries: Element, following: str
) -> Response:
    options = {
        tag: request.option(name)
        for tag, name in (
            ("Prefix", "prefix"),
            ("Marker", "marker"),
            ("MaxResults", "maxresults"),
            ("Delimiter", "delimiter"),
        )
        if request.option(name)
    }
    where = {"ServiceEndpoint": f"https://{account.name.lower()}.blob.core.windows.net/"}
    if container:
        where["ContainerName"] = container
    parts = [*texts(options), entries, element("NextMarker", following)]
    return answer(element("EnumerationResults", parts, **where))
