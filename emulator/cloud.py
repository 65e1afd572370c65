"""The emulated cloud: everything that handlers reach through `request.cloud`."""

from __future__ import annotations

import importlib
import logging
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emulator import faults
from emulator.access import OWNER, Access, Principal
from emulator.clock import Clock
from emulator.database import Database
from emulator.errors import AzureError
from emulator.ids import SUBSCRIPTION, parse_id
from emulator.messages import Json, Request, Response
from emulator.operations import Operations, operation_routes
from emulator.resource_types import ResourceType, TypeTable
from emulator.routing import Plane, Route, Router, render_json_error
from emulator.store import Resource, ResourceStore
from emulator.throttle import Throttle
from emulator.tokens import Tokens
from emulator.workers import Workers

LOG = logging.getLogger("emulator")

TENANT = "e0e0e0e0-0000-4000-8000-000000000001"

SERVICES = (
    "emulator.login",
    "emulator.resources",
    "emulator.authorization",
    "emulator.storage",
    "emulator.keyvault",
    "emulator.cognitiveservices",
    "emulator.machinelearningservices",
    "emulator.inference",
    "emulator.contentsafety",
)


def _nothing(cloud: Cloud) -> None:
    del cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a service folder plugs in: its `__init__.py` names one as `SERVICE`."""

    name: str
    types: tuple[ResourceType, ...] = ()
    """Rows of the type table (management.azure.com)."""
    routes: tuple[Route, ...] = ()
    """Routes on management.azure.com that the type table can't say; they win over it."""
    planes: tuple[Plane, ...] = ()
    """Other host names."""
    namespaces: tuple[str, ...] = ()
    """Resource providers it knows beside those of its types."""
    schema: str = ""
    """SQL that creates its own tables."""
    start: Callable[[Cloud], None] = _nothing
    """Runs when the emulator starts: take up the background work that was left."""
    reset: Callable[[Cloud], None] = _nothing
    """Runs after everything was forgotten: what the service keeps outside the database."""


