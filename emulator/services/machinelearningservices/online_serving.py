"""What runs behind a managed online endpoint: a process a deployment, started, asked, ended.

    fetch code and model → init() → ready; then a call at a time for each that may run at once

It is the machine's own Python that runs a scoring script, and no container: an environment is data
here, and there is one process however many instances were asked for. A process that has ended is
started again by the next call, and so is that of a deployment which an earlier emulator served.
"""

import http.client
import logging
import os
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from emulator.arm.operations import Operations
from emulator.services.machinelearningservices import (
    data_paths,
    job_inputs,
    online_deployment,
    scoring_process,
    workspaces,
)
from emulator.services.machinelearningservices.online_deployment import Deployment
from emulator.services.machinelearningservices.online_endpoints import DEPLOYMENTS
from emulator.services.machinelearningservices.processes import surroundings
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json
from emulator.state.store import Resource

LOG = logging.getLogger("emulator")

MAX_LOG = 1024 * 1024
"""How much of the end of what a process says is kept, in bytes."""

_LOOK_SECONDS = 0.02
_LISTEN_SECONDS = 2.0
"""How long the last words of a process that has ended are waited for."""

_TAIL_LINES, _TAIL_CHARACTERS = 20, 4000
_GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg"

_serving: "WeakKeyDictionary[Cloud, Serving]" = WeakKeyDictionary()


def of(cloud: Cloud) -> "Serving":
    """What serves in an emulated cloud."""
    if cloud not in _serving:
        _serving[cloud] = Serving(cloud)
    return _serving[cloud]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a process answered."""

    status: int
    reason: str
    kind: str
    content: bytes


class Serving:
    """The processes of deployments, by deployment."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._processes: dict[str, _Process] = {}

    def resume(self) -> None:
        """After a start: forget an earlier run's processes, and take up what was being made."""
        with self._lock:
            self._processes.clear()
        for deployment in self._cloud.resources.of_type(DEPLOYMENTS):
            if deployment.state in ("Creating", "Updating"):
                self.start(deployment.id.key, anew=True)

    def start(self, key: str, *, anew: bool) -> None:
        """Do what the PUT of a deployment waits for: a new process, unless none is needed."""
        if anew:
            self._cloud.workers.start(f"deployment-{key.rsplit('/', 1)[-1]}", self._replace, key)
            return
        deployment = self._cloud.resources.get(key)
        if deployment is not None:
            self._cloud.part(Operations).end(deployment.id)

    def stop(self, key: str) -> None:
        """End a deployment's process, if there is one."""
        with self._lock:
            process = self._processes.pop(key, None)
        if process is not None:
            process.end()

    def ask(self, deployment: Resource, body: bytes) -> Answer:
        """A call of a deployment, as its process answers it.

        Raises:
            AzureError: too many calls wait already, it takes too long, or nothing runs.
        """
        return self._at_work(deployment).ask(body)

    def runs(self, deployment: Resource) -> bool:
        """Whether a deployment has a process."""
        with self._lock:
            return deployment.id.key in self._processes

    def log(self, deployment: Resource, *, initializer: bool) -> str:
        """What a deployment's process has said, or (`initializer`) what was fetched for it."""
        name = "fetched" if initializer else "said"
        with self._lock:
            process = self._processes.get(deployment.id.key)
        failed: Json = deployment.private.get("failed") or {}
        if failed:
            return str(failed[name])
        if process is None:
            return ""
        return process.fetched() if initializer else process.said()

    def _replace(self, key: str) -> None:
        """Start a process; the one before it serves until the new one is ready."""
        cloud = self._cloud
        deployment = cloud.resources.get(key)
        if deployment is None:
            return
        process = _Process(cloud, deployment)
        error: Json | None = None
        try:
            process.start()
        except AzureError as refused:
            error = {"code": refused.code, "message": refused.message}
        except Exception as crash:
            if cloud.workers.stopping.is_set():
                process.end()
                return
            LOG.exception("deployment %s crashed", key)
            error = {
                "code": "InternalServerError",
                "message": f"foundry-emulator failed at this deployment: {crash!r}",
            }
        if cloud.workers.stopping.is_set():
            process.end()
            return
        with cloud.database.transaction():
            now = cloud.resources.get(key)
            if now is not None:
                said = {"said": process.said(), "fetched": process.fetched()} if error else None
                cloud.resources.put(now.with_private(failed=said))
            cloud.part(Operations).end(deployment.id, error)
        if error is not None or now is None:
            process.end()
            return
        with self._lock:
            before = self._processes.get(key)
            self._processes[key] = process
        if before is not None:
            before.end()

    def _at_work(self, deployment: Resource) -> "_Process":
        key = deployment.id.key
        with self._lock:
            process = self._processes.get(key)
            if process is None:
                process = self._processes[key] = _Process(self._cloud, deployment)
        process.ensure()
        return process


