"""Long-running operations, once for every type, in Azure's three dialects.

An operation is done when the virtual clock says so. How soon a client asks again is said in
`retry-after-ms` and `x-ms-retry-after-ms` alone: azure-core takes `Retry-After: 0` for "absent" and
sleeps 30 s, fails on a fraction of a second, and prefers `Retry-After` where both are sent.
"""

import sqlite3
import uuid
from dataclasses import dataclass
from typing import Any

from emulator.arm.remove import remove
from emulator.arm.show import show
from emulator.arm.types import Polling, Tracking, TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId, parse_path
from emulator.state.json_text import Json, decode_json, encode_json
from emulator.state.store import Resource

SCHEMA = """
CREATE TABLE IF NOT EXISTS operations (
  id TEXT PRIMARY KEY, verb TEXT NOT NULL, resource TEXT NOT NULL, type TEXT NOT NULL,
  principal TEXT NOT NULL, status TEXT NOT NULL, started_at REAL NOT NULL, ready_at REAL NOT NULL,
  ended_at REAL, error TEXT, result TEXT, address TEXT NOT NULL, waits INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operations_running ON operations (status, ready_at);
"""

RETRY_MILLISECONDS = 20
_NO_TIME = "0001-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One long-running operation. `verb` is put, delete or an action's name."""

    id: str
    verb: str
    resource: ResourceId
    type: str
    principal: str
    status: str
    started_at: float
    ready_at: float
    ended_at: float | None
    error: Json | None
    result: Json | None
    waits: bool
    """Whether it goes on until `Operations.end` is called."""
    address: str
    """`https://management.azure.com/subscriptions/…/locations/…`, without the last two segments."""


