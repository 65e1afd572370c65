"""Asks one address over and over, on connections that stay open; says how fast that went.

A program of its own, told on standard input what to ask: host, port or proxy, ca, method, path
(`{n}` counts up to 200), headers, body, connections, and how long (seconds) or how often (calls).
"""

import asyncio
import json
import ssl
import sys
import time
from typing import Any


async def main(asked: dict[str, Any]) -> None:
    """Ask on every connection at once; print the rate and the times."""
    trust = ssl.create_default_context(cafile=asked["ca"])
    taken: list[float] = []
    lines = await asyncio.gather(*(_connect(asked, trust) for _ in range(asked["connections"])))
    began = time.perf_counter()
    await asyncio.gather(*(_ask(asked, number, *line, taken) for number, line in enumerate(lines)))
    took = time.perf_counter() - began
    taken.sort()
    told = {
        "calls": len(taken),
        "rate": len(taken) / took,
        "p50": _part(taken, 0.5),
        "p99": _part(taken, 0.99),
    }
    print(json.dumps(told))


async def _connect(
    asked: dict[str, Any], trust: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = asked.get("proxy") or asked["port"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if asked.get("proxy"):
        writer.write(f"CONNECT {asked['host']}:443 HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(trust, server_hostname=asked["host"])
    return reader, writer


async def _ask(
    asked: dict[str, Any],
    number: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    taken: list[float],
) -> None:
    body = json.dumps(asked["body"]).encode() if "body" in asked else b""
    fields = {"host": asked["host"], "content-length": len(body), **asked.get("headers", {})}
    fields["content-type"] = "application/json"
    rest = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    end = time.perf_counter() + asked["seconds"]
    while (len(taken) < asked["calls"]) if asked["calls"] else (time.perf_counter() < end):
        path = asked["path"].replace("{n}", str(number % 200))
        number += asked["connections"]
        began = time.perf_counter()
        writer.write(f"{asked['method']} {path} HTTP/1.1\r\n{rest}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(head.decode("latin-1"))
        length = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))
        taken.append(time.perf_counter() - began)


def _part(taken: list[float], part: float) -> float:
    return taken[min(len(taken) - 1, int(len(taken) * part))]


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
