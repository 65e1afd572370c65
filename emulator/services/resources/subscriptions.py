"""Subscriptions, their locations, tenants, and the lists of everything in a scope."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator

from emulator.arm import filters
from emulator.arm.locations import LOCATIONS
from emulator.arm.paging import Place, page, page_of_resources
from emulator.arm.resources import require_resource
from emulator.arm.show import show
from emulator.arm.types import TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.ids import RESOURCE_GROUP, SUBSCRIPTION, parse_path
from emulator.state.json_text import Json
from emulator.state.store import Among, Resource, all_of, children_of, place


def list_subscriptions(request: Request) -> Response:
    """GET /subscriptions: those in which the caller has any role at all."""
    cloud = request.cloud
    return page(
        request,
        [
            _shown(request, subscription)
            for subscription in cloud.resources.of_type(SUBSCRIPTION)
            if cloud.access.sees(request.caller, subscription.id)
        ],
    )


def get_subscription(request: Request) -> Response:
    """GET /subscriptions/{id}; any role anywhere in it is enough."""
    cloud = request.cloud
    subscription = require_resource(cloud, parse_path(request.path).id)
    if not cloud.access.sees(request.caller, subscription.id):
        cloud.access.require(
            request.caller, "Microsoft.Resources/subscriptions/read", subscription.id.text
        )
    return Response.json(_shown(request, subscription))


def list_locations(request: Request) -> Response:
    """GET /subscriptions/{id}/locations."""
    subscription = request.parameters["subscription"]
    return page(
        request,
        [
            {
                "id": f"/subscriptions/{subscription}/locations/{name}",
                "name": name,
                "type": "Region",
                "displayName": display,
                "regionalDisplayName": display,
            }
            for name, display in LOCATIONS.items()
        ],
    )


def list_tags(request: Request) -> Response:
    """GET /subscriptions/{id}/tagNames: every tag that something here has, and its values."""
    subscription = request.parameters["subscription"]
    scope = parse_path(f"/subscriptions/{subscription}").id
    counted: dict[str, Counter[str]] = {}
    for resource in request.cloud.resources.below(scope):
        tags: Json = resource.body.get("tags") or {}
        for name, value in tags.items():
            counted.setdefault(str(name), Counter())[str(value)] += 1

    def shown(name: str) -> Json:
        base = f"{scope.text}/tagNames/{name}"
        return {
            "id": base,
            "tagName": name,
            "count": {"type": "Total", "value": counted[name].total()},
            "values": [
                {
                    "id": f"{base}/tagValues/{value}",
                    "tagValue": value,
                    "count": {"type": "Total", "value": number},
                }
                for value, number in sorted(counted[name].items())
            ],
        }

    return page(request, sorted(counted), shown)


def list_tenants(request: Request) -> Response:
    """GET /tenants."""
    tenant = request.cloud.tenant
    return page(request, [{"id": f"/tenants/{tenant}", "tenantId": tenant}])


def list_everything(request: Request) -> Response:
    """GET …/resources: every tracked resource in a subscription or a group the caller may read."""
    cloud = request.cloud
    scope = parse_path(request.path).id
    require_resource(cloud, scope)
    wanted = filters.terms(request.option("$filter"), _FILTERS)
    expanded = _expanded(request.option("$expand"))

    def keeps(resource: Resource) -> bool:
        return (
            resource.id.parent is not None
            and resource.id.parent.type.lower() == RESOURCE_GROUP.lower()
            and _matches(resource, wanted)
            and cloud.access.allows(request.caller, f"{resource.type}/read", resource.id.text)
        )

    def walk(after: Place | None, _: int) -> Iterator[Resource]:
        """Each type has its order; one after the other, as they were made."""
        walks = (cloud.resources.walk(among(name), after=after) for name in _tracked(cloud, wanted))
        return filter(keeps, heapq.merge(*walks, key=place))

    def among(name: str) -> Among:
        in_group = scope.type.lower() == RESOURCE_GROUP.lower()
        return children_of(scope, name) if in_group else all_of(name, scope.subscription)

    kept = ("id", "name", "type", "location", "tags", "kind", "sku", "identity")

    def shown(resource: Resource) -> Json:
        body = show(cloud, resource, request.api_version)
        more = {name: _EXPANDED[name](resource) for name in expanded}
        return {key: body[key] for key in kept if key in body} | more

    return page_of_resources(request, walk, shown, options=("$filter", "$expand"))


def _tracked(cloud: Cloud, wanted: dict[str, str]) -> list[str]:
    """The types whose resources stand in a group, or the one that a filter asks for."""
    asked = _plain(wanted.get("resourcetype", ""))
    return [
        row.name
        for row in cloud.part(TypeTable).rows()
        if row.located and row.name.count("/") == 1 and asked in ("", row.name.lower())
    ]


_FILTERS = ("resourceType", "name", "resourceGroup", "location", *filters.TAGS)


def _matches(resource: Resource, wanted: dict[str, str]) -> bool:
    """Whether a resource is one that a filter asks for."""
    own = {
        "resourcetype": resource.type,
        "name": resource.name,
        "resourcegroup": resource.id.group,
        "location": resource.location,
    }
    asked = own.keys() & wanted.keys()
    return all(own[name].lower() == _plain(wanted[name]) for name in asked) and filters.has_tag(
        resource, wanted
    )


def _plain(value: str) -> str:
    return value.replace(" ", "").lower()


_EXPANDED: dict[str, Callable[[Resource], str]] = {
    "createdTime": lambda resource: isoformat(resource.created_at),
    "changedTime": lambda resource: isoformat(resource.changed_at),
    "provisioningState": lambda resource: resource.state or "Succeeded",
}


def _expanded(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in _EXPANDED:
            raise not_emulated(f"$expand={name}", f"Known: {', '.join(_EXPANDED)}.")
    return names


def _shown(request: Request, subscription: Resource) -> Json:
    return {
        "id": subscription.id.text,
        "subscriptionId": subscription.name,
        "displayName": subscription.body.get("displayName", subscription.name),
        "state": "Enabled",
        "tenantId": request.cloud.tenant,
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


ROUTES = (
    Route("GET", "/subscriptions", list_subscriptions),
    Route("GET", "/tenants", list_tenants),
    Route("GET", "/subscriptions/{subscription}", get_subscription),
    Route("GET", "/subscriptions/{subscription}/locations", list_locations),
    Route(
        "GET",
        "/subscriptions/{subscription}/tagNames",
        list_tags,
        operation="Microsoft.Resources/subscriptions/tagNames/read",
    ),
    Route("GET", "/subscriptions/{subscription}/resources", list_everything),
    Route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/resources", list_everything),
)
