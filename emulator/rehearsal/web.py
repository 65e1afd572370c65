"""Between uvicorn and the handlers: an ASGI application that runs them off the event loop."""

import asyncio
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from emulator.http.messages import Request, Response
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]
Answer = Callable[[Request], tuple[Response, Json]]
AtOnce = Callable[[Request], tuple[Response, Json] | None]

HEADER_LIMIT = 64 * 1024
_END = object()
_METADATA = b"x-ms-meta-"
_NO_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class _AsWritten(bytes):
    """A header's name that is sent as it is: uvicorn lowers names, and this one can't be."""

    def lower(self) -> bytes:
        """Itself."""
        return self


def refusal(status: int, code: str, message: str) -> bytes:
    """An answer in Azure's envelope to what never became a call; nothing comes after it."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/json; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol: a fault reaches the connection below it, and headers have an end."""

    _head = 0
    """Bytes since the message began, until its headers are complete."""
    _reads_head = True

    def data_received(self, data: bytes) -> None:
        """Take in what came; headers beyond the limit end the connection (httptools has none)."""
        if self._reads_head:
            self._head += len(data)
        super().data_received(data)
        if self._reads_head and self._head > HEADER_LIMIT:
            message = f"foundry-emulator takes up to {HEADER_LIMIT // 1024} KiB of headers."
            self.refuse(431, "RequestHeaderFieldsTooLarge", message)
        elif self._head or not self._reads_head:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Say at once that half a message came.

        urllib3 leaves Nagle's algorithm on towards a proxy and sends headers and body apart, so
        that every PUT would wait 40 ms for a delayed acknowledgement. Linux sends it when asked to,
        which it forgets again and again.
        """
        if hasattr(socket, "TCP_QUICKACK") and not self.transport.is_closing():
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def shutdown(self) -> None:
        """End the connection: at once if it is idle, as no client says good-bye to a bare one."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first call
        if cycle is None or cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer what never became a call, and be done with the client."""
        self.transport.write(refusal(status, code, message))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """The headers are there: what follows is the body's."""
        self._reads_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are another message's."""
        self._reads_head, self._head = True, 0
        super().on_message_complete()

    def on_message_begin(self) -> None:
        """Hand the transport to the application."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # pyright: ignore[reportAssignmentType]
        self._written: dict[str, str] = {}
        scope["extensions"] = {"transport": self.transport, "written": self._written}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep how a metadata header is written: uvicorn lowers names, blob storage doesn't."""
        if name[: len(_METADATA)].lower() == _METADATA:
            self._written[name.lower().decode("latin-1")] = name.decode("latin-1")
        super().on_header(name, value)


class Application:
    """The ASGI application of one port: `answer` is the front door's, or the control plane's.

    What `at_once` answers is no work for a thread; None says that a thread has to do it.
    """

    def __init__(
        self,
        cloud: Cloud,
        answer: Answer,
        pool: ThreadPoolExecutor,
        at_once: AtOnce = lambda _: None,
    ) -> None:
        self._cloud = cloud
        self._answer = answer
        self._at_once = at_once
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        transport: asyncio.Transport = scope["extensions"]["transport"]
        try:
            body = await _body(receive)
        except ConnectionResetError:
            return  # half a call is none: what a client did not finish saying is never acted on
        request = self._request(scope, body)
        answered = self._at_once(request)
        if answered is None:
            loop = asyncio.get_running_loop()
            answered = await loop.run_in_executor(self._pool, self._answer, request)
        response, fault = answered
        if fault.get("drop") or fault.get("lose_answer"):
            transport.abort()
            return
        if isinstance(response.body, bytes):
            await _send_bytes(response, response.body, send, fault, transport)
        else:
            await self._send_stream(response, response.body, receive, send)

    def _request(self, scope: Scope, body: bytes) -> Request:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        raw_query = scope["query_string"].decode("latin-1")
        id = str(uuid.uuid4())
        return Request(
            cloud=self._cloud,
            method=scope["method"],
            host=headers.get("host", "").partition(":")[0].lower(),
            path=scope["path"],
            raw_path=scope["raw_path"].decode("latin-1"),
            raw_query=raw_query,
            query=dict(_pairs(raw_query)),
            headers=headers,
            written=scope["extensions"]["written"],
            body=body,
            id=id,
            # ARM's own answers show one id in all three places, unless the caller has one.
            correlation_id=headers.get("x-ms-correlation-request-id") or id,
        )

    async def _send_stream(
        self, response: Response, pieces: Iterator[bytes], receive: Receive, send: Send
    ) -> None:
        await send(_start(response))
        loop = asyncio.get_running_loop()
        gone = asyncio.ensure_future(receive())  # answers when the client hangs up
        try:
            while not gone.done():
                piece: Any = await loop.run_in_executor(self._pool, next, pieces, _END)
                if piece is _END:
                    break
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            close = getattr(pieces, "close", None)
            if close is not None:
                await loop.run_in_executor(self._pool, close)


@lru_cache(maxsize=256)
def _pairs(raw_query: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(raw_query, keep_blank_values=True))


async def _body(receive: Receive) -> bytes:
    """The body; a client that hangs up in it is an error."""
    pieces: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _send_bytes(
    response: Response, body: bytes, send: Send, fault: Json, transport: asyncio.Transport
) -> None:
    if response.status not in (204, 304):
        response.headers.setdefault("content-length", str(len(body)))
    await send(_start(response))
    if "truncate" in fault:
        part = body[: int(len(body) * float(fault["truncate"]))]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        transport.close()
        return
    await send({"type": "http.response.body", "body": body})


def _start(response: Response) -> dict[str, Any]:
    return {
        "type": "http.response.start",
        "status": response.status,
        # A refusal may quote what the client sent: it must not end the header, nor fail to encode.
        "headers": [
            (_name(name), value.encode("latin-1", "replace").translate(_NO_BREAKS))
            for name, value in response.headers.items()
        ],
    }


@lru_cache(maxsize=1024)
def _name(name: str) -> bytes:
    encoded = name.encode("latin-1")
    return _AsWritten(encoded) if encoded.startswith(_METADATA) else encoded
