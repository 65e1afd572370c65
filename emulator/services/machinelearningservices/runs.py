"""A run of the data plane: a job of the project, or one that a client of MLflow began itself.

The latter is no job: ARM doesn't show it. It lies in the store like one, below a type of its own.
"""

import uuid

from emulator.http.messages import Request
from emulator.services.machinelearningservices import lifecycle
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId, parse_id
from emulator.state.store import Resource
from emulator.state.tokens import MACHINE_LEARNING_AUDIENCES

JOBS = f"{WORKSPACES}/jobs"
RUNS = f"{WORKSPACES}/runs"


def require_workspace(request: Request, permission: str) -> Resource:
    """The workspace in the path, once the caller signed in and has the permission on it."""
    request.sign_in(MACHINE_LEARNING_AUDIENCES)
    id = workspace_id(request)
    request.cloud.access.require(request.caller, f"{WORKSPACES}/{permission}", id.text)
    workspace = request.cloud.resources.get(id)
    if workspace is None or workspace.location != request.parameters["region"].lower():
        raise AzureError(
            404,
            "WorkspaceNotFound",
            f"There is no workspace '{id.name}' in the region '{request.parameters['region']}'.",
        )
    return workspace


def workspace_id(request: Request) -> ResourceId:
    """The id of the workspace in the path."""
    named = request.parameters
    return parse_id(
        f"/subscriptions/{named['subscription']}/resourceGroups/{named['group']}"
        f"/providers/{WORKSPACES}/{named['workspace']}"
    )


def find_run(request: Request, verb: str) -> Resource:
    """The job or run that the path names; `verb` is read or write."""
    workspace = require_workspace(request, f"experiments/runs/{verb}")
    name = request.parameters["run"]
    found = (
        request.cloud.resources.get(workspace.id.child(kind, name)) for kind in ("jobs", "runs")
    )
    for run in found:
        if run is not None:
            return run
    # The service's words and code for a run that isn't there.
    raise AzureError(404, "UserError", f"Run {name} was not found.")


def all_runs(cloud: Cloud, workspace: Resource) -> list[Resource]:
    """Every job and every other run of a workspace, newest first."""
    found = [
        *cloud.resources.children(workspace.id, JOBS),
        *cloud.resources.children(workspace.id, RUNS),
    ]
    return sorted(found, key=lambda run: run.created_at, reverse=True)


def is_job(run: Resource) -> bool:
    """Whether ARM knows it too: its status is then the job's own, whatever a client says."""
    return run.type.lower() == JOBS.lower()


def begin_run(
    request: Request, workspace: Resource, experiment: str, name: str, tags: dict[str, str]
) -> Resource:
    """A run that somebody began outside of any job."""
    id = workspace.id.child("runs", str(uuid.uuid4()))
    properties = {
        "jobType": "",
        "displayName": name or id.name,
        "description": None,
        "experimentName": experiment,
        "isArchived": False,
        "properties": {},
        "status": lifecycle.RUNNING,
        "tags": tags,
    }
    run = Resource(id=id, type=RUNS, body={"properties": properties})
    return request.cloud.resources.put(run, request.caller.client_id)
