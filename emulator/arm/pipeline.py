"""The way of a call on management.azure.com, as a list: `WAY`, then the handler, then the headers.

What comes before, ids and faults, is the same on every host (`front.py`). What a handler of the
type table does, conditions among it, is in `resources.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from emulator.arm import api_versions
from emulator.arm.locks import refuse_locked
from emulator.arm.registration import require_registered
from emulator.arm.resources import Target, handle_type, method_not_allowed
from emulator.arm.types import TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Handler, Route, Router, render_json_error
from emulator.state.clock import compact_date, http_date
from emulator.state.errors import AzureError, subscription_not_found
from emulator.state.ids import ROOT, parse_path
from emulator.state.tokens import ARM_AUDIENCES

_EMPTY_SEGMENTS = re.compile("//+")
_SHORT_BODY = 64 * 1024
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


@dataclass(slots=True)
class Call:
    """A call on its way: on an address of its own (a route), or on a type of the table."""

    request: Request
    route: Route | None
    target: Target | None = None
    """What of the type table it is about, once that is known."""


@dataclass(frozen=True, slots=True)
class Arm:
    """management.azure.com as its own services reach it: a part of the cloud."""

    handle: Handler
    is_short: Callable[[Request], bool]
    """Whether a call reads or writes one resource of the table: sooner answered than handed over.

    Hooks of the type table look at the state and nothing else; what takes its time they leave to
    workers. Lists, deletions and routes may take theirs.
    """


def through(routes: Router) -> Arm:
    """The handler that takes a call along the way; `routes` win over the type table."""

    def handle(request: Request) -> Response:
        # ARM reads over an empty segment, which `az resource` puts where a parent would be.
        if "//" in request.path:
            request.path = _EMPTY_SEGMENTS.sub("/", request.path)
        found = routes.find(request)
        call = Call(request, found[0] if found else None)
        if found is not None:
            request.parameters.update(found[1])
        if call.route is None or call.route.operation != "anonymous":
            for step in WAY:
                step(call)
        response = _run(call)
        response.headers = headers(request) | response.headers
        return response

    def is_short(request: Request) -> bool:
        if (
            request.method not in ("GET", "PUT")
            or len(request.body) > _SHORT_BODY
            or routes.find(request) is not None
        ):
            return False
        try:
            return not parse_path(request.path).rest
        except AzureError:
            return False

    return Arm(handle, is_short)


def render_error(request: Request, error: AzureError) -> Response:
    """A refusal in ARM's envelope, with the headers of every ARM answer."""
    response = render_json_error(request, error)
    response.headers = headers(request) | response.headers
    return response


# ── the way ─────────────────────────────────────────────────────────────────────────────────────


def sign_in(call: Call) -> None:
    """Who calls?"""
    call.request.sign_in(ARM_AUDIENCES)


def find_target(call: Call) -> None:
    """What of the type table is meant?"""
    if call.route is None:
        call.target = _target(call.request)


def check_api_version(call: Call) -> None:
    """Is the api-version one that the type knows, or a newer one?"""
    if call.target is not None:
        row = call.target.row
        # Nothing looks the same at every version.
        known = () if row.holds_nothing else row.api_versions
        api_versions.serve(call.request, known, row.name, call.target.id)
        call.request.parameters["subscription"] = call.target.id.subscription
    elif call.route is not None:
        api_versions.serve(call.request, call.route.api_versions, call.route.path)


def throttle(call: Call) -> None:
    """Has this caller asked too often?"""
    request = call.request
    subscription = request.parameters.get("subscription", "")
    _, remaining = request.cloud.throttle.take(subscription, request.caller.id, request.method)
    request.parameters["remaining"] = str(remaining)


def check_subscription(call: Call) -> None:
    """Is there such a subscription?"""
    subscription = call.request.parameters.get("subscription")
    if subscription and not call.request.cloud.resources.has(f"/subscriptions/{subscription}"):
        raise subscription_not_found(subscription)


