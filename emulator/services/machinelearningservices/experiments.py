"""Experiments of a workspace, as MLflow knows them: the names under which runs and jobs are filed.

A job names one, a client of MLflow creates one; neither is an ARM resource. On Azure an experiment
has a GUID; here it is made from the workspace's and the name, so that nothing has to remember it.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.services.machinelearningservices.runs import all_runs
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

DEFAULT = "Default"
# What MLflow calls the default experiment everywhere; azure-ai-evaluation begins its runs there.
_DEFAULT_ID = "0"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment."""

    id: str
    name: str
    created_at: float


def id_of(workspace: Resource, name: str) -> str:
    """The id of an experiment of this name, whether it is there or not."""
    return str(uuid.uuid5(uuid.UUID(str(workspace.properties["workspaceId"])), name.lower()))


def all_experiments(cloud: Cloud, workspace: Resource) -> list[Experiment]:
    """Every experiment that was created or has a run, newest first."""
    created = cloud.database.documents("experiments").items(_key(workspace, ""))
    found = {
        str(one["name"]).lower(): (str(one["name"]), float(one["createdAt"])) for _, one in created
    }
    for run in reversed(all_runs(cloud, workspace)):
        name = str(run.properties["experimentName"])
        found.setdefault(name.lower(), (name, run.created_at))
    shown = [Experiment(id_of(workspace, name), name, at) for name, at in found.values()]
    return sorted(shown, key=lambda one: one.created_at, reverse=True)


def by_id(cloud: Cloud, workspace: Resource, id: str) -> Experiment | None:
    """The experiment of an id; "0" is the default one, which is there before its first run."""
    if id == _DEFAULT_ID or id == id_of(workspace, DEFAULT):
        return Experiment(id_of(workspace, DEFAULT), DEFAULT, workspace.created_at)
    return _first(one for one in all_experiments(cloud, workspace) if one.id == id)


def by_name(cloud: Cloud, workspace: Resource, name: str) -> Experiment | None:
    """The experiment of a name, in whatever case."""
    return by_id(cloud, workspace, id_of(workspace, name))


def create(cloud: Cloud, workspace: Resource, name: str) -> Experiment:
    """Keep an experiment that has no run yet."""
    now = cloud.clock.timestamp()
    cloud.database.documents("experiments").put(
        _key(workspace, name), {"name": name, "createdAt": now}
    )
    return Experiment(id_of(workspace, name), name, now)


def forget(cloud: Cloud, workspace: Resource) -> None:
    """Drop a workspace's: it is deleted."""
    created = cloud.database.documents("experiments")
    for key, _ in created.items(_key(workspace, "")):
        created.delete(key)


def _key(workspace: Resource, name: str) -> str:
    return f"{workspace.id.key}#{name.lower()}"


def _first(found: Iterable[Experiment]) -> Experiment | None:
    return next(iter(found), None)
