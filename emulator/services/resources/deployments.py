"""Template deployments into a resource group, as azure-ai-ml makes hubs and projects by them.

A template is read as a whole before anything is made (`templates.py`). Then each of its resources
is PUT on management.azure.com in the caller's name, one after the other, so that roles, locks,
registration and the type itself refuse what they refuse anywhere. What is slow is looked at again
whenever somebody asks how the deployment gets on.
"""

import dataclasses
import uuid

from emulator.arm.operations import retry_headers
from emulator.arm.resources import require_resource
from emulator.arm.types import Delete, Polling, ResourceType, TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.resources import deploying, templates
from emulator.services.resources.groups import API_VERSIONS
from emulator.services.resources.templates import Planned
from emulator.state.clock import isoformat
from emulator.state.errors import AzureError, bad_request, not_emulated
from emulator.state.ids import ResourceId, parse_id
from emulator.state.json_text import Json, as_object
from emulator.state.store import Resource

TYPE = "Microsoft.Resources/deployments"


def put_deployment(request: Request) -> Response:
    """PUT: 201 (200 for a name that had one), and `Azure-AsyncOperation`."""
    cloud, id = request.cloud, _id(request)
    before = cloud.resources.get(id)
    if before is not None and before.state not in deploying.ENDED:
        raise AzureError(
            409,
            "DeploymentActive",
            f"Unable to edit or replace deployment '{id.name}': previous deployment is still "
            "active.",
        )
    planned, parameters = _read(request)
    now = cloud.clock.timestamp()
    properties = _properties(planned, parameters, request) | {
        "provisioningState": "Accepted",
        "timestamp": isoformat(now),
        "duration": "PT0S",
    }
    private: Json = {
        "operation": str(uuid.uuid4()),
        "by": request.caller.id,
        "began": now,
        "pending": [dataclasses.asdict(one) for one in planned],
        "operations": [],
    }
    stored = cloud.resources.put(
        Resource(id=id, type=TYPE, body={"properties": properties}, private=private),
        changed_by=request.caller.id,
    )
    cloud.database.after_commit(lambda: deploying.go_on(request, stored.id))
    status = f"{request.url.partition('?')[0]}/operationStatuses/{private['operation']}"
    headers = {"azure-asyncoperation": f"{status}?api-version={request.api_version}"}
    return Response.json(_shown(stored), 200 if before else 201, headers | retry_headers())


def get_deployment(request: Request) -> Response:
    """GET: how it is now."""
    return Response.json(_shown(_current(request)))


def validate_deployment(request: Request) -> Response:
    """POST …/validate: what PUT would refuse, and nothing made."""
    planned, parameters = _read(request)
    properties = _properties(planned, parameters, request) | {
        "provisioningState": "Succeeded",
        "timestamp": isoformat(request.cloud.clock.timestamp()),
        "duration": "PT0S",
        "validatedResources": [{"id": one.id} for one in planned],
    }
    id = _id(request)
    return Response.json({"id": id.text, "name": id.name, "type": TYPE, "properties": properties})


def get_status(request: Request) -> Response:
    """GET …/operationStatuses/{id}: what `Azure-AsyncOperation` points at."""
    deployment = _current(request)
    if deployment.private["operation"] != request.parameters["operation"]:
        raise AzureError(404, "DeploymentOperationNotFound", "The operation could not be found.")
    if deployment.state not in deploying.ENDED:
        return Response.json({"status": "Running"}, headers=retry_headers())
    error = deployment.properties.get("error")
    return Response.json({"status": deployment.state} | ({"error": error} if error else {}))


def list_operations(request: Request) -> Response:
    """GET …/operations: what was done for each resource, newest first."""
    deployment = _current(request)
    done = [_operation(deployment, one) for one in reversed(deployment.private["operations"])]
    if deployment.state == "Succeeded":
        done.append(
            _operation(
                deployment, {"kind": "EvaluateDeploymentOutput"} | deploying.now(request.cloud)
            )
        )
    return Response.json({"value": done})