class Cloud:
    """One emulated Azure: its state and its services."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime | None = None,
        services: tuple[str, ...] = SERVICES,
    ) -> None:
        self.tenant = TENANT
        self.directory = state
        """Where the state lies on disk; None when it is kept in memory."""
        if state is not None:
            state.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(start)
        self.database = Database(state / "state.sqlite" if state else None)
        self.resources = ResourceStore(self.database, self.clock)
        self.access = Access(self.database, self.clock)
        self.tokens = Tokens(self.access, TENANT)
        self.faults = faults.Faults()
        self.throttle = Throttle(self.clock)
        self.workers = Workers()
        self.services = [_service(name) for name in services]
        self.types = TypeTable(row for service in self.services for row in service.types)
        self.operations = Operations(self)
        self.routes = Router(
            [
                *(route for service in self.services for route in service.routes),
                *operation_routes(self.types),
            ]
        )
        self.calls: deque[Json] = deque(maxlen=5000)
        self.page_size = 1000
        """How many resources a list shows before it goes on behind a nextLink."""
        self._numbers = 0
        self._numbers_lock = threading.Lock()
        self._seeds: list[Callable[[Cloud], None]] = []
        from emulator.arm import handle as arm

        self.planes = [
            Plane("management.azure.com", arm, render_json_error),
            *(plane for service in self.services for plane in service.planes),
        ]
        for service in self.services:
            if service.schema:
                self.database.define(service.schema)
        self.database.seal()

    def start(self, seed: Callable[[Cloud], None] = _nothing) -> None:
        """Seed the directory and let services take up their background work."""
        self._seeds.append(seed)
        with self.database.transaction():
            seed(self)
        for service in self.services:
            service.start(self)

    def stop(self) -> None:
        """End background work and close the state."""
        self.workers.stop()
        self.database.close()

    def reset(self) -> None:
        """Forget everything but the seeds."""
        self.workers.restart()
        self.faults.clear()
        self.calls.clear()
        self.database.clear()
        for service in self.services:
            service.reset(self)
        with self.database.transaction():
            for seed in self._seeds:
                seed(self)
        for service in self.services:
            service.start(self)

    # -- calls -----------------------------------------------------------------------------------

    def emulates(self, host: str) -> bool:
        """Whether a host name belongs to a plane."""
        return any(plane.match(host) is not None for plane in self.planes)

    def handle(self, request: Request) -> tuple[Response, Json]:
        """Answer a call; also says what a fault does to the connection ({} for nothing)."""
        began = time.perf_counter()
        plane, fault, crash = None, {}, ""
        try:
            plane = self._plane(request)
            self.operations.settle()
            fault = self.faults.strike(request)
            faults.refuse(fault)
            response = Response.empty(500) if fault.get("drop") else plane.handle(request)
        except AzureError as error:
            failure = plane.failure if plane else render_json_error
            response = failure(request, error)
            if plane and plane.host == "management.azure.com":
                from emulator.arm import headers

                response.headers = headers(request) | response.headers
        except Exception:
            crash = traceback.format_exc()
            LOG.exception("%s %s crashed", request.method, request.path)
            failure = plane.failure if plane else render_json_error
            response = failure(
                request,
                AzureError(
                    500,
                    "InternalServerError",
                    "foundry-emulator failed here, and this is its own defect: "
                    + crash.strip().splitlines()[-1],
                ),
            )
        self._log(request, response, fault, crash, time.perf_counter() - began)
        return response, fault

    def _plane(self, request: Request) -> Plane:
        for plane in self.planes:
            parameters = plane.match(request.host)
            if parameters is not None:
                request.parameters.update(parameters)
                return plane
        raise AzureError(421, "UnknownHost", f"foundry-emulator does not emulate '{request.host}'.")

    def _log(
        self, request: Request, response: Response, fault: Json, crash: str, seconds: float
    ) -> None:
        with self._numbers_lock:
            self._numbers += 1
            number = self._numbers
        call: Json = {
            "number": number,
            "id": request.id,
            "time": self.clock.timestamp(),
            "method": request.method,
            "host": request.host,
            "path": request.path,
            # A SAS is a secret: its signature never enters the log.
            "query": {name: value for name, value in request.query.items() if name != "sig"},
            "principal": request.principal.id if request.principal else "",
            "status": response.status,
            "milliseconds": round(seconds * 1000, 2),
        }
        if fault:
            call["fault"] = fault
        if crash:
            call["crash"] = crash
        self.calls.append(call)

    # -- resources -------------------------------------------------------------------------------

    def show(self, resource: Resource, api_version: str) -> Json:
        """A resource as ARM shows it at an api-version."""
        from emulator.arm_resources import show

        return show(self, resource, api_version)

    def remove(self, resource: Resource) -> None:
        """Remove a resource and everything below it, with what their types do afterwards."""
        with self.database.transaction():
            for gone in [*self.resources.below(resource.id), resource]:
                self.resources.delete(gone.id)
                row = self.types.get(gone.type)
                if row is None:
                    continue
                if row.identity:
                    self.access.remove_managed_identity(gone.id)
                row.after_delete(self, gone)
            self.access.remove_below(resource.id)

    def add_subscription(
        self,
        id: str = "",
        name: str = "Rehearsal",
        *,
        owner: Principal | None = None,
        registered: tuple[str, ...] | None = (),
    ) -> str:
        """Make a subscription; `registered` names its providers (None: every known one)."""
        from emulator.resources.providers import register

        subscription = (id or str(uuid.uuid4())).lower()
        scope = parse_id(f"/subscriptions/{subscription}")
        with self.database.transaction():
            if self.resources.get(scope) is None:
                self.resources.put(
                    Resource(id=scope, type=SUBSCRIPTION, body={"displayName": name})
                )
            if owner is not None and not self.access.allows(
                owner, "Microsoft.Authorization/roleAssignments/write", scope.text
            ):
                self.access.assign(owner.id, OWNER, scope.text)
            register(self, subscription, registered)
        return subscription

    def namespaces(self) -> list[str]:
        """Every resource provider the emulator knows, in Azure's own case."""
        names = {row.namespace for row in self.types.rows()}
        for service in self.services:
            names.update(service.namespaces)
        return sorted(names)


def _service(name: str) -> Service:
    service = importlib.import_module(name).SERVICE
    assert isinstance(service, Service), f"{name}.SERVICE is not a Service"
    return service
