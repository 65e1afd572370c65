"""What a fine-tuning job does: a stand-in is trained in a child process, and followed truly.

Queued → Preparing (fetch data) → Running (train) → Finalizing (register) → Completed
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import emulator
from emulator.services.machinelearningservices import lifecycle, metrics, progress
from emulator.services.machinelearningservices.artifacts import RunLog, register_model
from emulator.services.machinelearningservices.processes import Processes
from emulator.services.machinelearningservices.training_input import fetch, require_access
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

# The service's pipeline trains with this seed, and so does the stand-in.
SEED = 42
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


def train(cloud: Cloud, processes: Processes, key: str, directory: Path) -> None:
    """Take a job from Queued to its end; `directory` is its own, and empty.

    Raises:
        AzureError: what it needs can't be read.
    """
    job = progress.move(cloud, key, lifecycle.PREPARING, startTime=True)
    if job is None:
        return
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
    outcome = _follow(cloud, processes, key, directory, log)
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
        code = str(outcome.get("code", "UserError"))
        progress.fail(cloud, key, code, str(outcome["message"]))
        return
    finalizing = progress.move(cloud, key, lifecycle.FINALIZING)
    if finalizing is not None and _finish(cloud, finalizing, output):
        log.line("Completed.")
        log.flush()


def _finish(cloud: Cloud, job: Resource, output: Path) -> bool:
    """Register the model and complete the job, both or neither; False if it was canceled."""
    with cloud.database.transaction():
        now = cloud.resources.get(job.id)
        if now is None or now.properties["status"] != lifecycle.FINALIZING:
            return False
        model = register_model(cloud, now, output)
        done = progress.move(cloud, job.id.key, lifecycle.COMPLETED, endTime=True, model=model)
        return done is not None


def _follow(
    cloud: Cloud, processes: Processes, key: str, directory: Path, log: RunLog
) -> dict[str, Any] | None:
    """Run the trainer and record what it reports; None when it was stopped."""
    child = _start(processes, key, directory)
    final: dict[str, Any] | None = None
    try:
        assert child.stdout is not None
        for line in child.stdout:
            event: dict[str, Any] = json.loads(line)
            log.event(event)
            if event["event"] in ("completed", "failed"):
                final = event
            else:
                _record(cloud, key, event)
        child.wait()
    finally:
        # Ended already, unless recording what it said went wrong: then nobody follows it.
        child.terminate()
        if child.stdout is not None:
            child.stdout.close()  # before the wait: it may be writing to a full pipe
        child.wait()
        processes.forget(key, child)
    if not progress.is_wanted(cloud, key):
        return None
    if final is None and not cloud.workers.stopping.is_set():
        said = (directory / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()
        reason = said.splitlines()[-1] if said else f"exit code {child.returncode}"
        return {
            "event": "failed",
            "code": "ServiceError",
            "message": f"The trainer ended without a result: {reason}",
        }
    return final


def _start(processes: Processes, key: str, directory: Path) -> "subprocess.Popen[str]":
    source = str(Path(emulator.__file__).parents[1])
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    with (directory / "stderr.txt").open("w", encoding="utf-8") as errors:
        return processes.start(
            key,
            [sys.executable, "-m", "emulator.training", "job.json"],
            cwd=directory,
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )


def _record(cloud: Cloud, key: str, event: dict[str, Any]) -> None:
    if event["event"] == "started":
        progress.move(
            cloud,
            key,
            lifecycle.RUNNING,
            totalSteps=event["total_steps"],
            parameters=event.get("parameters"),
        )
    elif event["event"] in ("step", "validation"):
        values = {name: float(event[name]) for name in metrics.NAMES if event.get(name) is not None}
        metrics.log(cloud, key, int(event["step"]), values)
    elif event["event"] == "warning":
        progress.warn(cloud, key, str(event["message"]))
