"""Azure Resource Manager's pipeline, in its order, for every call on management.azure.com.

request ids → faults (both in `cloud.handle`) → sign-in → api-version → throttle → provider
registration → role-based access → handler (etags in `arm_resources`) → headers.
"""

import re
import uuid

from emulator.arm_resources import Target, handle_type, method_not_allowed
from emulator.clock import http_date, isoformat
from emulator.errors import AzureError, subscription_not_found
from emulator.ids import ROOT, ResourceId, parse_path
from emulator.messages import Json, Request, Response
from emulator.routing import Handler, Route
from emulator.tokens import ARM_AUDIENCES

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def handle(request: Request) -> Response:
    """Take a call through the pipeline."""
    found = request.cloud.routes.find(request)
    if found is not None:
        route, parameters = found
        request.parameters.update(parameters)
        response = _handle_route(request, route)
    else:
        response = _handle_resource(request)
    response.headers = headers(request) | response.headers
    return response


def headers(request: Request) -> dict[str, str]:
    """The headers of every ARM answer."""
    now = request.cloud.clock.timestamp()
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(request.method, "writes")
    remaining = request.parameters.get("remaining", "249" if kind == "reads" else "199")
    moment = f"{isoformat(now)[:19].replace('-', '')}Z"
    return {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "date": http_date(now),
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-ms-request-id": request.id,
        "x-ms-correlation-request-id": request.correlation_id,
        "x-ms-routing-request-id": f"EASTUS2:{moment}:{uuid.uuid4()}",
        f"x-ms-ratelimit-remaining-subscription-{kind}": remaining,
    }


def _handle_route(request: Request, route: Route) -> Response:
    if route.operation == "anonymous":
        return route.handler(request)
    request.cloud.tokens.sign_in(request, ARM_AUDIENCES)
    _check_version(request, route.api_versions, route.path)
    _throttle(request)
    subscription = request.parameters.get("subscription")
    if subscription:
        _check_subscription(request, subscription)
    if route.operation:
        request.cloud.access.require(
            request.caller,
            route.operation.format(**request.parameters),
            route.scope.format(**request.parameters),
        )
    return _run(request, route.handler)


def _handle_resource(request: Request) -> Response:
    cloud = request.cloud
    cloud.tokens.sign_in(request, ARM_AUDIENCES)
    target = _target(request)
    row = target.row
    _check_version(request, row.api_versions, row.name, target.id)
    request.parameters["subscription"] = target.id.subscription
    _throttle(request)
    _check_subscription(request, target.id.subscription)
    _check_registration(request, row.namespace, target.id)
    action = target.action
    if action is None and request.method not in _VERBS:
        raise method_not_allowed(request, row)
    operation = (
        (action[1].operation or f"{row.operation or row.name}/{action[0]}/action")
        if action
        else f"{row.operation or row.name}/{_VERBS[request.method]}"
    )
    if not (target.collection and row.filtered_list):
        cloud.access.require(request.caller, operation, target.id.text)
    return _run(request, lambda request: handle_type(request, target))


def _run(request: Request, handler: Handler) -> Response:
    if request.method in ("GET", "HEAD"):
        return handler(request)
    # A write is all or nothing, and what it refuses leaves no trace.
    with request.cloud.database.transaction():
        return handler(request)


def _target(request: Request) -> Target:
    cloud = request.cloud
    path = parse_path(request.path)
    if path.namespace and not path.rest:
        raise AzureError(
            404,
            "InvalidResourceType",
            f"The path '{request.path}' names the provider '{path.namespace}' and no type.",
        )
    namespace = path.namespace or (path.id.namespace if path.id is not ROOT else "")
    known = {name.lower(): name for name in cloud.namespaces()}
    if namespace and namespace.lower() not in known:
        raise AzureError(
            404,
            "InvalidResourceNamespace",
            f"The resource namespace '{namespace}' is invalid.",
        )
    if not path.rest:
        return Target(id=path.id, row=cloud.types.require(path.id.type))
    if request.method == "POST" and not path.namespace:
        row = cloud.types.require(path.id.type)
        action = row.action(path.rest)
        if action is None:
            raise AzureError(
                404,
                "InvalidAction",
                f"foundry-emulator knows no action '{path.rest}' on '{row.name}'. Known: "
                f"{', '.join(row.actions) or 'none'}.",
            )
        return Target(id=path.id, row=row, action=action)
    return Target(id=path.id, row=cloud.types.require(path.collection_type), collection=True)


def _check_version(
    request: Request, known: tuple[str, ...], type_name: str, id: ResourceId = ROOT
) -> None:
    version = request.api_version
    if not version:
        raise AzureError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise AzureError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are "
            f"'{','.join(known) or 'yyyy-MM-dd'}'.",
        )
    if known and version.lower() not in known:
        location = _location(request, id)
        namespace, _, short = type_name.partition("/")
        raise AzureError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{location}' and API version "
            f"'{version}' for type '{short or namespace}'. The supported api-versions are "
            f"'{', '.join(known)}'. The supported locations are ''.",
        )


def _location(request: Request, id: ResourceId) -> str:
    resource = request.cloud.resources.get(id) if id is not ROOT else None
    if resource is not None:
        return resource.location
    body: Json = request.json() if request.body else {}
    return str(body.get("location", ""))


def _throttle(request: Request) -> None:
    kind, remaining = request.cloud.throttle.take(
        request.parameters.get("subscription", ""), request.caller.id, request.method
    )
    del kind
    request.parameters["remaining"] = str(remaining)


def _check_subscription(request: Request, subscription: str) -> None:
    if subscription and request.cloud.resources.get(f"/subscriptions/{subscription}") is None:
        raise subscription_not_found(subscription)


def _check_registration(request: Request, namespace: str, id: ResourceId) -> None:
    if request.method in ("GET", "HEAD") or not id.subscription:
        return
    from emulator.resources.providers import require_registered

    require_registered(request.cloud, id.subscription, namespace)
