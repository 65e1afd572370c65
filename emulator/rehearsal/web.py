"""Between uvicorn and the handlers: an ASGI application that runs them off the event loop."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from emulator.http.messages import Request, Response
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]
Answer = Callable[[Request], tuple[Response, Json]]

HEADER_LIMIT = 64 * 1024
_END = object()
_METADATA = b"x-ms-meta-"


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
    """The ASGI application of one port: `answer` is `cloud.handle`, or the control plane's."""

    def __init__(self, cloud: Cloud, answer: Answer, pool: ThreadPoolExecutor) -> None:
        self._cloud = cloud
        self._answer = answer
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
        loop = asyncio.get_running_loop()
        response, fault = await loop.run_in_executor(self._pool, self._answer, request)
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
        return Request(
            cloud=self._cloud,
            method=scope["method"],
            host=headers.get("host", "").partition(":")[0].lower(),
            path=scope["path"],
            raw_path=scope["raw_path"].decode("latin-1"),
            raw_query=raw_query,
            query=dict(parse_qsl(raw_query, keep_blank_values=True)),
            headers=headers,
            written=scope["extensions"]["written"],
            body=body,
            id=str(uuid.uuid4()),
            correlation_id=headers.get("x-ms-correlation-request-id") or str(uuid.uuid4()),
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
        "headers": [(_name(name), _header(value)) for name, value in response.headers.items()],
    }


def _name(name: str) -> bytes:
    encoded = name.encode("latin-1")
    return _AsWritten(encoded) if encoded.startswith(_METADATA) else encoded


def _header(value: str) -> bytes:
    # A refusal may quote what the client sent: it must neither end the header nor fail to encode.
    return value.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace")
