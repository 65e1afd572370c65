"""What the newest calls sent and got, kept for a look: their texts without secrets.

Bytes are kept as they came and looked through only when somebody looks, so that a call costs what
it costs without a page.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from emulator.http import redaction
from emulator.http.messages import Request, Response
from emulator.state.json_text import Json

_CALLS = 300
_MOST = 64 * 1024
"""Bytes of a body that is kept: all of them at most 2 x 300 x 64 kB = 38 MB."""
_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class _Body:
    content: bytes | None
    """None: it came in pieces, or is too long."""
    size: int
    media_type: str


class Kept:
    """The bodies of the newest calls; a listener of the front door."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_number: OrderedDict[int, tuple[str, str, _Body, _Body]] = OrderedDict()

    def hear(self, request: Request, response: Response, call: Json) -> None:
        """Keep a call that is answered."""
        sent = _body(request.body, request.headers.get("content-type", ""))
        got = _body(response.body, response.headers.get("content-type", ""))
        with self._lock:
            self._by_number[call["number"]] = (request.host, request.path, sent, got)
            while len(self._by_number) > _CALLS:
                self._by_number.popitem(last=False)

    def of(self, number: int) -> tuple[tuple[str, str], ...]:
        """The bodies of a call with their titles; none where there is none, or no more."""
        with self._lock:
            found = self._by_number.get(number)
        if found is None:
            return ()
        host, path, sent, got = found
        titled = (("Sent", sent), ("Answered", got))
        return tuple((title, _text(body, host, path)) for title, body in titled if body.size)

    def json_sent(self, number: int) -> str:
        """The body that a call sent, if it was JSON, without secrets."""
        with self._lock:
            found = self._by_number.get(number)
        if found is None or found[2].content is None or "json" not in found[2].media_type:
            return ""
        return redaction.body(found[2].content, found[2].media_type, found[0], found[1]) or ""


def _body(content: object, media_type: str) -> _Body:
    if not isinstance(content, bytes):
        return _Body(None, 1, media_type)
    return _Body(content if len(content) <= _MOST else None, len(content), media_type)


def _text(body: _Body, host: str, path: str) -> str:
    if body.content is None:
        return "(in pieces, or longer than is kept)"
    said = redaction.body(body.content, body.media_type, host, path)
    if said is None:
        return f"({body.size:,} bytes of {body.media_type or 'no type'})"
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]} …"
