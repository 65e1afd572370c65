"""What ARM does for every resource type alike: PUT, GET, PATCH, DELETE, list and actions.

What differs by type is data and hooks in the type table (`types.py`).
"""

import re
from dataclasses import dataclass

from emulator.arm.locations import normalize_location
from emulator.arm.operations import Operations, retry_headers
from emulator.arm.paging import count, page_of_resources
from emulator.arm.remove import remove
from emulator.arm.show import show
from emulator.arm.types import Action, Change, Polling, ResourceType, TypeTable
from emulator.http.messages import Request, Response
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, group_not_found, not_emulated
from emulator.state.ids import RESOURCE_GROUP, SUBSCRIPTION, ResourceId
from emulator.state.json_text import Json, as_object, merge_patch
from emulator.state.store import Resource, all_of, children_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a call is about: a resource, a collection at a scope, or an action on a resource."""

    id: ResourceId
    row: ResourceType
    collection: bool = False
    action: tuple[str, Action] | None = None


def handle_type(request: Request, target: Target) -> Response:
    """Answer a call on a type of the table."""
    row, id = target.row, target.id
    if target.action is not None:
        return target.action[1].handle(request, require_resource(request.cloud, id))
    if target.collection:
        if request.method != "GET":
            raise method_not_allowed(request, row)
        return list_resources(request, row, id)
    if request.method in ("GET", "HEAD"):
        resource = require_resource(request.cloud, id)
        if request.method == "HEAD":
            return Response.empty(204)
        # A client that polls the resource itself learns here how soon to ask again.
        headers = retry_headers() if resource.state in _CHANGING else {}
        return Response.json(show(request.cloud, resource, request.api_version), headers=headers)
    if row.holds_nothing and request.method in ("PUT", "PATCH"):
        raise not_emulated(f"resources of the type '{row.name}'", "There are none of them here.")
    if request.method == "PUT" and row.put is not None:
        return put_resource(request, row, id)
    if request.method == "PATCH" and row.patch:
        return patch_resource(request, row, id)
    if request.method == "DELETE" and row.delete is not None:
        return delete_resource(request, row, id)
    raise method_not_allowed(request, row)


def require_resource(cloud: Cloud, id: ResourceId) -> Resource:
    """The resource, or ARM's 404 for the first thing on the way that is missing."""
    resource = cloud.resources.get(id)
    if resource is not None:
        return resource
    if id.type.lower() == RESOURCE_GROUP.lower():
        raise group_not_found(id.name)
    _require_group(cloud, id)
    outermost = id
    while (parent := outermost.parent) is not None and parent.namespace == id.namespace:
        outermost = parent
    absent = id if cloud.resources.get(outermost) is not None else outermost
    raise cloud.part(TypeTable).require(absent.type).missing(absent)


def put_resource(request: Request, row: ResourceType, id: ResourceId) -> Response:
    """PUT: create, or replace in full."""
    cloud = request.cloud
    assert row.put is not None
    before = cloud.resources.get(id)
    id = before.id if before else id.cased(row.name)
    _check_name(row, id)
    _check_parent(request, row, id)
    _check_conditions(request, before)
    _check_not_busy(cloud, id, before)
    body = {name: value for name, value in request.json().items() if name not in _READ_ONLY}
    _check_shape(row, body)
    _check_location(row, body, before)
    change = Change(
        cloud=cloud,
        request=request,
        id=id,
        before=before,
        body=body,
        private=dict(before.private) if before else {},
    )
    return _write(row, change)


def patch_resource(request: Request, row: ResourceType, id: ResourceId) -> Response:
    """PATCH: merge into what is there (RFC 7396)."""
    cloud = request.cloud
    before = require_resource(cloud, id)
    _check_conditions(request, before)
    _check_not_busy(cloud, id, before)
    patch = {name: value for name, value in request.json().items() if name not in _READ_ONLY}
    merged = merge_patch(before.body, patch)
    _check_shape(row, merged)
    change = Change(
        cloud=cloud,
        request=request,
        id=before.id,
        before=before,
        body=merged,
        private=dict(before.private),
    )
    return _write(row, change)


