"""A running emulator: the cloud, its TLS server, its proxy and its control port, in one thread."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import uvicorn

from emulator.front import Front, Listener
from emulator.rehearsal import session
from emulator.rehearsal.certificates import CertificateAuthority
from emulator.rehearsal.control import Control
from emulator.rehearsal.environment import (
    TRUST_STORE_PASSWORD,
    Address,
    child_environment,
    network_environment,
)
from emulator.rehearsal.guard import Guarded
from emulator.rehearsal.identities import SUBSCRIPTION, Identities, new_identities
from emulator.rehearsal.keeping import keep_clock, resume_clock
from emulator.rehearsal.proxy import Proxy
from emulator.rehearsal.scratch import Scratch
from emulator.rehearsal.web import Application
from emulator.state.json_text import Json

_THREADS = 24


class Emulator:
    """Use it as a context manager; it listens on 127.0.0.1 only, on ports of its own choice.

    One that `stays` (in a state folder) writes down how it is reached, and takes up what the last
    one of the folder wrote: the ports where they are free, the token, the secrets, the clock.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime | None = None,
        command_jobs: bool = True,
        job_python: Path | None = None,
        stays: bool = False,
        faults: Iterable[Json] = (),
        listeners: Iterable[Listener] = (),
    ) -> None:
        assert state is not None or not stays
        self._stays_in = state if stays else None
        self._earlier = session.read(state) if stays and state else None
        """What the last one of this state wrote."""
        self._written = False
        self.identities: Identities = (
            self._earlier.identities if self._earlier else new_identities()
        )
        # Work on its way lies in the scratch folder too: what has no lock is taken for left over.
        self._scratch = Scratch()
        self.front = Front(
            state,
            start=start,
            temporary=self._scratch.path,
            command_jobs=command_jobs,
            job_python=job_python,
        )
        self.front.listeners += listeners
        self.cloud = self.front.cloud
        if stays and state:
            for key in (self.cloud.tokens.key, self.cloud.issuers.key):
                key.keep_in(state)
        for rule in faults:
            self.cloud.faults.add(rule)
        self._start_day = start
        self._date = (
            start.date().isoformat() if start else (self._earlier.date if self._earlier else None)
        )
        token = self._earlier.address.control.rpartition("/")[2] if self._earlier else ""
        self.control = Control(self.front, token=token, stays=stays)
        self._state = state
        self._trust = state.absolute() / "trust" if stays and state else self._scratch.path
        self._authority = CertificateAuthority(self.front.emulates)
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="emulator")
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self.proxy: Proxy | None = None
        self.address: Address | None = None

    def __enter__(self) -> "Emulator":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Listen, and seed the directory."""
        try:
            self._start()
        except BaseException:
            # Also at Ctrl-C: trainers of jobs that were taken up must not outlive this.
            self.stop()
            raise

    def _start(self) -> None:
        self._trust.mkdir(mode=0o700, exist_ok=True)
        self._authority.write(self._trust / "ca.pem")
        (self._trust / "no-certificates").mkdir(exist_ok=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise RuntimeError("The emulator could not start.") from self._failure
        assert self.address is not None
        self._authority.write_trust_store(self.address.trust_store, TRUST_STORE_PASSWORD)
        self.cloud.network = network_environment(self.address)
        if self._stays_in:
            self._keep_time()
        # Last: jobs that are taken up again find the way here. Nobody else knows the ports yet.
        self.front.start(self.identities.seed)
        if self._stays_in:
            session.write(self._stays_in, self._session(self.address))
            self._written = True

    def stop(self) -> None:
        """End background work, close every connection and clean up."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended in this very moment
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._loop.close()
        self._pool.shutdown(cancel_futures=True)
        self.front.stop()
        self._scratch.remove()
        if self._stays_in and self._written:
            session.end(self._stays_in)

    def environment(
        self, parent: Mapping[str, str] | None = None, *, subscription: str = SUBSCRIPTION
    ) -> dict[str, str]:
        """The full environment of a child process that is to see this emulator as Azure."""
        assert self.address is not None, "the emulator is not started"
        return child_environment(
            os.environ if parent is None else parent,
            self.address,
            self.identities,
            subscription,
            date=self._date,
        )

    def _keep_time(self) -> None:
        """From the day that was said, else from what the last one of the state showed."""
        if self._start_day:
            keep_clock(self.cloud)
        else:
            resume_clock(self.cloud, time_has_passed=True)
        self.cloud.clock.turned = partial(keep_clock, self.cloud)

    def _session(self, address: Address) -> session.Session:
        return session.Session(
            pid=os.getpid(),
            since=time.time(),
            address=address,
            identities=self.identities,
            date=self._date,
        )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        earlier = self._earlier.address if self._earlier else None
        proxy_socket = _listen(_port(earlier.proxy) if earlier else 0)
        control_socket = _listen(_port(earlier.control) if earlier else 0)
        azure = _server(
            Application(self.cloud, self.front.handle, self._pool, self.front.handle_at_once)
        )
        control = _server(Application(self.cloud, self.control.answer, self._pool))
        servers = [
            # Azure's listens nowhere: the proxy lets in who is served.
            asyncio.create_task(azure.serve([])),
            asyncio.create_task(control.serve([control_socket])),
        ]
        while not (azure.started and control.started):
            await asyncio.sleep(0.001)
        tls = self._authority.server_context()
        self.proxy = Proxy(
            self.front.emulates,
            lambda connection: self._loop.connect_accepted_socket(
                azure.protocol, connection, ssl=tls
            ),
        )
        proxy_port = self.proxy.start(proxy_socket)
        self.address = Address(
            proxy=f"http://127.0.0.1:{proxy_port}",
            control=f"http://127.0.0.1:{control_socket.getsockname()[1]}/{self.control.token}",
            ca_file=self._trust / "ca.pem",
            empty_directory=self._trust / "no-certificates",
            pulumi_directory=(self._state or self._scratch.path).absolute() / "pulumi",
        )
        self.address.pulumi_directory.mkdir(parents=True, exist_ok=True)
        self._ready.set()
        await self._stopping.wait()
        await self.proxy.stop()
        azure.ended.set()
        control.ended.set()
        await asyncio.gather(*servers)


def _server(application: Application) -> "_Server":
    config = uvicorn.Config(
        application,
        http=Guarded,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        # What a client does wrong is said in the answer; the terminal belongs to the command.
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        # Longer than any client keeps an idle connection: the client closes first, and no
        # call is ever lost to a race.
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=1,
    )
    config.load()
    return _Server(config)


class _Server(uvicorn.Server):
    """One that ends when it is told to: uvicorn looks ten times a second, and then waits again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    def protocol(self) -> Guarded:
        """What speaks HTTP on a new connection."""
        return Guarded(config=self.config, server_state=self.server_state, app_state={})

    async def main_loop(self) -> None:
        """Serve until the end."""
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for who is still being answered, and for nobody else."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # what is idle is lost in the loop's next turn
        await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()


def _listen(port: int = 0) -> socket.socket:
    """A socket on that port where it is free, else on another."""
    # asyncio turns Nagle off only where the protocol is named; with it on a call takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    return listener


def _port(address: str) -> int:
    return urlsplit(address).port or 0
