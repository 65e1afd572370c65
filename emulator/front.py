"""The front door: which service answers a call, what a fault does to it, and the log of calls."""

import importlib
import itertools
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from emulator.arm import pipeline
from emulator.arm.operations import Operations, operation_routes
from emulator.arm.types import TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Router, render_json_error
from emulator.service import Service
from emulator.state import faults
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json, decode_json, encode_json, merge_patch

LOG = logging.getLogger("emulator")

Listener = Callable[[Request, Response, Json], None]
"""Gets a call, its answer and what the log says of it."""

_ARM_HOST = "management.azure.com"

SERVICES = (
    "emulator.services.login",
    "emulator.services.githubactions",
    "emulator.services.graph",
    "emulator.services.resources",
    "emulator.services.authorization",
    "emulator.services.managedidentity",
    "emulator.services.storage",
    "emulator.services.keyvault",
    "emulator.services.cognitiveservices",
    "emulator.services.containerregistry",
    "emulator.services.machinelearningservices",
    "emulator.services.inference",
    "emulator.services.scoring",
    "emulator.services.contentsafety",
    "emulator.services.insights",
    "emulator.services.operationalinsights",
    "emulator.services.consumption",
    "emulator.services.network",
)


def _nothing(cloud: Cloud) -> None:
    del cloud


class Front:
    """One emulated Azure: its state behind its services."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime | None = None,
        temporary: Path | None = None,
        command_jobs: bool = True,
        job_python: Path | None = None,
        services: tuple[str, ...] = SERVICES,
    ) -> None:
        self.cloud = Cloud(
            state,
            start=start,
            temporary=temporary,
            command_jobs=command_jobs,
            job_python=job_python,
        )
        self.services = [_service(name) for name in services]
        types = TypeTable(
            (row for service in self.services for row in service.types),
            namespaces=(name for service in self.services for name in service.namespaces),
        )
        self.cloud.keep(types)
        self.cloud.keep(Operations(self.cloud))
        arm = Router(
            [
                *(route for service in self.services for route in service.routes),
                *operation_routes(types),
            ]
        )
        self._arm = pipeline.through(arm)
        self.cloud.keep(self._arm)
        self.planes = [
            Plane(_ARM_HOST, self._arm.handle, pipeline.render_error),
            *(plane for service in self.services for plane in service.planes),
        ]
        self.calls: deque[Json] = deque(maxlen=5000)
        """The newest calls, as the control port shows them."""
        self.listeners: list[Listener] = []
        """Who is told of every call once it is answered."""
        self._numbers = itertools.count(1)
        self._planes_of = lru_cache(maxsize=1024)(self._match)
        self._seeds: list[Callable[[Cloud], None]] = []
        for service in self.services:
            if service.schema:
                self.cloud.database.define(service.schema)
        self.cloud.database.seal()

    def start(self, seed: Callable[[Cloud], None] = _nothing) -> None:
        """Seed the directory and let services take up their background work."""
        self._seeds.append(seed)
        with self.cloud.database.transaction():
            seed(self.cloud)
        for service in self.services:
            service.start(self.cloud)

    def stop(self) -> None:
        """End background work and close the state."""
        self.cloud.workers.stop()
        self.cloud.database.close()

    def reset(self) -> None:
        """Forget everything but the seeds."""
        self.cloud.faults.clear()
        self.calls.clear()
        self.become(self.cloud.database.clear)

    def become(self, change: Callable[[], None]) -> None:
        """Put another state in place of this one: work ends, `change`, and its work is taken up."""
        cloud = self.cloud
        cloud.workers.restart()
        change()
        for service in self.services:
            service.reset(cloud)
        with cloud.database.transaction():
            for seed in self._seeds:
                seed(cloud)
        for service in self.services:
            service.start(cloud)

    def emulates(self, host: str) -> bool:
        """Whether a host name belongs to a plane."""
        return self._planes_of(host) is not None

    def handle_at_once(self, request: Request) -> tuple[Response, Json] | None:
        """`handle` where it takes no longer than to hand the call to a thread; else None.

        The event loop calls it: one resource is read or written, and nothing waited for.
        """
        if (
            request.host != _ARM_HOST
            or not self._arm.is_short(request)
            or not self.cloud.faults.are_none
            or self.cloud.part(Operations).is_due()
            or not self.cloud.database.is_free
        ):
            return None
        return self.handle(request)

    def handle(self, request: Request) -> tuple[Response, Json]:
        """Answer a call; also says what a fault does to the connection ({} for nothing).

        The host's plane; what is due on the clock; faults; then the plane's own way, which for ARM
        is the list in `arm/pipeline.py`.
        """
        began = time.perf_counter()
        plane, fault, crash = None, {}, ""
        try:
            plane = self._plane(request)
            self.cloud.part(Operations).settle()
            fault = self.cloud.faults.strike(request.method, request.host, request.path, request.id)
            faults.refuse(fault)
            response = _instead(fault) or _afterwards(plane.handle(request), fault)
        except AzureError as error:
            response = (plane.failure if plane else render_json_error)(request, error)
        except Exception:
            crash = traceback.format_exc()
            LOG.exception("%s %s crashed", request.method, request.path)
            defect = AzureError(
                500,
                "InternalServerError",
                "foundry-emulator failed here, and this is its own defect: "
                + crash.strip().splitlines()[-1],
            )
            response = (plane.failure if plane else render_json_error)(request, defect)
        self._log(request, response, fault, crash, time.perf_counter() - began)
        return response, fault

    def _plane(self, request: Request) -> Plane:
        found = self._planes_of(request.host)
        if found is None:
            raise AzureError(
                421, "UnknownHost", f"foundry-emulator does not emulate '{request.host}'."
            )
        request.parameters.update(found[1])
        return found[0]

    def _match(self, host: str) -> tuple[Plane, dict[str, str]] | None:
        for plane in self.planes:
            parameters = plane.match(host)
            if parameters is not None:
                return plane, parameters
        return None

    def _log(
        self, request: Request, response: Response, fault: Json, crash: str, seconds: float
    ) -> None:
        call: Json = {
            "number": next(self._numbers),
            "id": request.id,
            "time": self.cloud.clock.timestamp(),
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
        for listener in self.listeners:
            listener(request, response, call)


def _instead(fault: Json) -> Response | None:
    """What a fault answers without asking anybody."""
    if fault.get("drop"):
        return Response.empty(500)
    answer: Json | None = fault.get("answer")
    if answer is None:
        return None
    body: object = answer.get("body", "")
    content = body.encode() if isinstance(body, str) else encode_json(body).encode()
    kind = str(answer.get("content_type", "application/json"))
    return Response(int(answer.get("status", 200)), {"content-type": kind}, content)


def _afterwards(response: Response, fault: Json) -> Response:
    """What a fault makes of an answer: the call itself is done."""
    if "delay" in fault:
        time.sleep(float(fault["delay"]))
    if "fail_after" in fault:
        status = int(fault["fail_after"])
        error = {"code": "InternalServerError", "message": "It failed after it was done."}
        return Response.json({"error": error}, status)
    if "merge" in fault and isinstance(response.body, bytes) and response.body.startswith(b"{"):
        response.body = encode_json(
            merge_patch(decode_json(response.body), fault["merge"])
        ).encode()
    return response


def _service(name: str) -> Service:
    service = importlib.import_module(name).SERVICE
    assert isinstance(service, Service), f"{name}.SERVICE is not a Service"
    return service
