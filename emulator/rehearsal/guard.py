"""What is no call, and who never ends one: refused in Azure's envelope, and left.

httptools says what is no HTTP. It knows no limits: those of a head (`web.py`), of a body and of
patience are kept here, before anything waits for a thread or is kept in memory.
"""

import asyncio

from emulator.rehearsal.web import Protocol, refusal

BODY_LIMIT = 256 * 1024 * 1024
"""Bytes in one call."""
PATIENCE = 60.0
"""Seconds that a head may take, and in which a body must bring at least `LEAST` bytes."""
LEAST = 16 * 1024
_LINGERS = 2.0
"""Seconds in which a refused client may end what it sends: cut off in it, it reads no answer."""


class _TooLargeError(Exception):
    """Out of the parser's callbacks: nothing of the call is acted on."""


class Guarded(Protocol):
    """The protocol of every port."""

    _under_way = False
    """Whether half a message is here."""
    _body = 0
    """Bytes of its body so far."""
    _seen = 0
    """How many there were when it was looked last."""
    _too_large = False
    _refused = False
    """Whether all that comes is read to be forgotten."""
    _alarm: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take in what came; half a message is waited for, but not for ever."""
        if self._refused:
            return
        super().data_received(data)
        if self._refused:
            return
        if not self._under_way or self.transport.is_closing():
            self._rest()
        elif self._alarm is None:
            self._seen = self._body
            self._alarm = asyncio.get_running_loop().call_later(PATIENCE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._rest()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Half of one is here."""
        self._under_way, self._body, self._too_large = True, 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A body that says it is too large isn't waited for."""
        for name, value in self.headers:
            if name == b"content-length":
                self._check(int(value))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Nor is one that turns out to be."""
        self._body += len(body)
        self._check(self._body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._under_way = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong, as Azure would."""
        del msg
        if self._too_large:
            limit = f"foundry-emulator takes up to {BODY_LIMIT / 2**20:g} MiB in one call."
            self.refuse(413, "RequestBodyTooLarge", limit)
        else:
            self.refuse(400, "BadRequest", "The request is malformed: it is no HTTP/1.1.")

    def refuse(self, status: int, code: str, message: str) -> None:
        """Say it, and hear the client out for a moment before it is left."""
        self._refused = True
        self.transport.write(refusal(status, code, message))
        self._rest()
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(_LINGERS, self.transport.close)

    def _check(self, size: int) -> None:
        if size > BODY_LIMIT:
            self._too_large = True
            raise _TooLargeError

    def _look(self) -> None:
        """The time is up: for a head, or for what a body should have brought by now."""
        self._alarm = None
        if not self._reads_head and self._body - self._seen >= LEAST:
            self._seen = self._body
            self._alarm = asyncio.get_running_loop().call_later(PATIENCE, self._look)
            return
        words = f"foundry-emulator waited {PATIENCE:g} seconds for the rest of the request."
        self.refuse(408, "RequestTimeout", words)

    def _rest(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
