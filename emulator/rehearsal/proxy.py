"""The front door: a CONNECT proxy that reaches the emulated host names and nothing else.

Every other host is refused with 403 before a packet leaves the machine, so a rehearsal can never
touch the real Azure, nor anybody's telemetry. Clients throw the body of a refused CONNECT away and
show its reason phrase, so that is where it says who refused what.
"""

import asyncio
import re
import socket
from collections import deque
from collections.abc import Callable

_BUFFER = 1024 * 1024


class Proxy:
    """Listens on the loopback interface and tunnels to the local TLS server."""

    def __init__(self, emulates: Callable[[str], bool], tls_port: int) -> None:
        self._emulates = emulates
        self._tls_port = tls_port
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self.refused: deque[str] = deque(maxlen=1000)
        """The hosts that were refused, newest last."""

    async def start(self, listener: socket.socket) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=_BUFFER)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and cut the tunnels."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tunnels):
            task.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or spoke no HTTP
        except asyncio.CancelledError:
            pass  # `stop` cuts the tunnels; asyncio would report the task as a failure
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, *_ = [*head.split("\r\n", 1)[0].split(" "), "", ""]
        host, _, port = target.rpartition(":")
        if method != "CONNECT" or port != "443" or not self._emulates(host.lower()):
            await self._refuse(writer, method, target)
            return
        upstream_reader, upstream_writer = await asyncio.open_connection(
            "127.0.0.1", self._tls_port, limit=_BUFFER
        )
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            connection = writer.get_extra_info("socket")
            await asyncio.gather(
                _pipe(reader, upstream_writer, acknowledge=connection),
                _pipe(upstream_reader, writer),
            )
        finally:
            upstream_writer.close()

    async def _refuse(self, writer: asyncio.StreamWriter, method: str, target: str) -> None:
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
        writer.write(head.encode() + body)
        await writer.drain()


def _phrase(target: str) -> str:
    """An address as it can stand in a status line: a host without the port that all have."""
    shown = re.sub(r"[^\x21-\x7e]", "?", target.removesuffix(":443"))
    return shown[:200] or "what is no address"


async def _pipe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    acknowledge: socket.socket | None = None,
) -> None:
    """Copy until one side ends; then the other side learns of it.

    urllib3 leaves Nagle's algorithm on towards a proxy and sends headers and body apart, so that
    every PUT would wait 40 ms for a delayed acknowledgement. Linux sends it at once when asked to,
    which it forgets again and again.
    """
    try:
        while True:
            if acknowledge is not None and hasattr(socket, "TCP_QUICKACK"):
                acknowledge.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data = await reader.read(_BUFFER)
            if not data:
                break
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        if not writer.is_closing():
            writer.close()
