"""What a command job does: its command runs on this machine, in a folder and a session of its own.

    Queued → Preparing (fetch code and inputs) → Running → Finalizing (upload) → Completed

It is a Python of this machine that runs it (`--job-python`, or the emulator's own), and no
container: an environment is data here. The process gets no credential of anybody's, only a token
that opens the tracking of its own run. Its time limit is measured on the virtual clock.
"""

import contextlib
import os
import re
import secrets
import selectors
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.services.machinelearningservices import (
    command,
    data_paths,
    job_inputs,
    job_outputs,
    lifecycle,
    progress,
    tracking,
    workspaces,
)
from emulator.services.machinelearningservices.artifacts import LOG_NAME, RunLog
from emulator.services.machinelearningservices.command import Command
from emulator.services.machinelearningservices.processes import Processes, surroundings
from emulator.services.machinelearningservices.training_input import require_access
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

MAX_LOG = 8 * 1024 * 1024
"""How much a job may say before the rest of it is left out, in bytes."""

_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 5.0
"""How long a process that was asked to end has before it is killed."""

_TAIL_LINES, _TAIL_CHARACTERS = 20, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where a job works: all of it is gone afterwards."""

    root: Path

    @property
    def code(self) -> Path:
        """Its code, and its working directory."""
        return self.root / "wd"

    def input(self, name: str) -> Path:
        """Where an input lies."""
        return self.root / "inputs" / name

    def output(self, name: str) -> Path:
        """Where an output is written."""
        return self.root / "outputs" / name


def run(cloud: Cloud, processes: Processes, key: str, directory: Path) -> None:
    """Take a job from Queued to its end; `directory` is its own, and empty.

    Raises:
        AzureError: what it needs can't be read.
    """
    job = progress.move(cloud, key, lifecycle.PREPARING, startTime=True)
    if job is None:
        return
    require_access(cloud, job)
    project = workspaces.workspace_of(cloud, job)
    asked = command.read(job.properties)
    folders = Folders(root=directory)
    log = RunLog(cloud, job)
    line = _prepare(cloud, project, asked, folders)
    token = secrets.token_urlsafe(32)
    running = progress.move(cloud, key, lifecycle.RUNNING, trackingToken=token)
    if running is None:
        return
    environment = _environment(cloud, running, asked, folders, token)
    try:
        ended = _follow(cloud, processes, key, line, environment, folders, log, asked.timeout)
    finally:
        _close_tracking(cloud, key)
    log.flush()
    if cloud.workers.stopping.is_set() or (now := cloud.resources.get(key)) is None:
        return
    job_outputs.save_artifacts(cloud, now, folders.code)
    if not progress.is_wanted(cloud, key):
        return
    if ended.timed_out:
        limit = job.properties["limits"]["timeout"]
        progress.warn(cloud, key, f"The job was canceled: it ran longer than its limit of {limit}.")
        progress.move(cloud, key, lifecycle.CANCEL_REQUESTED)
    elif ended.code != 0:
        progress.fail(cloud, key, "UserError", _failure(asked.line, ended))
    else:
        _finish(cloud, key, asked, folders)


def _prepare(cloud: Cloud, project: Resource, asked: Command, folders: Folders) -> str:
    """Fetch code and inputs, make the folders of the outputs; gives the command to run."""
    if asked.code:
        place = data_paths.locate(cloud, project, asked.code, "codes")
        arrived = job_inputs.fetch_place(cloud, place, folders.code)
        assert arrived.is_relative_to(folders.code)
    folders.code.mkdir(exist_ok=True)
    inputs = {
        name: job_inputs.fetch(cloud, project, given, folders.input(name))
        for name, given in asked.inputs.items()
    }
    outputs = {
        name: str(job_outputs.local_path(output, folders.output(name)))
        for name, output in asked.outputs.items()
    }
    return command.filled_in(asked.line, inputs, outputs)


def _environment(
    cloud: Cloud, job: Resource, asked: Command, folders: Folders, token: str
) -> dict[str, str]:
    environment = surroundings(folders.root, cloud.job_python)
    if asked.distribution is not None:
        environment |= {
            "RANK": "0",
            "LOCAL_RANK": "0",
            "NODE_RANK": "0",
            "WORLD_SIZE": "1",
            "LOCAL_WORLD_SIZE": "1",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "6105",
        }
    own = dict(cloud.network) | tracking.environment(cloud, job, token)
    return environment | dict(asked.variables) | own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    code: int
    timed_out: bool
    tail: str


def _follow(
    cloud: Cloud,
    processes: Processes,
    key: str,
    line: str,
    environment: dict[str, str],
    folders: Folders,
    log: RunLog,
    timeout: float | None,
) -> _Ended:
    """Run the command, keep what it says, and end it when its time is up or nobody wants it."""
    began = cloud.clock.timestamp()
    child: subprocess.Popen[bytes] = processes.start(
        key,
        [shutil.which("bash") or "/bin/sh", "-c", line],
        cwd=folders.code,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None
    said = _Said(log, child.stdout.fileno())
    timed_out, kill_at = False, float("inf")
    try:
        while child.poll() is None:
            if not said.listen(_LOOK_SECONDS):
                # It has closed its output and goes on: nothing more will come.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_LOOK_SECONDS)
            late = timeout is not None and cloud.clock.timestamp() - began > timeout
            if late and not timed_out:
                timed_out = True
                cloud.workers.end(child)
            ending = timed_out or not progress.is_wanted(cloud, key)
            if ending and kill_at == float("inf"):
                kill_at = time.monotonic() + _GRACE_SECONDS
            if time.monotonic() > kill_at:
                cloud.workers.end(child, signal.SIGKILL)
    finally:
        # What it has left behind in its session ends with it; then nobody writes any more.
        cloud.workers.end(child, signal.SIGKILL)
        said.rest()
        child.stdout.close()
        child.wait()
        processes.forget(key, child)
    return _Ended(code=child.returncode, timed_out=timed_out, tail=said.tail())


class _Said:
    """The words of a process: all of them in its log, up to a limit, and the last by heart."""

    def __init__(self, log: RunLog, file: int) -> None:
        self._log = log
        self._file = file
        self._selector = selectors.DefaultSelector()
        self._selector.register(file, selectors.EVENT_READ)
        self._last = b""
        self._full = False

    def listen(self, seconds: float) -> bool:
        """Take what there is to read within some seconds; False once nothing more can come."""
        if not self._selector.select(seconds):
            self._log.flush()
            return True
        content = os.read(self._file, 65536)
        self._keep(content)
        return bool(content)

    def rest(self) -> None:
        """Take what is still to read, and end listening."""
        while self._selector.select(0) and (content := os.read(self._file, 65536)):
            self._keep(content)
        self._selector.close()

    def _keep(self, content: bytes) -> None:
        self._last = (self._last + content)[-4 * _TAIL_CHARACTERS :]
        if self._log.size + len(content) <= MAX_LOG:
            self._log.raw(content)
        elif not self._full:
            self._full = True
            self._log.raw(b"\n")
            self._log.line(f"The emulator keeps the first {MAX_LOG >> 20} MB of a log: the end.")

    def tail(self) -> str:
        """The last lines."""
        text = self._last.decode(errors="replace").replace("\0", "").strip()
        return "\n".join(text.splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]


def _failure(line: str, ended: _Ended) -> str:
    """The service's words, as people have quoted them, with the end of the log."""
    code = ended.code if ended.code >= 0 else 128 - ended.code
    program = "bash" if re.search(r"[;&|\n]", line.strip()) else line.split()[0]
    said = f" Error: {ended.tail}" if ended.tail else ""
    return (
        f"Execution failed. User process '{program}' exited with status code {code}. Please check "
        f"log file '{LOG_NAME}' for error details.{said}"
    )


def _finish(cloud: Cloud, key: str, asked: Command, folders: Folders) -> None:
    """Register every output and complete the job, all or nothing."""
    if progress.move(cloud, key, lifecycle.FINALIZING) is None:
        return
    with cloud.database.transaction():
        job = cloud.resources.get(key)
        if job is None or job.properties["status"] != lifecycle.FINALIZING:
            return
        saved: dict[str, str] = {}
        shown: dict[str, Any] = {}
        for name, output in asked.outputs.items():
            written = job_outputs.local_path(output, folders.output(name))
            version = job_outputs.save(cloud, job, name, output, written)
            saved[name] = version.id.text
            uri = version.properties.get("modelUri") or version.properties["dataUri"]
            shown[name] = job.properties["outputs"][name] | {"uri": uri}
        cloud.resources.put(job.with_properties(outputs=shown))
        progress.move(cloud, key, lifecycle.COMPLETED, endTime=True, outputs=saved)


def _close_tracking(cloud: Cloud, key: str) -> None:
    if cloud.workers.stopping.is_set():
        return
    with contextlib.suppress(KeyError), cloud.database.transaction():
        job = cloud.resources.get(key)
        if job is not None:
            cloud.resources.put(job.with_private(trackingToken=None))
