"""The control plane: what a test or a rehearsal does to the emulated cloud from outside of it.

In-process it is `emulator.control`; for other processes it is JSON over HTTP on a loopback port of
its own (`FOUNDRY_EMULATOR`), never behind the pipeline, its faults or its sign-in. Any local user
and any web page can reach a loopback port: its address holds a token that only the child's
environment knows, and what a browser sends for a page of somebody else's is refused.
"""

import secrets
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from emulator.arm.subscriptions import add_subscription
from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.http.routing import Route, Router, render_json_error
from emulator.page.page import PREFIX, Page
from emulator.rehearsal.identities import PLATFORM
from emulator.rehearsal.inventory import take
from emulator.rehearsal.keeping import keep_clock, restore, take_snapshot
from emulator.services.githubactions import pipelines, runner
from emulator.services.githubactions.runner import WorkflowJob
from emulator.state.access import Principal
from emulator.state.clock import Clock, isoformat
from emulator.state.errors import AzureError, bad_request
from emulator.state.faults import Faults
from emulator.state.issuers import DEVOPS_HOST, GITHUB, LIFETIME
from emulator.state.json_text import Json


class Control:
    """Everything a rehearsal may turn."""

    def __init__(self, front: Front, *, token: str = "", stays: bool = False) -> None:
        self.front = front
        self.cloud = front.cloud
        self.token = token or secrets.token_urlsafe(24)
        """The first segment of every path on the control port."""
        self.asked_to_stop = threading.Event() if stays else None
        """Set once somebody asks it to; None where it ends with the command that it is for."""
        self._page = Page(front)
        self._router = Router(
            Route(method, path, partial(handler, self)) for method, path, handler in _ROUTES
        )

    @property
    def clock(self) -> Clock:
        """The virtual clock."""
        return self.cloud.clock

    @property
    def faults(self) -> Faults:
        """The fault rules: `faults.add({"match": {...}, "do": {...}})`, `faults.clear()`."""
        return self.cloud.faults

    def add_subscription(
        self,
        id: str = "",
        name: str = "Rehearsal",
        *,
        registered: tuple[str, ...] | None = (),
        owner: str = PLATFORM[1],
    ) -> str:
        """Make a subscription; `registered=None` registers every provider that is known."""
        return add_subscription(
            self.cloud, id, name, owner=self.cloud.access.principal(owner), registered=registered
        )

    def add_principal(
        self, type: str = "ServicePrincipal", name: str = "somebody", *, id: str = ""
    ) -> tuple[Principal, str]:
        """Add somebody to the directory; returns them and their client secret."""
        if type not in ("User", "Group", "ServicePrincipal"):
            raise bad_request(
                f"A principal is a User, a Group or a ServicePrincipal, not '{type}'."
            )
        secret = secrets.token_urlsafe(24) if type == "ServicePrincipal" else ""
        return self.cloud.access.add_principal(type, name, id=id, secret=secret), secret

    def change_group(
        self, id: str, name: str = "", *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> Principal:
        """The group of an object id, made where there is none, with other members from now on."""
        access, id = self.cloud.access, id.lower()
        add, remove = [each.lower() for each in add], [each.lower() for each in remove]
        if not _is_guid(id):
            raise bad_request(f"'{id}' is no object id. Find it: az ad group show … --query id")
        found = access.principal(id)
        if found is not None and found.type != "Group":
            raise bad_request(f"{id} is the {found.type} '{found.name}', and no group.")
        if found is None and not add:
            raise bad_request(f"There is no group {id} to take anybody out of.")
        for member in (*add, *remove):
            if access.principal(member) is None:
                raise bad_request(f"{member} is nobody in this directory.")
        if id in add:
            raise bad_request("A group is no member of itself.")
        if found is None or name:
            found = access.add_principal("Group", name or "Developers", id=id)
        for member in add:
            access.add_member(id, member)
        for member in remove:
            access.remove_member(id, member)
        return found

    def assign(self, principal_id: str, role: str, scope: str) -> str:
        """Assign a role, past ARM and its checks."""
        return self.cloud.access.assign(principal_id, role, scope)

    def start_job(self, job: WorkflowJob) -> dict[str, str]:
        """Where a workflow's job asks for its token (`url`, `token`), and its `subject`."""
        return runner.start(self.cloud, job)

    def start_task(self, organization: str, connections: Mapping[str, str]) -> dict[str, str]:
        """Where a job of Azure Pipelines asks for tokens (`uri`), and its access token (`token`).

        `organization` is its id; `connections` the service connections that the job may use, by
        their ids, each as ORG/PROJECT/CONNECTION.
        """
        return pipelines.start(self.cloud, organization, connections)

    def id_token(
        self,
        issuer: str,
        subject: str,
        audience: str = "api://AzureADTokenExchange",
        *,
        lifetime: int = LIFETIME,
    ) -> str:
        """A token of an issuer that is emulated, for any subject: what Azure DevOps gives a job."""
        issuers = self.cloud.issuers
        if not issuers.knows(issuer):
            raise bad_request(
                f"'{issuer}' isn't emulated. There are {GITHUB} and "
                f"https://{DEVOPS_HOST}/<organization id>."
            )
        return issuers.sign(issuer, subject, audience, lifetime=lifetime)

    def calls(self, after: int = 0, **wanted: Any) -> list[Json]:
        """The calls since a number, oldest first; `calls(method="PUT", status=409)` filters."""
        return [
            call
            for call in list(self.front.calls)
            if call["number"] > after
            and all(call.get(name) == value for name, value in wanted.items())
        ]

    def last_call(self) -> int:
        """The number of the newest call: the mark to ask `calls(after=…)` with."""
        return int(self.front.calls[-1]["number"]) if self.front.calls else 0

    def reset(self) -> None:
        """Forget everything; the fixed identities and the subscription are there again."""
        self.front.reset()

    def answer(self, request: Request) -> tuple[Response, Json]:
        """Answer a call on the control port."""
        try:
            _only_from_this_machine(request)
            self._take_token(request)
            if (request.path + "/").startswith(f"{PREFIX}/"):
                return self._page.answer(request), {}
            _from_no_page(request)
            return self._router.handle(request), {}
        except AzureError as error:
            return render_json_error(request, error), {}
        except KeyError as error:
            return render_json_error(request, bad_request(f"The body needs {error}.")), {}
        except (TypeError, ValueError, RecursionError) as error:
            return render_json_error(
                request, bad_request(f"The request is not usable: {error}.")
            ), {}

    def _take_token(self, request: Request) -> None:
        """Take the token off the path, or refuse: it is all that tells the child from others."""
        given, _, rest = request.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            raise AzureError(
                403,
                "Forbidden",
                "The control plane's address is in FOUNDRY_EMULATOR, token and all.",
            )
        request.path = f"/{rest}"


def _only_from_this_machine(request: Request) -> None:
    """Refuse another Host: a name that somebody else has led here."""
    if request.host not in ("127.0.0.1", "localhost"):
        raise AzureError(403, "Forbidden", "The control plane answers on 127.0.0.1 only.")


def _from_no_page(request: Request) -> None:
    """Refuse what a web page may send: an Origin, or a type that needs no preflight."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
        raise AzureError(403, "Forbidden", "The control plane answers no web page.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method not in ("GET", "HEAD", "DELETE") and media_type != "application/json":
        raise AzureError(415, "UnsupportedMediaType", "Send the body as application/json.")


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _about(control: Control, _: Request) -> Response:
    cloud, front = control.cloud, control.front
    return Response.json(
        {
            "name": "foundry-emulator",
            "tenant": cloud.tenant,
            "state": str(cloud.directory or ":memory:"),
            "clock": isoformat(cloud.clock.timestamp()),
            "scale": cloud.clock.scale,
            "calls": control.last_call(),
            "commandJobs": cloud.command_jobs,
            "services": [service.name for service in front.services],
            "hosts": [plane.host for plane in front.planes],
        }
    )


def _subscriptions(control: Control, request: Request) -> Response:
    body = request.json()
    registered = body.get("registered", ())
    subscription = control.add_subscription(
        str(body.get("id", "")),
        str(body.get("name", "Rehearsal")),
        registered=None if registered is None else tuple(registered),
        owner=str(body.get("owner", PLATFORM[1])),
    )
    return Response.json({"id": subscription}, 201)


def _principals(control: Control, request: Request) -> Response:
    body = request.json()
    principal, secret = control.add_principal(
        str(body.get("type", "ServicePrincipal")),
        str(body.get("name", "somebody")),
        id=str(body.get("id", "")),
    )
    for member in body.get("members", ()):
        control.cloud.access.add_member(principal.id, str(member))
    shown = {"id": principal.id, "client_id": principal.client_id, "secret": secret}
    return Response.json(shown, 201)


def _list_groups(control: Control, _: Request) -> Response:
    groups = [
        {"id": group.id, "name": group.name, "members": members}
        for group, members in control.cloud.access.groups()
    ]
    return Response.json({"value": groups})


def _change_group(control: Control, request: Request) -> Response:
    body = request.json()
    group = control.change_group(
        str(body["id"]),
        str(body.get("name", "")),
        add=map(str, body.get("add", ())),
        remove=map(str, body.get("remove", ())),
    )
    return Response.json({"id": group.id, "name": group.name}, 201)


def _assignments(control: Control, request: Request) -> Response:
    body = request.json()
    id = control.assign(str(body["principal"]), str(body["role"]), str(body["scope"]))
    return Response.json({"id": id}, 201)


def _start_job(control: Control, request: Request) -> Response:
    body = request.json()
    job = WorkflowJob(
        repository=str(body["repository"]),
        environment=str(body.get("environment", "")),
        ref=str(body.get("ref", "refs/heads/main")),
        pull_request=body.get("pull_request") is True,
    )
    return Response.json(control.start_job(job), 201)


def _id_token(control: Control, request: Request) -> Response:
    body = request.json()
    audience = str(body.get("audience", "api://AzureADTokenExchange"))
    token = control.id_token(str(body["issuer"]), str(body["subject"]), audience)
    return Response.json({"token": token}, 201)


def _add_fault(control: Control, request: Request) -> Response:
    return Response.json({"id": control.cloud.faults.add(request.json())}, 201)


def _list_faults(control: Control, _: Request) -> Response:
    return Response.json({"value": control.cloud.faults.rules()})


def _clear_faults(control: Control, _: Request) -> Response:
    control.cloud.faults.clear()
    return Response.empty(204)


def _calls(control: Control, request: Request) -> Response:
    return Response.json({"value": control.calls(int(request.option("after", "0")))})


def _inventory(control: Control, _: Request) -> Response:
    return Response.json(take(control.cloud))


def _read_clock(control: Control, _: Request) -> Response:
    clock = control.cloud.clock
    return Response.json({"now": isoformat(clock.timestamp()), "scale": clock.scale})


def _turn_clock(control: Control, request: Request) -> Response:
    body, clock = request.json(), control.cloud.clock
    unknown = set(body) - {"advance", "set", "scale"}
    if unknown or not body:
        raise bad_request("Say one of: advance (seconds), set (ISO date), scale (1 is real time).")
    if "set" in body:
        moment = datetime.fromisoformat(str(body["set"]))
        clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if "advance" in body:
        clock.advance(float(body["advance"]))
    if "scale" in body:
        clock.run(float(body["scale"]))
    return _read_clock(control, request)


def _throttle(control: Control, request: Request) -> Response:
    enabled = request.json()["enabled"]
    if not isinstance(enabled, bool):
        raise bad_request("`enabled` is true or false.")
    control.cloud.throttle.enabled = enabled
    return Response.json({"enabled": control.cloud.throttle.enabled})


def _reset(control: Control, _: Request) -> Response:
    control.reset()
    keep_clock(control.cloud)
    return Response.empty(204)


def _snapshots(control: Control, request: Request) -> Response:
    body = request.json()
    take_snapshot(control.front, str(body["name"]), replace=body.get("replace") is True)
    return Response.empty(201)


def _restore(control: Control, request: Request) -> Response:
    restore(control.front, str(request.json()["name"]))
    return _read_clock(control, request)


def _stop(control: Control, _: Request) -> Response:
    if control.asked_to_stop is None:
        raise AzureError(409, "RunsACommand", "It ends with the command that it was made for.")
    control.asked_to_stop.set()
    return Response.empty(202)


_ROUTES: tuple[tuple[str, str, Callable[[Control, Request], Response]], ...] = (
    ("GET", "/", _about),
    ("POST", "/subscriptions", _subscriptions),
    ("POST", "/principals", _principals),
    ("GET", "/groups", _list_groups),
    ("POST", "/groups", _change_group),
    ("POST", "/assignments", _assignments),
    ("POST", "/workflow-jobs", _start_job),
    ("POST", "/id-tokens", _id_token),
    ("GET", "/faults", _list_faults),
    ("POST", "/faults", _add_fault),
    ("DELETE", "/faults", _clear_faults),
    ("GET", "/calls", _calls),
    ("GET", "/inventory", _inventory),
    ("GET", "/clock", _read_clock),
    ("POST", "/clock", _turn_clock),
    ("POST", "/throttle", _throttle),
    ("POST", "/reset", _reset),
    ("POST", "/snapshots", _snapshots),
    ("POST", "/restore", _restore),
    ("POST", "/stop", _stop),
)