def check_registration(call: Call) -> None:
    """Is the type's provider registered? Only writes ask."""
    request, target = call.request, call.target
    if target is None or request.method in ("GET", "HEAD") or not target.id.subscription:
        return
    require_registered(request.cloud, target.id.subscription, target.row.namespace)


def check_roles(call: Call) -> None:
    """May the caller do it?"""
    request, route, target = call.request, call.route, call.target
    access = request.cloud.access
    if target is None:
        if route is not None and route.operation:
            access.require(
                request.caller,
                route.operation.format(**request.parameters),
                route.scope.format(**request.parameters),
            )
        return
    row, action = target.row, target.action
    if action is None and request.method not in _VERBS:
        raise method_not_allowed(request, row)
    operation = (
        (action[1].operation or f"{row.operation or row.name}/{action[0]}/action")
        if action
        else f"{row.operation or row.name}/{_VERBS[request.method]}"
    )
    if not (target.collection and row.filtered_list):
        access.require(request.caller, operation, target.id.text)


def check_locks(call: Call) -> None:
    """Does a lock hold what would be deleted or written?"""
    request, route, target = call.request, call.route, call.target
    if request.method in ("GET", "HEAD"):
        return
    deletes = request.method == "DELETE"
    if target is not None:
        refuse_locked(request.cloud, target.id, deletes=deletes)
    elif route is not None and route.scope and deletes:
        scope = parse_path(route.scope.format(**request.parameters)).id
        itself = parse_path(request.path).id.key == scope.key
        refuse_locked(request.cloud, scope, deletes=True, whole=itself)


WAY: tuple[Callable[[Call], None], ...] = (
    sign_in,
    find_target,
    check_api_version,
    throttle,
    check_subscription,
    check_registration,
    check_roles,
    check_locks,
)
"""What a call goes through before its handler, in Azure's order. A step refuses by raising."""


# ── its end ─────────────────────────────────────────────────────────────────────────────────────


def _run(call: Call) -> Response:
    request = call.request
    if request.method in ("GET", "HEAD"):
        return _handle(call)
    # A write is all or nothing, and what it refuses leaves no trace.
    with request.cloud.database.transaction():
        return _handle(call)


def _handle(call: Call) -> Response:
    if call.target is not None:
        return handle_type(call.request, call.target)
    assert call.route is not None
    return call.route.handler(call.request)


def headers(request: Request) -> dict[str, str]:
    """The headers of every ARM answer."""
    now = request.cloud.clock.timestamp()
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(request.method, "writes")
    remaining = request.parameters.get("remaining", "249" if kind == "reads" else "199")
    return {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "date": http_date(now),
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-ms-request-id": request.id,
        "x-ms-correlation-request-id": request.correlation_id,
        "x-ms-routing-request-id": f"EASTUS2:{compact_date(now)}:{request.id}",
        f"x-ms-ratelimit-remaining-subscription-{kind}": remaining,
    }


def _target(request: Request) -> Target:
    types = request.cloud.part(TypeTable)
    path = parse_path(request.path)
    if path.namespace and not path.rest:
        raise AzureError(
            404,
            "InvalidResourceType",
            f"The path '{request.path}' names the provider '{path.namespace}' and no type.",
        )
    namespace = path.namespace or (path.id.namespace if path.id is not ROOT else "")
    if namespace and not types.has_namespace(namespace):
        raise AzureError(
            404,
            "InvalidResourceNamespace",
            f"The resource namespace '{namespace}' is invalid.",
        )
    if not path.rest:
        return Target(id=path.id, row=types.require(path.id.type))
    if request.method == "POST" and not path.namespace:
        row = types.require(path.id.type)
        action = row.action(path.rest)
        if action is None:
            raise AzureError(
                404,
                "InvalidAction",
                f"foundry-emulator knows no action '{path.rest}' on '{row.name}'. Known: "
                f"{', '.join(row.actions) or 'none'}.",
            )
        return Target(id=path.id, row=row, action=action)
    return Target(id=path.id, row=types.require(path.collection_type), collection=True)