class Operations:
    """The operations under way and done; `settle` finishes those whose time has come."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        cloud.database.define(SCHEMA)
        self._due: float | None = 0.0

    def start(
        self,
        request: Request,
        resource: ResourceId,
        type_name: str,
        verb: str,
        *,
        location: str = "",
        seconds: float = 0.0,
        result: Json | None = None,
        waits: bool = False,
    ) -> Operation:
        """Begin one; what it takes on the virtual clock may be stretched or failed by a fault.

        One that `waits` for real work goes on until somebody calls `end` as well.
        """
        cloud = self._cloud
        extra, error = cloud.faults.operation(
            request.method, request.host, request.path, request.id
        )
        now = cloud.clock.timestamp()
        namespace = type_name.split("/", 1)[0]
        operation = Operation(
            id=f"{self._tracking(type_name).prefix(cloud, resource)}{uuid.uuid4()}",
            verb=verb,
            resource=resource,
            type=type_name,
            principal=request.principal.id if request.principal else "",
            status="InProgress",
            started_at=now,
            ready_at=now + seconds + extra,
            ended_at=None,
            error=error,
            result=result,
            waits=waits,
            address=f"https://management.azure.com/subscriptions/{resource.subscription}/providers/"
            f"{namespace}/locations/{location or 'global'}",
        )
        cloud.database.execute(
            "INSERT INTO operations VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                operation.id,
                verb,
                resource.text,
                type_name,
                operation.principal,
                operation.status,
                now,
                operation.ready_at,
                None,
                encode_json(error) if error else None,
                encode_json(result) if result is not None else None,
                operation.address,
                int(waits),
            ),
        )
        if self._due is None or operation.ready_at < self._due:
            self._due = operation.ready_at
        return operation

    def end(self, resource: ResourceId, error: Json | None = None) -> None:
        """The work that a resource's operation waits for has ended, well or in an error."""
        database = self._cloud.database
        with database.transaction():
            database.execute(
                "UPDATE operations SET waits=0, ready_at=max(ready_at, ?), "
                "error=coalesce(error, ?) "
                "WHERE status='InProgress' AND waits=1 AND lower(resource)=?",
                (
                    self._cloud.clock.timestamp(),
                    encode_json(error) if error else None,
                    resource.key,
                ),
            )
            self._due = 0.0

    def running(self, resource: ResourceId) -> Operation | None:
        """The operation that a resource is busy with."""
        row = self._cloud.database.row(
            "SELECT * FROM operations WHERE status='InProgress' AND lower(resource)=?",
            (resource.key,),
        )
        return _operation(row) if row else None

    def get(self, id: str) -> Operation | None:
        """An operation by its id."""
        row = self._cloud.database.row("SELECT * FROM operations WHERE id=?", (id.lower(),))
        return _operation(row) if row else None

    def headers(
        self, operation: Operation, polling: Polling, tracking: Tracking, api_version: str
    ) -> dict[str, str]:
        """The headers that tell a client where to ask."""
        headers = retry_headers()
        if tracking.timeout:
            headers["x-ms-async-operation-timeout"] = tracking.timeout
        status, results = (
            f"{operation.address}/{path}/{operation.id}?api-version={api_version}"
            for path in (tracking.status, tracking.result)
        )
        if polling is Polling.ASYNC:
            headers["azure-asyncoperation"] = status
            if operation.verb != "put":
                headers["location"] = results
        elif polling is Polling.LOCATION:
            headers["location"] = results
        return headers

    def is_due(self) -> bool:
        """Whether there is something to finish."""
        return self._due is not None and self._cloud.clock.timestamp() >= self._due

    def settle(self) -> None:
        """Finish what is due on the virtual clock; cheap when nothing is."""
        if not self.is_due():
            return
        database = self._cloud.database
        with database.transaction():
            now = self._cloud.clock.timestamp()
            due = database.rows(
                "SELECT * FROM operations WHERE status='InProgress' AND waits=0 AND ready_at<=? "
                "ORDER BY ready_at",
                (now,),
            )
            for row in due:
                self._finish(_operation(row))
            following = database.row(
                "SELECT min(ready_at) AS due FROM operations WHERE status='InProgress' AND waits=0"
            )
            self._due = following["due"] if following else None

    def _finish(self, operation: Operation) -> None:
        cloud = self._cloud
        resource = cloud.resources.get(operation.resource)
        row = cloud.part(TypeTable).get(operation.type)
        if resource is not None and operation.verb == "put" and row is not None:
            state = "Failed" if operation.error else "Succeeded"
            resource = _with_state(cloud, resource, state)
            if not operation.error:
                row.completed(cloud, resource)
        if resource is not None and operation.verb == "delete":
            if operation.error:
                _with_state(cloud, resource, "Failed")
            else:
                remove(cloud, resource)
        cloud.database.execute(
            "UPDATE operations SET status=?, ended_at=? WHERE id=?",
            (
                "Failed" if operation.error else "Succeeded",
                operation.ready_at,
                operation.id,
            ),
        )

    def status_document(self, request: Request, id: str) -> Response:
        """What `Azure-AsyncOperation` points at."""
        operation = self._visible(request, id)
        tracking = self._tracking(operation.type)
        document: Json = {
            "id": f"{request.path}",
            "name": operation.id,
            "status": operation.status,
            "startTime": isoformat(operation.started_at),
        }
        if not tracking.counts:
            document |= {"endTime": _NO_TIME, "percentComplete": 0.0}
        if operation.status == "InProgress":
            status = tracking.putting if operation.verb == "put" else operation.status
            document |= {"status": status, "percentComplete": 0.0}
            return Response.json(document, headers=retry_headers())
        document["endTime"] = isoformat(operation.ended_at or operation.ready_at)
        if operation.error:
            document["error"] = operation.error
        elif tracking.counts:
            document["percentComplete"] = 100.0
        if operation.result is not None:
            document["properties"] = operation.result
        return Response.json(document)

    def result(self, request: Request, id: str) -> Response:
        """What `Location` points at: 202 until done, then the resource or nothing."""
        operation = self._visible(request, id)
        if operation.status == "InProgress":
            return Response.empty(202, {"location": request.url} | retry_headers())
        if operation.error:
            raise AzureError(
                409, str(operation.error.get("code")), str(operation.error.get("message"))
            )
        if operation.result is not None:
            return Response.json(operation.result)
        resource = self._cloud.resources.get(operation.resource)
        if operation.verb != "put" or resource is None:
            return Response.empty(200 if operation.verb == "delete" else 204)
        return Response.json(show(self._cloud, resource, request.api_version))

    def _tracking(self, type_name: str) -> Tracking:
        row = self._cloud.part(TypeTable).get(type_name)
        return row.tracking if row else Tracking()

    def _visible(self, request: Request, id: str) -> Operation:
        operation = self.get(id)
        if operation is None or (
            operation.principal != request.caller.id
            and not self._cloud.access.allows(
                request.caller, f"{operation.type}/read", operation.resource.text
            )
        ):
            raise AzureError(404, "OperationNotFound", f"The operation '{id}' could not be found.")
        return operation


def retry_headers() -> dict[str, str]:
    """How soon a client asks again, in the dialect that all of them understand."""
    return {
        "retry-after-ms": str(RETRY_MILLISECONDS),
        "x-ms-retry-after-ms": str(RETRY_MILLISECONDS),
    }


def operation_routes(types: TypeTable) -> list[Route]:
    """The addresses of status documents and results, for every type's segments."""
    status = {row.tracking.status for row in types.rows()}
    results = {row.tracking.result for row in types.rows()}
    base = "/subscriptions/{subscription}/providers/{namespace}/locations/{location}"
    return [
        *(Route("GET", f"{base}/{path}/{{operation}}", _status) for path in sorted(status)),
        *(Route("GET", f"{base}/{path}/{{operation}}", _result) for path in sorted(results)),
    ]


def _status(request: Request) -> Response:
    return request.cloud.part(Operations).status_document(request, request.parameters["operation"])


def _result(request: Request) -> Response:
    return request.cloud.part(Operations).result(request, request.parameters["operation"])


def _with_state(cloud: Cloud, resource: Resource, state: str) -> Resource:
    row = cloud.part(TypeTable).get(resource.type)
    if row is None or not row.provisioning_state:
        return resource
    return cloud.resources.put(resource.with_properties(provisioningState=state))


def _operation(row: sqlite3.Row) -> Operation:
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 # Row iterates values
    for name in ("error", "result"):
        values[name] = decode_json(values[name]) if values[name] else None
    values["resource"] = parse_path(values["resource"]).id
    return Operation(**values)
