"""The emulator's front door against a constant answer of the same TLS server, in the same run.

The server is a process, who asks is another; a call goes through the proxy's tunnel and TLS, on
connections that stay open. The constant answers the same bytes with no thread behind it, without
the proxy: what uvicorn, httptools and TLS cost by themselves.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import uvicorn

from benchmarks.measure import Result
from emulator.rehearsal.certificates import CertificateAuthority
from emulator.rehearsal.guard import Guarded
from emulator.server import Emulator
from emulator.state.ids import RESOURCE_GROUP, parse_id
from emulator.state.store import Resource

HOST = "management.azure.com"
SECONDS, ROUNDS = 2.0, 5
CROWD = 100_000
VERSION = "api-version=2024-03-01"

_CLIENT = Path(__file__).with_name("many_calls.py")


def run(folder: Path) -> list[Result]:
    """Reads and writes a second, the slowest of many at once, and a long list."""
    with Emulator(folder / "state") as emulator, _constant(folder) as constant:
        assert emulator.address is not None
        door = {
            "host": HOST,
            "ca": str(emulator.address.ca_file),
            "proxy": int(emulator.address.proxy.rsplit(":", 1)[-1]),
            "headers": {"authorization": f"Bearer {token(emulator)}"},
        }
        subscription = emulator.control.add_subscription(registered=None)
        groups = f"/subscriptions/{subscription}/resourceGroups"
        group = {"location": "eastus2"}
        write = {**door, "method": "PUT", "path": f"{groups}/rg-{{n}}?{VERSION}", "body": group}
        read = {**door, "method": "GET", "path": f"{groups}/rg-0?{VERSION}"}
        ask(write, calls=1)
        reads = _ratio(read, constant)
        many = _ratio(read, constant, connections=64)
        writes = _ratio(write, constant)
        at_once = [ask(read, connections=64) for _ in range(ROUNDS)]
        spread = median(one["p99"] / one["p50"] for one in at_once)
        few, crowd = (
            {**door, "method": "GET", "path": f"{_filled(emulator, count)}?$top=100&{VERSION}"}
            for count in (100, CROWD)
        )
        lists = [ask(few)["rate"] / ask(crowd)["rate"] for _ in range(ROUNDS)]
    return [
        Result("GET of a group / constant answer, 8 at once", reads[0], 0.5, "x", True, reads[1]),
        Result("the same, 64 at once", many[0], 0.5, "x", True, many[1]),
        Result("PUT of a group on disk / constant answer", writes[0], 0.35, "x", True, writes[1]),
        Result(
            "p99 / p50 of GET, 64 at once",
            spread,
            10,
            "x",
            note=f"p50 {median(one['p50'] for one in at_once) * 1000:.0f} ms",
        ),
        Result(f"100 of {CROWD:,} groups / 100 of 100, a list's time", median(lists), 1.5, "x"),
    ]


def _filled(emulator: Emulator, count: int) -> str:
    """The address of the groups of a new subscription that has so many."""
    subscription = emulator.control.add_subscription(registered=None)
    groups = f"/subscriptions/{subscription}/resourceGroups"
    cloud = emulator.cloud
    with cloud.database.transaction():
        for number in range(count):
            id = parse_id(f"{groups}/rg-{number}")
            body = {"location": "eastus2", "properties": {"provisioningState": "Succeeded"}}
            cloud.resources.put(Resource(id=id, type=RESOURCE_GROUP, body=body))
    return groups


def _ratio(
    subject: dict[str, Any], base: dict[str, Any], *, connections: int = 8
) -> tuple[float, str]:
    ratios: list[float] = []
    rates: list[float] = []
    work: list[float] = []
    for _ in range(ROUNDS):
        began = _worked(base["pid"])
        constant = ask(base, connections=connections)
        least = (_worked(base["pid"]) - began) / constant["calls"]
        began = _worked(os.getpid())
        asked = ask(subject, connections=connections)
        work.append((_worked(os.getpid()) - began) / asked["calls"] / least)
        rates.append(asked["rate"])
        ratios.append(asked["rate"] / constant["rate"])
    return median(ratios), f"{median(rates):.0f} calls/s; {median(work):.1f} x its CPU"


def _worked(process: int) -> float:
    """Seconds of CPU that a process has had, without those of its children."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(where: dict[str, Any], *, connections: int = 8, calls: int = 0) -> dict[str, float]:
    """Ask on so many connections at once, for some seconds or so often."""
    asked = {**where, "connections": connections, "seconds": SECONDS, "calls": calls}
    done = subprocess.run(
        [sys.executable, str(_CLIENT)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)


def token(emulator: Emulator) -> str:
    """An access token of the platform identity's, for ARM."""
    owner = emulator.cloud.access.principal(emulator.identities.platform.object_id)
    assert owner is not None
    return emulator.cloud.tokens.issue(owner, f"https://{HOST}")


# ── the constant ────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _constant(folder: Path) -> Generator[dict[str, Any]]:
    """A server of its own that answers every call with the same bytes."""
    command = [sys.executable, "-c", f"from {__name__} import serve_constant as serve; serve()"]
    with subprocess.Popen(
        [*command, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            ca = str(folder / "constant.pem")
            yield {
                "host": HOST, "ca": ca, "port": port, "method": "GET", "path": "/",
                "pid": server.pid,
            }  # fmt: skip
        finally:
            server.kill()


def serve_constant() -> None:
    """Listen until somebody ends this process."""
    asyncio.run(_serve(Path(sys.argv[1])))


async def _serve(folder: Path) -> None:
    authority = CertificateAuthority(lambda host: host == HOST)
    authority.write(folder / "constant.pem")
    body = json.dumps({"id": f"/subscriptions/{uuid.uuid4()}", "tags": {}, "x": "y" * 150}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"x-ms-header-%d" % number, b"y" * 36) for number in range(10)]

    async def answer(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(answer, http=Guarded, lifespan="off", log_config=None, access_log=False)
    config.load()
    config.ssl = authority.server_context()
    server = uvicorn.Server(config)
    # With its protocol named, as the emulator's: asyncio turns Nagle off only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    await server.serve([listener])
