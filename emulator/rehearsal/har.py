"""A recording of every call as browsers read it, HTTP Archive 1.2; without secrets.

The file is whole after every call, so that a killed emulator leaves one that can be read.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

from emulator.http import redaction
from emulator.http.messages import Request, Response
from emulator.state.json_text import Json

LOOKED_THROUGH = 1024 * 1024
"""Bytes of a body that are looked through for secrets; of a larger one only its size is told."""
SHOWN = 64 * 1024
"""Characters of a body that are shown."""


class Recording:
    """Writes calls into a file; a listener of the front door."""

    def __init__(self, path: Path, *, version: str) -> None:
        self._lock = threading.Lock()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        # Secrets are taken out, prompts and names are not: nobody else reads them.
        os.fchmod(descriptor, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        creator = {"name": "foundry-emulator", "version": version}
        head = json.dumps({"log": {"version": "1.2", "creator": creator, "entries": []}})
        self._end = head[-3:]
        self._file.write(head[:-3])
        self._position = self._file.tell()
        self._first = True
        self._close_text()

    def __enter__(self) -> "Recording":
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def hear(self, request: Request, response: Response, call: Json) -> None:
        """Record a call; one that is answered piece by piece, once its last piece is sent."""
        if isinstance(response.body, bytes):
            self._write(_entry(request, response, call, response.body, len(response.body)))
            return

        def done(head: bytes, size: int) -> None:
            self._write(_entry(request, response, call, head, size))

        response.body = _Overheard(response.body, done)

    def _write(self, entry: Json) -> None:
        said = json.dumps(entry, ensure_ascii=False)
        with self._lock:
            if self._file.closed:
                return  # a stream that outlives the emulator
            self._file.seek(self._position)
            self._file.write(said if self._first else f",\n{said}")
            self._first = False
            self._position = self._file.tell()
            self._close_text()

    def _close_text(self) -> None:
        self._file.write(self._end)
        self._file.flush()


class _Overheard:
    """Pieces on their way; the first of them are kept, and told with the size of all at the end."""

    def __init__(self, pieces: Iterator[bytes], done: Any) -> None:
        self._pieces, self._done = pieces, done
        self._head, self._size = b"", 0

    def __iter__(self) -> "Iterator[bytes]":
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except BaseException:
            self._tell()
            raise
        self._size += len(piece)
        if len(self._head) <= LOOKED_THROUGH:
            self._head += piece
        return piece

    def close(self) -> None:
        """The client has hung up, or has it all."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._tell()

    def _tell(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self._head, self._size)


def _entry(request: Request, response: Response, call: Json, body: bytes, size: int) -> Json:
    wait = call["milliseconds"]
    began = datetime.fromtimestamp(time.time() - wait / 1000, UTC)
    sent_type = request.headers.get("content-type", "")
    answered_type = response.headers.get("content-type", "")
    sent: Json = {
        "method": request.method,
        "url": redaction.url(request.url),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": redaction.headers(request.headers),
        "queryString": redaction.query_of(request.raw_query),
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        sent["postData"] = {
            "mimeType": sent_type,
            "text": "",
            **_text(request, request.body, len(request.body), sent_type),
        }
    answered: Json = {
        "status": response.status,
        "statusText": _words(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": redaction.headers(response.headers),
        "content": {
            "size": size,
            "mimeType": answered_type,
            **_text(request, body, size, answered_type),
        },
        "redirectURL": redaction.url(response.headers.get("location", "")),
        "headersSize": -1,
        "bodySize": size,
    }
    entry: Json = {
        "startedDateTime": began.isoformat(timespec="milliseconds"),
        "time": wait,
        "request": sent,
        "response": answered,
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": 0},
        "_principal": call["principal"],
    }
    if "fault" in call:
        entry["_fault"] = sorted(call["fault"])
    return entry


def _text(request: Request, body: bytes, size: int, media_type: str) -> Json:
    if size > LOOKED_THROUGH:
        return {"comment": f"{size} bytes, left out: more than is looked through for secrets"}
    said = redaction.body(body, media_type, request.host, request.path)
    if said is None:
        return {"comment": f"{size} bytes, left out: no text that can be looked through"}
    if len(said) > SHOWN:
        return {"text": said[:SHOWN], "comment": f"the first {SHOWN} of {len(said)} characters"}
    return {"text": said}


def _words(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