def _read(request: Request) -> tuple[list[Planned], Json]:
    group = require_resource(request.cloud, _group(request))
    properties = as_object(request.json().get("properties"), "properties")
    mode = str(properties.get("mode", ""))
    if mode.lower() != "incremental":
        raise not_emulated(f"deployments of mode '{mode}'", "Use Incremental.")
    for link in ("templateLink", "parametersLink", "onErrorDeployment"):
        if properties.get(link):
            raise not_emulated(f"'{link}' of a deployment", "Send the template and parameters.")
    if not isinstance(properties.get("template"), dict):
        raise bad_request("The deployment has no template.", "InvalidRequestContent")
    return templates.read(
        as_object(properties.get("template"), "properties.template"),
        as_object(properties.get("parameters"), "properties.parameters"),
        group=group.id,
        location=group.location,
        types=request.cloud.part(TypeTable),
        tenant=request.cloud.tenant,
    )


def _properties(planned: list[Planned], parameters: Json, request: Request) -> Json:
    providers: dict[str, list[Json]] = {}
    for one in planned:
        namespace, _, kind = one.type.partition("/")
        known = providers.setdefault(namespace, [])
        if kind not in [row["resourceType"] for row in known]:
            known.append({"resourceType": kind, "locations": [one.body.get("location")]})
    by_key = {one.id.lower(): one for one in planned}
    dependencies: list[Json] = []
    for one in planned:
        needed = [by_key[key.lower()] for key in one.depends_on if key.lower() in by_key]
        if needed:
            dependencies.append({"dependsOn": [_named(other) for other in needed]} | _named(one))
    return {
        "mode": "Incremental",
        "parameters": parameters,
        "correlationId": request.correlation_id,
        "providers": [
            {"namespace": name, "resourceTypes": kinds} for name, kinds in providers.items()
        ],
        "dependencies": dependencies,
    }


def _named(one: Planned) -> Json:
    return {"id": one.id, "resourceType": one.type, "resourceName": one.name}


def _current(request: Request) -> Resource:
    deploying.go_on(request, _id(request))
    deployment = request.cloud.resources.get(_id(request))
    if deployment is None:
        require_resource(request.cloud, _group(request))
        raise AzureError(
            404,
            "DeploymentNotFound",
            f"Deployment '{request.parameters['name']}' could not be found.",
        )
    return deployment


def _operation(deployment: Resource, one: Json) -> Json:
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{deployment.private['operation']} {one.get('id')}")
    operation = name.hex[:16].upper()
    properties: Json = {
        "provisioningOperation": one["kind"],
        "provisioningState": one["state"],
        "timestamp": isoformat(one["at"]),
        "duration": f"PT{one['seconds']:.7f}S",
        "trackingId": str(name),
        "statusCode": one["status"],
    }
    if "id" in one:
        properties["targetResource"] = {
            "id": one["id"],
            "resourceType": one["type"],
            "resourceName": one["name"],
        }
    if "error" in one:
        properties["statusMessage"] = {"error": one["error"]}
    return {
        "id": f"{deployment.id.text}/operations/{operation}",
        "operationId": operation,
        "properties": properties,
    }


def _shown(deployment: Resource) -> Json:
    shown: Json = {"id": deployment.id.text, "name": deployment.name, "type": TYPE}
    return shown | deployment.body


def _group(request: Request) -> ResourceId:
    named = request.parameters
    return parse_id(f"/subscriptions/{named['subscription']}/resourceGroups/{named['group']}")


def _id(request: Request) -> ResourceId:
    return _group(request).resource(TYPE, request.parameters["name"])


TYPES = (
    ResourceType(
        name=TYPE,
        api_versions=API_VERSIONS,
        put=None,
        delete=Delete(deleted=202, absent=204, polling=Polling.LOCATION),
        provisioning_state=False,
    ),
)

_SCOPE = "/subscriptions/{subscription}/resourceGroups/{group}"
_ONE = f"{_SCOPE}/providers/{TYPE}/{{name}}"

ROUTES = tuple(
    Route(
        method, path, handler, operation=f"{TYPE}/{permission}", scope=_SCOPE,
        api_versions=API_VERSIONS,
    )
    for method, path, handler, permission in (
        ("PUT", _ONE, put_deployment, "write"),
        ("GET", _ONE, get_deployment, "read"),
        ("POST", f"{_ONE}/validate", validate_deployment, "validate/action"),
        ("GET", f"{_ONE}/operationStatuses/{{operation}}", get_status, "operationstatuses/read"),
        ("GET", f"{_ONE}/operations", list_operations, "operations/read"),
        # As the SDKs write it, without the provider.
        ("GET", f"{_SCOPE}/deployments/{{name}}/operations", list_operations, "operations/read"),
    )
)  # fmt: skip
