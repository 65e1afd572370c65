"""Lists in pages: what a list takes is read as far as a page goes, however long the list is."""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from emulator.http.messages import Request, Response
from emulator.state.errors import AzureError, bad_request, not_emulated
from emulator.state.json_text import Json, encode_json
from emulator.state.store import Resource, place

T = TypeVar("T")
Place = tuple[float, str]
"""Where an item stands in its list: a number, and a name where that tells too little."""
Walk = Callable[[Place | None, int], Iterator[tuple[Place, T]]]
"""The items of a list in their order, with their places; from behind a place, if one is given.

It is told as well how many will be taken if all of them are shown.
"""
_TOKEN = msgspec.json.Decoder(tuple[int, float, str])


def page_of_resources(
    request: Request,
    walk: Callable[[Place | None, int], Iterator[Resource]],
    shown: Callable[[Resource], object],
    *,
    most: int | None = None,
    options: tuple[str, ...] = (),
) -> Response:
    """`page` of resources in the order of their creation: `walk` goes on behind a place."""

    def placed(after: Place | None, wanted: int) -> Iterator[tuple[Place, Resource]]:
        return ((place(resource), resource) for resource in walk(after, wanted))

    return page(request, placed, shown, most=most, options=options)


def page(
    request: Request,
    items: Sequence[T] | Walk[T],
    shown: Callable[[T], object] = lambda item: item,
    *,
    most: int | None = None,
    options: tuple[str, ...] = (),
) -> Response:
    """A list in pages: `value`, and a `nextLink` while there is more; only what is shown is made.

    `items` are all there are, or a walk over them: no more are read then than are shown. `most` is
    the service's own limit to a page, `options` what the list was made with: an option that nobody
    looked at is refused, for an answer without it would be another list.
    """
    _refuse_options(request, options)
    size = min(request.cloud.page_size, most or request.cloud.page_size)
    before, after = _skipped(request)
    top = _top(request)
    wanted = size + 1 if top is None else min(size + 1, max(0, top - before))
    walk = items if callable(items) else _in_order(items)
    found = list(islice(walk(after, wanted), wanted))
    answer: Json = {"value": [shown(item) for _, item in found[:size]]}
    if len(found) > size:
        token = encode_json((before + size, *found[size - 1][0])).encode()
        following = base64.urlsafe_b64encode(token).decode()
        address = re.sub(r"[?&]\$skipToken=[^&]*", "", request.url, flags=re.IGNORECASE)
        answer["nextLink"] = f"{address}&$skipToken={following}"
    return Response.json(answer)


def _in_order(items: Sequence[T]) -> Walk[T]:
    def walk(after: Place | None, _: int) -> Iterator[tuple[Place, T]]:
        start = max(0, int(after[0]) + 1) if after else 0
        return (((float(number), ""), items[number]) for number in range(start, len(items)))

    return walk


def _skipped(request: Request) -> tuple[int, Place | None]:
    """How many the pages before this one showed, and the place of the last of them."""
    token = request.option("$skipToken")
    if not token:
        return 0, None
    try:
        before, number, name = _TOKEN.decode(base64.urlsafe_b64decode(token.encode()))
        return max(0, before), (number, name)
    except (ValueError, OverflowError) as error:  # also base64's and msgspec's own
        raise AzureError(
            400, "InvalidSkipToken", f"The $skipToken '{token}' is invalid."
        ) from error


def _refuse_options(request: Request, known: tuple[str, ...]) -> None:
    paging = ("api-version", "$skipToken", "$top")
    lowered = {name.lower() for name in (*paging, *known)}
    for name in request.query:
        if name.lower() not in lowered:
            raise not_emulated(
                f"the option '{name}' of this list", f"Known: {', '.join((*known, '$top'))}."
            )


def _top(request: Request) -> int | None:
    text = request.option("$top")
    if text and not (text.isdecimal() and int(text)):
        raise bad_request(f"$top is a number above 0, not '{text}'.", "InvalidTopParameter", "$top")
    return int(text) if text else None


def count(request: Request) -> int | None:
    """The `count` that a list takes: how many a page shows at most."""
    text = request.option("count")
    if text and not (text.isdecimal() and int(text)):
        raise bad_request(f"count is a number above 0, not '{text}'.", target="count")
    return int(text) if text else None