class _Process:
    """One process, its folder and its log."""

    def __init__(self, cloud: Cloud, deployment: Resource) -> None:
        self._cloud = cloud
        self._deployment = deployment
        self._asked: Deployment = online_deployment.read(deployment.body)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._environment: dict[str, str] = {}
        self._port = 0
        self._starting = threading.Lock()
        self._ended = False
        self._ending = threading.Lock()
        self._said = bytearray()
        self._fetched: list[str] = []
        self._free = threading.BoundedSemaphore(self._asked.concurrent * self._asked.instances)
        self._waiting = 0
        self._counting = threading.Lock()

    def ensure(self) -> None:
        """Start it where it doesn't run."""
        with self._starting:
            if self._child is None or self._child.poll() is not None:
                if self._child is not None:
                    self._note(f"The process ended with {self._child.returncode}; it starts again.")
                self._start()

    def start(self) -> None:
        """Fetch what it needs, start it and wait until it can be asked.

        Raises:
            AzureError: it ended, or took longer than its liveness probe allows.
        """
        with self._starting:
            self._start()

    def ask(self, body: bytes) -> Answer:
        """One call, within the deployment's limits."""
        most = 2 * self._asked.concurrent * self._asked.instances
        with self._counting:
            if self._waiting >= most:
                raise AzureError(
                    429,
                    "TooManyPendingRequests",
                    f"Too many pending requests: the deployment '{self._deployment.name}' takes at "
                    f"most {most} at a time.",
                )
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=self._asked.request_timeout):
                raise self._late()
            try:
                return self._forward(body)
            finally:
                self._free.release()
        finally:
            with self._counting:
                self._waiting -= 1

    def end(self) -> None:
        """End it, with all that it started, and clean up."""
        self._ended = True
        with self._ending:
            if self._child is not None:
                self._reap(self._child)
            if self._folder is not None:
                self._folder.cleanup()

    def said(self) -> str:
        """What it has said, the end of it."""
        return bytes(self._said).decode(errors="replace").replace("\0", "")

    def fetched(self) -> str:
        """What was fetched for it, a line each."""
        return "\n".join(self._fetched)

    def _start(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="deployment-", dir=self._cloud.temporary
            )
        root = Path(self._folder.name)
        if self._child is None:
            self._environment = self._prepare(root)
        else:
            self._reap(self._child)
        port_file = root / "port"
        port_file.unlink(missing_ok=True)
        arguments = [scoring_process.__file__, self._asked.script, str(port_file)]
        self._child = self._cloud.workers.child(
            [str(self._cloud.job_python), *arguments],
            cwd=root / "app",
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._listener = self._cloud.workers.start("deployment-log", self._listen, self._child)
        self._wait(self._child, port_file)

    def _prepare(self, root: Path) -> dict[str, str]:
        cloud, asked = self._cloud, self._asked
        project = workspaces.workspace_of(cloud, self._deployment)
        place = data_paths.locate(cloud, project, asked.code, "codes")
        code = job_inputs.fetch_place(cloud, place, root / "app")
        self._fetch_note(asked.code)
        if not (code / asked.script).is_file():
            raise AzureError(
                400,
                "BadArgument",
                f"The scoring script '{asked.script}' is not in the code asset '{asked.code}'.",
            )
        models = root / "azureml-models"
        models.mkdir()
        if asked.model:
            version, content = online_deployment.model_place(cloud, project, asked.model)
            assert version.id.parent is not None
            models = models / version.id.parent.name / version.name
            # A model keeps the name of the folder, or of the file, that was registered.
            folder = content.path.rstrip("/").rsplit("/", 1)[-1]
            single = job_inputs.is_file(cloud, content)
            job_inputs.fetch_place(cloud, content, models if single else models / folder)
            self._fetch_note(asked.model)
        own = {
            "AZUREML_MODEL_DIR": str(models),
            "AZUREML_ENTRY_SCRIPT": asked.script,
            "AML_APP_ROOT": str(root / "app"),
        }
        return surroundings(root, cloud.job_python) | asked.variables | dict(cloud.network) | own

    def _wait(self, child: subprocess.Popen[bytes], port_file: Path) -> None:
        clock, stopping = self._cloud.clock, self._cloud.workers.stopping
        began = clock.timestamp()
        while not port_file.exists():
            if child.poll() is not None:
                raise self._not_ready("User container has crashed or terminated.")
            if self._ended or stopping.is_set() or not self._is_wanted():
                raise self._not_ready("The deployment was deleted while it was being made.")
            if clock.timestamp() - began > self._asked.start_limit:
                raise self._not_ready(
                    f"Liveness probe failed: init() took more than {self._asked.start_limit:.0f} "
                    "seconds."
                )
            stopping.wait(_LOOK_SECONDS)
        self._port = int(port_file.read_text(encoding="ascii"))

    def _is_wanted(self) -> bool:
        return self._cloud.resources.get(self._deployment.id) is not None

    def _not_ready(self, what: str) -> AzureError:
        if self._child is not None:
            self._reap(self._child)
        if self._listener is not None:
            self._listener.join(_LISTEN_SECONDS)
        tail = "\n".join(self.said().strip().splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]
        said = f" The end of its log: {tail}" if tail else ""
        return AzureError(503, "ResourceNotReady", f"{what} {_GUIDE}#error-resourcenotready{said}")

    def _forward(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=self._asked.request_timeout
        )
        try:
            connection.request("POST", "/score", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return Answer(
                status=answer.status,
                reason=answer.reason,
                kind=answer.getheader("content-type") or "text/plain",
                content=answer.read(),
            )
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, http.client.HTTPException):
            # It ended in the middle of the call: what Azure's proxy sees is a bad gateway.
            return Answer(status=502, reason="Bad Gateway", kind="text/plain", content=b"")
        finally:
            connection.close()

    def _late(self) -> AzureError:
        return AzureError(
            408,
            "RequestTimeout",
            f"The call took longer than the deployment's requestTimeout of "
            f"{self._asked.request_timeout:g} seconds.",
        )

    def _reap(self, child: subprocess.Popen[bytes]) -> None:
        self._cloud.workers.end(child, signal.SIGKILL)
        child.wait()
        self._cloud.workers.forget(child)

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        with child.stdout as pipe:
            while content := os.read(pipe.fileno(), 65536):
                self._said += content
                del self._said[:-MAX_LOG]
        if self._cloud.workers.stopping.is_set():
            self.end()

    def _note(self, text: str) -> None:
        self._said += f"{isoformat(self._cloud.clock.timestamp())} {text}\n".encode()

    def _fetch_note(self, uri: str) -> None:
        self._fetched.append(f"{isoformat(self._cloud.clock.timestamp())} Downloaded {uri}")
