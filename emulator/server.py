"""A running emulator: the cloud, its TLS server, its proxy and its control port, in one thread."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType

import uvicorn

from emulator.front import Front
from emulator.rehearsal.certificates import CertificateAuthority
from emulator.rehearsal.control import Control
from emulator.rehearsal.environment import Address, child_environment, network_environment
from emulator.rehearsal.identities import SUBSCRIPTION, Identities, new_identities
from emulator.rehearsal.proxy import Proxy
from emulator.rehearsal.scratch import Scratch
from emulator.rehearsal.web import Application, Protocol

_THREADS = 24


class Emulator:
    """Use it as a context manager; it listens on 127.0.0.1 only, on ports of its own choice."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime | None = None,
        command_jobs: bool = True,
        job_python: Path | None = None,
    ) -> None:
        self.identities: Identities = new_identities()
        # Work on its way lies in the scratch folder too: what has no lock is taken for left over.
        self._scratch = Scratch()
        self.front = Front(
            state,
            start=start,
            temporary=self._scratch.path,
            command_jobs=command_jobs,
            job_python=job_python,
        )
        self.cloud = self.front.cloud
        self._start_day = start
        self.control = Control(self.front)
        self._state = state
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
        self._authority.write(self._scratch.path / "ca.pem")
        (self._scratch.path / "no-certificates").mkdir()
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise RuntimeError("The emulator could not start.") from self._failure
        assert self.address is not None
        self.cloud.network = network_environment(self.address)
        # Last: jobs that are taken up again find the way here. Nobody else knows the ports yet.
        self.front.start(self.identities.seed)

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

    def environment(
        self, parent: Mapping[str, str] | None = None, *, subscription: str = SUBSCRIPTION
    ) -> dict[str, str]:
        """The full environment of a child process that is to see this emulator as Azure."""
        assert self.address is not None, "the emulator is not started"
        environment = child_environment(
            os.environ if parent is None else parent, self.address, self.identities, subscription
        )
        if self._start_day is not None:
            # Dates that are looked at without asking Azure (a model's end) are of the same day.
            environment["FOUNDRY_TUNE_DATE"] = self._start_day.date().isoformat()
        return environment

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        tls_socket, control_socket = _listen(), _listen()
        tls = self._server(Application(self.cloud, self.front.handle, self._pool), tls=True)
        control = self._server(Application(self.cloud, self.control.answer, self._pool))
        self.proxy = Proxy(self.front.emulates, tls_socket.getsockname()[1])
        proxy_port = await self.proxy.start()
        servers = [
            asyncio.create_task(tls.serve([tls_socket])),
            asyncio.create_task(control.serve([control_socket])),
        ]
        while not (tls.started and control.started):
            await asyncio.sleep(0.001)
        self.address = Address(
            proxy=f"http://127.0.0.1:{proxy_port}",
            control=f"http://127.0.0.1:{control_socket.getsockname()[1]}/{self.control.token}",
            ca_file=self._scratch.path / "ca.pem",
            empty_directory=self._scratch.path / "no-certificates",
            pulumi_directory=(self._state or self._scratch.path).absolute() / "pulumi",
        )
        self.address.pulumi_directory.mkdir(parents=True, exist_ok=True)
        self._ready.set()
        await self._stopping.wait()
        await self.proxy.stop()
        tls.should_exit = control.should_exit = True
        await asyncio.gather(*servers)

    def _server(self, application: Application, *, tls: bool = False) -> uvicorn.Server:
        config = uvicorn.Config(
            application,
            http=Protocol,
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
        if tls:
            config.ssl = self._authority.server_context()
        return uvicorn.Server(config)


def _listen() -> socket.socket:
    # asyncio turns Nagle off only where the protocol is named; with it on a call takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener
