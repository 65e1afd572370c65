"""The worker behind jobs: a queue, and what runs from it, each job in a process of its own.

    Queued → Preparing (fetch) → Running → Finalizing (upload, register) → Completed

When the emulator ends, its jobs' processes end; those jobs are queued again at the next start and
run from the beginning, under the same id.
"""

import logging
import os
import tempfile
import threading
from collections import deque
from pathlib import Path
from weakref import WeakKeyDictionary

from emulator.services.machinelearningservices import (
    command_run,
    lifecycle,
    metrics,
    progress,
    training_run,
)
from emulator.services.machinelearningservices.processes import Processes
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

LOG = logging.getLogger("emulator")

_runners: "WeakKeyDictionary[Cloud, Runner]" = WeakKeyDictionary()

_WORK = {"finetuning": training_run.train, "command": command_run.run}
"""What a job does, by its type."""


def of(cloud: Cloud) -> "Runner":
    """The runner of an emulated cloud."""
    if cloud not in _runners:
        _runners[cloud] = Runner(cloud)
    return _runners[cloud]


class Runner:
    """A queue of jobs, and those at work."""

    def __init__(self, cloud: Cloud, *, at_once: int | None = None) -> None:
        self._cloud = cloud
        self._at_once = at_once or max(1, (os.cpu_count() or 2) // 2)
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._active: set[str] = set()
        self._processes = Processes(cloud)

    def resume(self) -> None:
        """After a start: take up every job that an earlier process left unfinished."""
        with self._lock:
            self._waiting.clear()
        for job in self._cloud.resources.of_type(f"{WORKSPACES}/jobs"):
            status = job.properties["status"]
            if status == lifecycle.CANCEL_REQUESTED:
                progress.move(self._cloud, job.id.key, lifecycle.CANCELED, endTime=True)
            elif status not in lifecycle.TERMINAL:
                metrics.forget(self._cloud, job.id.key)
                progress.put(self._cloud, job, lifecycle.QUEUED)
                self.submit(job.id.key)

    def submit(self, key: str) -> None:
        """Put a queued job in line."""
        with self._lock:
            self._waiting.append(key)
        self._dispatch()

    def cancel(self, job: Resource) -> None:
        """Ask a job to stop: at once if nothing runs yet, otherwise when its process has ended."""
        key = job.id.key
        progress.move(self._cloud, key, lifecycle.CANCEL_REQUESTED)
        if not self.works_on(key):
            progress.move(self._cloud, key, lifecycle.CANCELED, endTime=True)
        self._cloud.database.after_commit(lambda: self.stop(key))

    def works_on(self, key: str) -> bool:
        """Whether a job's work has not ended yet, be it canceled or deleted."""
        with self._lock:
            return key in self._active

    def stop(self, key: str) -> None:
        """End a job's process, if there is one."""
        with self._lock:
            if key in self._waiting:
                self._waiting.remove(key)
        self._processes.stop(key)

    def _dispatch(self) -> None:
        with self._lock:
            if self._cloud.workers.stopping.is_set():
                return
            while self._waiting and len(self._active) < self._at_once:
                key = self._waiting.popleft()
                self._active.add(key)
                self._cloud.workers.start(f"job-{key.rsplit('/', 1)[-1]}", self._run, key)

    def _run(self, key: str) -> None:
        cloud = self._cloud
        try:
            job = cloud.resources.get(key)
            with tempfile.TemporaryDirectory(prefix="job-", dir=cloud.temporary) as directory:
                if job is not None:
                    work = _WORK[str(job.properties["jobType"]).lower()]
                    work(cloud, self._processes, key, Path(directory))
        except AzureError as error:
            code = "UserError" if error.status < 500 else "ServiceError"
            progress.fail(cloud, key, code, error.message)
        except Exception as error:
            if not cloud.workers.stopping.is_set():
                LOG.exception("job %s crashed", key)
                progress.fail(
                    cloud, key, "ServiceError", f"foundry-emulator failed at this job: {error!r}"
                )
        finally:
            # Whatever way the work ended: a job that was asked to stop has stopped now. While the
            # emulator stops its state may be closed already; the next start says it instead.
            if not cloud.workers.stopping.is_set():
                progress.move(cloud, key, lifecycle.CANCELED, endTime=True)
            with self._lock:
                self._active.discard(key)
            self._dispatch()
