"""A run of the data plane is a job of the project: found, and only for who may see it."""

from emulator.http.messages import Request
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId, parse_id
from emulator.state.store import Resource
from emulator.state.tokens import MACHINE_LEARNING_AUDIENCES


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
    """The job behind the run in the path; `verb` is read or write."""
    workspace = require_workspace(request, f"experiments/runs/{verb}")
    job = request.cloud.resources.get(workspace.id.child("jobs", request.parameters["run"]))
    if job is None:
        # The service's words and code for a run that isn't there.
        raise AzureError(404, "UserError", f"Run {request.parameters['run']} was not found.")
    return job
