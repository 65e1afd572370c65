"""Jobs on management.azure.com: submitted once by name, canceled, deleted.

A PUT of a name that exists changes only what a finished job may still change; asking for another
run under the same name is refused in the service's own words. The work itself is the runner's;
what a job of a type may ask for is that type's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.arm.operations import Operations
from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType, Selection
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import (
    command_job,
    finetuning_job,
    metrics,
    runner,
)
from emulator.services.machinelearningservices.lifecycle import QUEUED, TERMINAL
from emulator.services.machinelearningservices.operations import TRACKING
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import (
    API_VERSIONS,
    WORKSPACES,
)
from emulator.services.machinelearningservices.workspaces import kind
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

JOBS = f"{WORKSPACES}/jobs"
_MUTABLE = ("description", "tags", "displayName", "properties", "isArchived")


def _as_it_is(properties: Json, api_version: str) -> Json:
    del api_version
    return properties


def _any_version(change: Change) -> None:
    del change


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobType:
    """How a type of job is taken in."""

    what: str
    immutable: Mapping[str, str]
    asked: Callable[[Json], Json]
    admit: Callable[[Change, Resource], None]
    complete: Callable[[Change], None]
    show: Callable[[Json, str], Json] = _as_it_is
    require_version: Callable[[Change], None] = _any_version


_TYPES = {
    "finetuning": _JobType(
        what="serverless fine-tuning runs",
        immutable=finetuning_job.IMMUTABLE,
        asked=finetuning_job.asked,
        admit=finetuning_job.admit,
        complete=finetuning_job.complete,
        show=finetuning_job.show,
        require_version=finetuning_job.require_version,
    ),
    "command": _JobType(
        what="jobs run",
        immutable=command_job.IMMUTABLE,
        asked=command_job.asked,
        admit=command_job.admit,
        complete=command_job.complete,
    ),
}


def _type_of(change: Change) -> _JobType:
    named = str(change.properties.get("jobType", ""))
    found = _TYPES.get(named.lower())
    if found is None:
        raise not_emulated(f"jobs of type '{named}'", "Only FineTuning and Command jobs are known.")
    return found


def _validate(change: Change) -> None:
    cloud, properties = change.cloud, change.properties
    of_type = _type_of(change)
    of_type.require_version(change)
    for name in ("experimentName", "displayName"):
        if not isinstance(properties.get(name) or "", str):
            raise user_error(f"'{name}' must be a string.", target=name)
    project = cloud.resources.get(change.id.parent) if change.id.parent else None
    assert project is not None
    asked = of_type.asked(properties)
    if change.before is not None:
        _check_unchanged(of_type, change.before.private["asked"], asked)
        return
    if runner.of(cloud).works_on(change.id.key):
        # Ours: its last words would be taken for the new job's.
        raise user_error(
            f"The job '{change.id.name}' was deleted and its work is being ended. Try again.",
            status=409,
            code="Conflict",
        )
    if kind(project) != "Project":
        raise user_error(
            f"'{project.name}' is a hub; {of_type.what} in a project.",
            inner="WorkspaceKindNotSupported",
        )
    change.private["asked"] = asked
    of_type.admit(change, project)


def _check_unchanged(of_type: _JobType, before: Json, asked: Json) -> None:
    changed = [
        name for name in of_type.immutable
        if before.get(name) != asked.get(name) and not (
            name == "experimentName" and asked.get(name) is None
        )
    ]  # fmt: skip
    if changed:
        parts = ",  ".join(of_type.immutable[name] for name in changed)
        # Word for word what the service says (azure-docs#122250).
        raise user_error(
            "A job with this name already exists. If you are trying to create a new job, use a "
            "different name. If you are trying to update an existing job, the existing job's "
            f"{parts} cannot be changed. Only description, tags, displayName, properties, and "
            "isArchived can be updated.",
            inner="JobPropertyImmutable",
        )


def _defaults(change: Change) -> None:
    if change.before is not None:
        given = {name: change.properties[name] for name in _MUTABLE if name in change.properties}
        kept = change.before.properties
        if "properties" in given:
            given["properties"] = kept["properties"] | (given["properties"] or {})
        change.body = change.before.body | {"properties": kept | given}
        return
    properties = change.properties
    properties |= {
        "description": properties.get("description"),
        "experimentName": properties.get("experimentName") or "Default",
        "isArchived": bool(properties.get("isArchived")),
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
    }
    properties["displayName"] = properties.get("displayName") or change.id.name
    _type_of(change).complete(change)
    assert change.id.parent is not None
    properties |= {
        "status": QUEUED,
        "services": {
            "Studio": {
                "jobServiceType": "Studio",
                "endpoint": f"https://ml.azure.com/runs/{change.id.name}"
                f"?wsid={change.id.parent.text}&tid={change.cloud.tenant}",
                "port": None,
                "status": None,
                "errorMessage": None,
                "properties": None,
            }
        },
    }


def _show(cloud: Cloud, job: Resource, api_version: str) -> Json:
    del cloud
    of_type = _TYPES[str(job.properties["jobType"]).lower()]
    return job.body | {"properties": of_type.show(job.properties, api_version)}


def _created(cloud: Cloud, job: Resource) -> None:
    cloud.database.after_commit(lambda: runner.of(cloud).submit(job.id.key))


def _cancel(request: Request, job: Resource) -> Response:
    cloud = request.cloud
    if job.properties["status"] in TERMINAL:
        raise user_error(
            f"The job '{job.name}' is {job.properties['status']} already; it can't be canceled.",
            inner="JobInTerminalState",
        )
    runner.of(cloud).cancel(job)
    operation = cloud.part(Operations).start(
        request, job.id, JOBS, "cancel", location=_location(cloud, job)
    )
    headers = cloud.part(Operations).headers(
        operation, Polling.ASYNC, TRACKING, request.api_version
    )
    return Response.empty(202, headers)


def _before_delete(request: Request, job: Resource) -> None:
    del request
    if job.properties["status"] not in TERMINAL:
        raise AzureError(
            409,
            "Conflict",
            f"The job '{job.name}' is {job.properties['status']}. Cancel it before deleting it.",
        )


def _after_delete(cloud: Cloud, job: Resource) -> None:
    """Also when the project goes: running jobs end with it."""
    metrics.forget(cloud, job.id.key)
    # Once it is certain: a deletion that is rolled back leaves the job at work.
    cloud.database.after_commit(lambda: runner.of(cloud).stop(job.id.key))


def _location(cloud: Cloud, job: Resource) -> str:
    project = cloud.resources.get(job.id.parent) if job.id.parent else None
    return project.location if project else ""


def _select(request: Request) -> Selection:
    view = request.option("listViewType", "ActiveOnly").lower()
    wanted, tag = request.option("jobType").lower(), request.option("tag")

    def keeps(job: Resource) -> bool:
        properties = job.properties
        return (
            (view == "all" or bool(properties.get("isArchived")) is (view == "archivedonly"))
            and (not wanted or str(properties["jobType"]).lower() == wanted)
            and (not tag or tag in (properties.get("tags") or {}))
        )

    return Selection(keeps=keeps, newest_first=True)


JOB_TYPE = ResourceType(
    name=JOBS,
    api_versions=API_VERSIONS,
    put=Put(says_location=True),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    provisioning_state=False,
    system_data=True,
    name_pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$",
    objects=(
        "fineTuningDetails",
        "inputs",
        "outputs",
        "outputs.registered_model",
        "resources",
        "resources.properties",
        "limits",
        "distribution",
        "environmentVariables",
        "identity",
        "queueSettings",
        "properties",
        "tags",
    ),
    read_only=("status", "services"),
    tracking=TRACKING,
    actions={"cancel": Action(handle=_cancel)},
    validate=_validate,
    defaults=_defaults,
    created=_created,
    before_delete=_before_delete,
    after_delete=_after_delete,
    project=_show,
    select=_select,
    list_options=("listViewType", "jobType", "tag"),
)