def delete_resource(request: Request, row: ResourceType, id: ResourceId) -> Response:
    """DELETE, at once or as a long-running operation."""
    cloud = request.cloud
    assert row.delete is not None
    resource = cloud.resources.get(id)
    if resource is None and row.delete.absent == 404:
        resource = require_resource(cloud, id)
    if resource is None:
        _require_group(cloud, id)
        return Response.empty(row.delete.absent)
    _check_conditions(request, resource)
    running = cloud.part(Operations).running(resource.id)
    if running is not None and running.verb == "delete":
        headers = cloud.part(Operations).headers(
            running, row.delete.polling, row.tracking, request.api_version
        )
        return Response.empty(row.delete.deleted, headers)
    _check_not_busy(cloud, id, resource)
    row.before_delete(request, resource)
    if row.delete.polling is Polling.NONE:
        remove(cloud, resource)
        return Response.empty(row.delete.deleted)
    operation = cloud.part(Operations).start(
        request,
        resource.id,
        row.name,
        "delete",
        location=resource.location,
        seconds=row.delete.seconds,
    )
    if row.provisioning_state:
        cloud.resources.put(resource.with_properties(provisioningState="Deleting"))
    headers = cloud.part(Operations).headers(
        operation, row.delete.polling, row.tracking, request.api_version
    )
    return Response.empty(row.delete.deleted, headers)


def list_resources(request: Request, row: ResourceType, scope: ResourceId) -> Response:
    """GET on a collection: under a parent, a group, or a whole subscription; in pages."""
    cloud = request.cloud
    if scope.type.lower() == SUBSCRIPTION.lower() and row.name.lower() != RESOURCE_GROUP.lower():
        among = all_of(row.name, scope.subscription)
    else:
        require_resource(cloud, scope)
        among = children_of(scope, row.name)
    selection = row.select(request)
    return page_of_resources(
        request,
        lambda after, wanted: filter(
            selection.keeps,
            cloud.resources.walk(
                among, after=after, newest_first=selection.newest_first, wanted=wanted
            ),
        ),
        lambda resource: show(cloud, resource, request.api_version),
        most=count(request) if "count" in row.list_options else None,
        # Nothing is nothing, whatever is asked of it.
        options=tuple(request.query) if row.holds_nothing else row.list_options,
    )


_CHANGING = frozenset({"Creating", "Updating", "Deleting"})
_READ_ONLY = frozenset({"id", "name", "type", "systemData", "etag"})
_OBJECTS = ("properties", "tags", "identity", "sku")


def _write(row: ResourceType, change: Change) -> Response:
    cloud, request, before = change.cloud, change.request, change.before
    assert row.put is not None
    _keep_read_only(row, change)
    row.validate(change)
    if row.identity:
        _give_identity(change)
    row.defaults(change)
    put = row.put
    polling = put.polling if before is None or put.poll_updates else Polling.NONE
    if row.provisioning_state:
        done = "Succeeded" if polling is Polling.NONE else None
        change.properties["provisioningState"] = done or ("Updating" if before else "Creating")
    resource = cloud.resources.put(
        Resource(id=change.id, type=row.name, body=change.body, private=change.private),
        changed_by=request.caller.client_id or request.caller.id,
        before=before,
    )
    (row.updated if before else row.created)(cloud, resource)
    code = put.updated if before else put.created
    if polling is Polling.NONE:
        row.completed(cloud, resource)
        resource = _as_it_is_now(cloud, row, resource)
        headers = {"location": request.url} if put.says_location and code == 201 else {}
        return Response.json(show(cloud, resource, request.api_version), code, headers)
    operation = cloud.part(Operations).start(
        request,
        resource.id,
        row.name,
        "put",
        location=resource.location,
        seconds=put.seconds,
        waits=put.waits,
    )
    headers = cloud.part(Operations).headers(operation, polling, row.tracking, request.api_version)
    if put.says_location and code == 201:
        headers["location"] = request.url
    resource = _as_it_is_now(cloud, row, resource)
    if code == 202 and polling is Polling.LOCATION:
        return Response.empty(202, headers)
    return Response.json(show(cloud, resource, request.api_version), code, headers)


def _as_it_is_now(cloud: Cloud, row: ResourceType, resource: Resource) -> Resource:
    return resource if row.is_plain else cloud.resources.get(resource.id) or resource


def _keep_read_only(row: ResourceType, change: Change) -> None:
    before = change.before.properties if change.before else {}
    for name in (*row.read_only, "provisioningState"):
        change.properties.pop(name, None)
        if name in before:
            change.properties[name] = before[name]
    for name in row.immutable:
        if (
            name in before
            and name in change.properties
            and not _same(before[name], change.properties[name])
        ):
            raise AzureError(
                400,
                "PropertyChangeNotAllowed",
                f"Changing property '{name}' of '{change.id.name}' from '{before[name]}' to "
                f"'{change.properties[name]}' is not allowed.",
                target=name,
            )
        if name in before:
            change.properties.setdefault(name, before[name])


