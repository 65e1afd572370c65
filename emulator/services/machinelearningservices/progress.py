"""Where a job is: its status, moved on only where the job may still have the next one.

A late event of a trainer can't revive a job that was canceled or deleted: `move` looks first.
"""

from dataclasses import replace
from typing import Any

from emulator.services.machinelearningservices import lifecycle
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.store import Resource


def move(cloud: Cloud, key: str, status: str, **facts: Any) -> Resource | None:
    """Give a job its next status; None when it may not have it any more."""
    with cloud.database.transaction():
        job = cloud.resources.get(key)
        if job is None or not lifecycle.may_follow(job.properties["status"], status):
            return None
        return put(cloud, job, status, **facts)


def put(cloud: Cloud, job: Resource, status: str, **facts: Any) -> Resource:
    """Write a status, whatever the job had before, and what became known with it."""
    now = isoformat(cloud.clock.timestamp())
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
    return cloud.resources.put(moved)


def fail(cloud: Cloud, key: str, code: str, message: str) -> None:
    """End a job as Failed, with its reason."""
    error: dict[str, Any] = {"error": {"code": code, "message": message, "details": []}}
    move(cloud, key, lifecycle.FAILED, endTime=True, error=error)


def warn(cloud: Cloud, key: str, message: str) -> None:
    """Add a warning to a run."""
    with cloud.database.transaction():
        job = cloud.resources.get(key)
        if job is not None:
            warnings = [*job.private.get("warnings", []), {"message": message}]
            cloud.resources.put(job.with_private(warnings=warnings))


def is_wanted(cloud: Cloud, key: str) -> bool:
    """Whether the job is still there, and nobody asked it to stop."""
    job = cloud.resources.get(key)
    return job is not None and job.properties["status"] != lifecycle.CANCEL_REQUESTED
