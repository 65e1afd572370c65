"""The worker behind fine-tuning jobs: each one trains in a child process, and is followed truly.

    Queued → Preparing (fetch data) → Running (train) → Finalizing (register) → Completed

A status is only ever written while the job may still have it, so a late event can't revive a job
that was canceled or deleted. When the emulator ends, its trainers end; the jobs they worked on are
queued again at the next start and trained from the beginning, under the same id.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import emulator
from emulator.services.machinelearningservices import lifecycle, metrics
from emulator.services.machinelearningservices.artifacts import RunLog, register_model
from emulator.services.machinelearningservices.training_input import fetch, require_access
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

LOG = logging.getLogger("emulator")

# The service's pipeline trains with this seed, and so does the stand-in.
SEED = 42
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)

_runners: "WeakKeyDictionary[Cloud, Runner]" = WeakKeyDictionary()


def of(cloud: Cloud) -> "Runner":
    """The runner of an emulated cloud."""
    if cloud not in _runners:
        _runners[cloud] = Runner(cloud)
    return _runners[cloud]


class Runner:
    """A queue of jobs, and the trainers at work."""

    def __init__(self, cloud: Cloud, *, at_once: int | None = None) -> None:
        self._cloud = cloud
        self._at_once = at_once or max(1, (os.cpu_count() or 2) // 2)
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._active: set[str] = set()
        self._children: dict[str, subprocess.Popen[str]] = {}

    def resume(self) -> None:
        """After a start: take up every job that an earlier process left unfinished."""
        with self._lock:
            self._waiting.clear()
        for job in self._cloud.resources.of_type(f"{WORKSPACES}/jobs"):
            status = job.properties["status"]
            if status == lifecycle.CANCEL_REQUESTED:
                self._move(job.id.key, lifecycle.CANCELED, endTime=True)
            elif status not in lifecycle.TERMINAL:
                metrics.forget(self._cloud, job.id.key)
                self._set(job, lifecycle.QUEUED)
                self.submit(job.id.key)

    def submit(self, key: str) -> None:
        """Put a queued job in line."""
        with self._lock:
            self._waiting.append(key)
        self._dispatch()

    def cancel(self, job: Resource) -> None:
        """Ask a job to stop: at once if nothing runs yet, otherwise when its trainer has ended."""
        key = job.id.key
        self._move(key, lifecycle.CANCEL_REQUESTED)
        if not self.works_on(key):
            self._move(key, lifecycle.CANCELED, endTime=True)
        self._cloud.database.after_commit(lambda: self.stop(key))

    def works_on(self, key: str) -> bool:
        """Whether a job's work has not ended yet, be it canceled or deleted."""
        with self._lock:
            return key in self._active

    def stop(self, key: str) -> None:
        """End a job's trainer, if there is one."""
        with self._lock:
            child = self._children.get(key)
            if key in self._waiting:
                self._waiting.remove(key)
        if child is not None and child.poll() is None:
            child.terminate()

    # -- one job ---------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        with self._lock:
            if self._cloud.workers.stopping.is_set():
                return
            while self._waiting and len(self._active) < self._at_once:
                key = self._waiting.popleft()
                self._active.add(key)
                self._cloud.workers.start(f"job-{key.rsplit('/', 1)[-1]}", self._run, key)

    def _run(self, key: str) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="job-", dir=self._cloud.temporary) as directory:
                self._train(key, Path(directory))
        except AzureError as error:
            self._fail(key, "UserError" if error.status < 500 else "ServiceError", error.message)
        except Exception as error:
            if not self._cloud.workers.stopping.is_set():
                LOG.exception("job %s crashed", key)
                self._fail(key, "ServiceError", f"foundry-emulator failed at this job: {error!r}")
        finally:
            # Whatever way the work ended: a job that was asked to stop has stopped now. While the
            # emulator stops its state may be closed already; the next start says it instead.
            if not self._cloud.workers.stopping.is_set():
                self._move(key, lifecycle.CANCELED, endTime=True)
            with self._lock:
                self._active.discard(key)
            self._dispatch()

    def _train(self, key: str, directory: Path) -> None:
        job = self._move(key, lifecycle.PREPARING, startTime=True)
        if job is None:
            return
        cloud = self._cloud
        require_access(cloud, job)
        data = fetch(cloud, job, directory)
        training: dict[str, Any] = job.private["training"]
        output = directory / "output"
        order = {
            "base_model": training["base_model"],
            "training_data": str(data.training),
            "validation_data": str(data.validation) if data.validation else None,
            "hyperparameters": training["hyperparameters"],
            "output": str(output),
            "seed": SEED,
        }
        (directory / "job.json").write_text(json.dumps(order), encoding="utf-8")
        log = RunLog(cloud, job)
        log.line(f"Fine-tuning a stand-in for {training['base_model']} (foundry-emulator)")
        outcome = self._follow(key, directory, log)
        log.flush()
        if cloud.workers.stopping.is_set():
            return
        if outcome is None:
            log.line("Canceled.")
            log.flush()
            return
        if outcome["event"] == "failed":
            log.line(f"Failed: {outcome['message']}")
            log.flush()
            self._fail(key, str(outcome.get("code", "UserError")), str(outcome["message"]))
            return
        finalizing = self._move(key, lifecycle.FINALIZING)
        if finalizing is not None and self._finish(finalizing, output):
            log.line("Completed.")
            log.flush()

    def _finish(self, job: Resource, output: Path) -> bool:
        """Register the model and complete the job, both or neither; False if it was canceled."""
        with self._cloud.database.transaction():
            now = self._cloud.resources.get(job.id)
            if now is None or now.properties["status"] != lifecycle.FINALIZING:
                return False
            model = register_model(self._cloud, now, output)
            return (
                self._move(job.id.key, lifecycle.COMPLETED, endTime=True, model=model) is not None
            )

    def _follow(self, key: str, directory: Path, log: RunLog) -> dict[str, Any] | None:
        """Run the trainer and record what it reports; None when it was stopped."""
        child = self._start(key, directory)
        final: dict[str, Any] | None = None
        try:
            assert child.stdout is not None
            for line in child.stdout:
                event: dict[str, Any] = json.loads(line)
                log.event(event)
                if event["event"] in ("completed", "failed"):
                    final = event
                else:
                    self._record(key, event)
            child.wait()
        finally:
            # Ended already, unless recording what it said went wrong: then nobody follows it.
            child.terminate()
            if child.stdout is not None:
                child.stdout.close()  # before the wait: it may be writing to a full pipe
            child.wait()
            with self._lock:
                self._children.pop(key, None)
            self._cloud.workers.forget(child)
        job = self._cloud.resources.get(key)
        if job is None or job.properties["status"] == lifecycle.CANCEL_REQUESTED:
            return None
        if final is None and not self._cloud.workers.stopping.is_set():
            said = (directory / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()
            reason = said.splitlines()[-1] if said else f"exit code {child.returncode}"
            return {
                "event": "failed",
                "code": "ServiceError",
                "message": f"The trainer ended without a result: {reason}",
            }
        return final

    def _start(self, key: str, directory: Path) -> subprocess.Popen[str]:
        source = str(Path(emulator.__file__).parents[1])
        path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
        with (directory / "stderr.txt").open("w", encoding="utf-8") as errors:
            child: subprocess.Popen[str] = self._cloud.workers.child(
                [sys.executable, "-m", "emulator.training", "job.json"],
                cwd=directory,
                env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
        with self._lock:
            self._children[key] = child
        job = self._cloud.resources.get(key)
        if job is None or job.properties["status"] == lifecycle.CANCEL_REQUESTED:
            child.terminate()  # canceled between the queue and the start
        return child

    def _record(self, key: str, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self._move(
                key,
                lifecycle.RUNNING,
                totalSteps=event["total_steps"],
                parameters=event.get("parameters"),
            )
        elif event["event"] in ("step", "validation"):
            values = {
                name: float(event[name]) for name in metrics.NAMES if event.get(name) is not None
            }
            metrics.log(self._cloud, key, int(event["step"]), values)
        elif event["event"] == "warning":
            self._warn(key, str(event["message"]))

    # -- the job's state -------------------------------------------------------------------------

    def _fail(self, key: str, code: str, message: str) -> None:
        error: dict[str, Any] = {"error": {"code": code, "message": message, "details": []}}
        self._move(key, lifecycle.FAILED, endTime=True, error=error)

    def _warn(self, key: str, message: str) -> None:
        with self._cloud.database.transaction():
            job = self._cloud.resources.get(key)
            if job is not None:
                warnings = [*job.private.get("warnings", []), {"message": message}]
                self._cloud.resources.put(job.with_private(warnings=warnings))

    def _move(self, key: str, status: str, **facts: Any) -> Resource | None:
        """Give a job its next status; None when it may not have it any more."""
        with self._cloud.database.transaction():
            job = self._cloud.resources.get(key)
            if job is None or not lifecycle.may_follow(job.properties["status"], status):
                return None
            return self._set(job, status, **facts)

    def _set(self, job: Resource, status: str, **facts: Any) -> Resource:
        now = isoformat(self._cloud.clock.timestamp())
        properties: dict[str, Any] = dict(job.properties.get("properties") or {})
        private = dict(job.private)
        if facts.pop("startTime", False):
            properties["StartTimeUtc"] = private["startTime"] = now
        if facts.pop("endTime", False):
            properties["EndTimeUtc"] = private["endTime"] = now
        if "totalSteps" in facts:
            properties["totalSteps"] = str(facts.pop("totalSteps"))
        if "parameters" in facts:
            properties["standInParameters"] = str(facts.pop("parameters"))
        private |= facts
        moved = replace(job.with_properties(status=status, properties=properties), private=private)
        return self._cloud.resources.put(moved)