def _same(before: object, after: object) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        return before.lower() == after.lower()
    return before == after


def _give_identity(change: Change) -> None:
    identity: Json = change.body.get("identity") or {}
    kind = str(identity.get("type", "None"))
    if "systemassigned" not in kind.lower().replace(" ", ""):
        if change.before is not None:
            change.cloud.access.remove_managed_identity(change.id)
        return
    principal = change.cloud.access.add_managed_identity(change.id)
    change.body["identity"] = identity | {
        "principalId": principal.id,
        "tenantId": change.cloud.tenant,
    }


def _check_shape(row: ResourceType, body: Json) -> None:
    """Refuse what is no object where the type has one; a null says as little as nothing."""
    for path in (*_OBJECTS, *(f"properties.{name}" for name in row.objects)):
        *outer, name = path.split(".")
        node = body
        for step in outer:
            node = as_object(node.get(step), step)
        as_object(node.get(name), path)
        if node.get(name, path) is None:
            del node[name]


def _check_name(row: ResourceType, id: ResourceId) -> None:
    if row.name_pattern and not re.fullmatch(row.name_pattern, id.name):
        code, message = row.name_error
        raise AzureError(400, code, message.format(name=id.name, pattern=row.name_pattern))


def _check_parent(request: Request, row: ResourceType, id: ResourceId) -> None:
    cloud = request.cloud
    _require_group(cloud, id)
    parent = id.parent
    if parent is None or cloud.resources.has(parent):
        return
    parent_row = cloud.part(TypeTable).require(parent.type)
    if not row.implicit_parent:
        raise AzureError(
            404,
            "ParentResourceNotFound",
            f"Failed to perform '{request.method.lower()}' on resource(s) of type "
            f"'{row.name.partition('/')[2]}', because the parent resource "
            f"'{parent.text}' could not be found.",
        )
    _check_parent(request, parent_row, parent)
    _write(
        parent_row,
        Change(cloud=cloud, request=request, id=parent, before=None, body={"properties": {}}),
    )


def _require_group(cloud: Cloud, id: ResourceId) -> None:
    node: ResourceId | None = id.parent
    while node is not None:
        if node.type.lower() == RESOURCE_GROUP.lower():
            group = cloud.resources.get(node)
            if group is None:
                raise group_not_found(node.name)
            if group.state == "Deleting":
                raise AzureError(
                    409,
                    "ResourceGroupBeingDeleted",
                    f"The resource group '{node.name}' is in deprovisioning state and cannot "
                    "perform this operation.",
                )
        node = node.parent


def _check_conditions(request: Request, before: Resource | None) -> None:
    match, none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    current = f'"{before.etag}"' if before else ""
    stale = match is not None and (before is None or match not in ("*", current))
    exists = none_match is not None and before is not None and none_match in ("*", current)
    if stale or exists:
        raise AzureError(
            412,
            "PreconditionFailed",
            "The condition in the request's If-Match or If-None-Match header is not met: "
            + ("the resource has changed." if stale else "the resource exists."),
        )


def _check_not_busy(cloud: Cloud, id: ResourceId, before: Resource | None) -> None:
    if before is None:
        return
    running = cloud.part(Operations).running(id)
    if running is not None:
        raise AzureError(
            409,
            "AnotherOperationInProgress",
            f"Another operation ({running.verb} {running.id}) on '{id.name}' is in progress. "
            "Try again when it is done.",
        )


def _check_location(row: ResourceType, body: Json, before: Resource | None) -> None:
    if not row.located:
        return
    location = body.get("location")
    if not location:
        raise AzureError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    body["location"] = normalize_location(str(location), row.name)
    if before is not None and before.location != body["location"]:
        raise AzureError(
            409,
            "InvalidResourceLocation",
            f"The resource '{before.name}' already exists in location '{before.location}' in "
            f"resource group '{before.id.group}'. A resource with the same name cannot be created "
            f"in location '{body['location']}'. Please select a new resource name.",
        )


def method_not_allowed(request: Request, row: ResourceType) -> AzureError:
    """The refusal of a method that a type has not."""
    return AzureError(
        405,
        "MethodNotAllowed",
        f"foundry-emulator does not emulate {request.method} on '{row.name}' here.",
    )
