"""The front door: a CONNECT proxy that reaches the emulated host names and nothing else.

Every other host is refused with 403 before a packet leaves the machine, so a rehearsal can never
touch the real Azure, nor anybody's telemetry. Clients throw the body of a refused CONNECT away and
show its reason phrase, so that is where it says who refused what.

What is let in is no tunnel: behind its CONNECT the same connection is served, so that a call is
read and written once.
"""

import asyncio
import contextlib
import re
import socket
from collections import deque
from collections.abc import Awaitable, Callable

from emulator.rehearsal import guard

_MOST = 64 * 1024
"""Bytes of a CONNECT and its headers."""
_END = b"\r\n\r\n"
_NO_MORE_FILES = 1.0
"""Seconds until a process that has no file left for a connection looks for one again."""


class Proxy:
    """Listens on the loopback interface; `serve` takes over a connection to an emulated host."""

    def __init__(
        self, emulates: Callable[[str], bool], serve: Callable[[socket.socket], Awaitable[object]]
    ) -> None:
        self._emulates = emulates
        self._serve = serve
        self._accepting: asyncio.Task[None] | None = None
        self._at_the_door: set[asyncio.Task[None]] = set()
        self.refused: deque[str] = deque(maxlen=1000)
        """The hosts that were refused, newest last."""

    def start(self, listener: socket.socket) -> int:
        """Listen; returns the port."""
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and let nobody in any more."""
        tasks = [*self._at_the_door, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(_NO_MORE_FILES)
                    continue
                task = asyncio.create_task(self._answer(connection))
                self._at_the_door.add(task)
                task.add_done_callback(self._at_the_door.discard)

    async def _answer(self, connection: socket.socket) -> None:
        served = False
        try:
            async with asyncio.timeout(guard.PATIENCE):
                head = (await _read_head(connection)).decode("latin-1")
            method, target, *_ = [*head.split("\r\n", 1)[0].split(" "), "", ""]
            host, _, port = target.rpartition(":")
            if method != "CONNECT" or port != "443" or not self._emulates(host.lower()):
                await self._refuse(connection, method, target)
                return
            await asyncio.get_running_loop().sock_sendall(
                connection, b"HTTP/1.1 200 Connection established\r\n\r\n"
            )
            served = True
            await self._serve(connection)
        except OSError:
            pass  # the client went away, took too long, or spoke no HTTP, or no TLS
        finally:
            if not served:
                connection.close()

    async def _refuse(self, connection: socket.socket, method: str, target: str) -> None:
        self.refused.append(target)
        body = (
            f"foundry-emulator refuses {method} {target}: it does not emulate that address, and "
            "nothing leaves this machine.\n"
        ).encode()
        head = (
            f"HTTP/1.1 403 foundry-emulator does not emulate {_phrase(target)}\r\n"
            "content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        # To close with something unread would reset the connection, and take the answer along.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while await loop.sock_recv(connection, _MOST):
                    pass


async def _read_head(connection: socket.socket) -> bytes:
    """A request to its empty line, and not a byte of what a hasty client sends behind it."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    head = b""
    loop.add_reader(connection, arrived.set)
    try:
        while not head.endswith(_END):
            await arrived.wait()
            arrived.clear()
            try:
                seen = head + connection.recv(_MOST, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            end = seen.find(_END)
            whole = seen[: end + len(_END)] if end >= 0 else seen
            if len(whole) == len(head) or len(whole) > _MOST:
                raise ConnectionError("no request")
            head += connection.recv(len(whole) - len(head))
    finally:
        loop.remove_reader(connection)
    return head


def _phrase(target: str) -> str:
    """An address as it can stand in a status line: a host without the port that all have."""
    shown = re.sub(r"[^\x21-\x7e]", "?", target.removesuffix(":443"))
    return shown[:200] or "what is no address"
