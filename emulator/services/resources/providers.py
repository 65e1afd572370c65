"""The routes of resource providers: list, read, register, unregister."""

from emulator.arm.locations import LOCATIONS
from emulator.arm.paging import page
from emulator.arm.registration import ALWAYS, SECONDS, canonical, state, write
from emulator.arm.types import TypeTable
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import Json

# Providers that can be registered here although the emulator has no resources of them.
NAMESPACES = (
    "Microsoft.App",
    "Microsoft.Authorization",
    "Microsoft.Consumption",
    "Microsoft.ContainerRegistry",
    "Microsoft.Features",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.PolicyInsights",
    "Microsoft.Resources",
    "Microsoft.Search",
)


def get_provider(request: Request) -> Response:
    """GET /subscriptions/{id}/providers/{namespace}."""
    namespace = canonical(request.cloud, request.parameters["namespace"])
    return Response.json(_shown(request.cloud, request.parameters["subscription"], namespace))


def list_providers(request: Request) -> Response:
    """GET /subscriptions/{id}/providers."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    return page(
        request, [_shown(cloud, subscription, name) for name in cloud.part(TypeTable).namespaces]
    )


def register_provider(request: Request) -> Response:
    """POST …/register: Registering now, Registered on the virtual clock."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    namespace = canonical(cloud, request.parameters["namespace"])
    if state(cloud, subscription, namespace) not in ("Registered", "Registering"):
        extra, error = cloud.faults.operation(
            request.method, request.host, request.path, request.id
        )
        if error:
            raise AzureError(409, str(error["code"]), str(error["message"]))
        ready_at = cloud.clock.after(SECONDS + extra)
        write(cloud, subscription, namespace, "Registering", ready_at)
        shown = _shown(cloud, subscription, namespace)
        return Response.json(shown | {"registrationState": "Registering"})
    return Response.json(_shown(cloud, subscription, namespace))


def unregister_provider(request: Request) -> Response:
    """POST …/unregister: refused while the subscription holds resources of the provider."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    namespace = canonical(cloud, request.parameters["namespace"])
    used = [
        resource.id.text
        for name in cloud.part(TypeTable).names(namespace)
        for resource in cloud.resources.of_type(name, subscription)
    ]
    if namespace in ALWAYS or used:
        reason = f"it is in use by {used[0]}" if used else "every subscription needs it"
        raise AzureError(
            409,
            "CannotUnregisterNamespaceInUse" if used else "NamespaceUnregistrationNotAllowed",
            f"Cannot unregister the namespace '{namespace}': {reason}.",
        )
    write(cloud, subscription, namespace, "Unregistering", cloud.clock.timestamp())
    shown = _shown(cloud, subscription, namespace)
    return Response.json(shown | {"registrationState": "Unregistering"})


def _shown(cloud: Cloud, subscription: str, namespace: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": (
            "RegistrationFree" if namespace in ALWAYS else "RegistrationRequired"
        ),
        "registrationState": state(cloud, subscription, namespace),
        "resourceTypes": [
            {
                "resourceType": row.name.partition("/")[2],
                "locations": list(LOCATIONS.values()) if row.located else [],
                "apiVersions": list(reversed(row.api_versions)),
                "capabilities": "SupportsTags, SupportsLocation" if row.located else "None",
            }
            for row in cloud.part(TypeTable).rows()
            if row.namespace == namespace
        ],
    }


_PROVIDER = "/subscriptions/{subscription}/providers/{namespace}"

ROUTES = (
    Route(
        "GET",
        "/subscriptions/{subscription}/providers",
        list_providers,
        operation="Microsoft.Resources/subscriptions/providers/read",
    ),
    Route("GET", _PROVIDER, get_provider),
    Route(
        "POST", f"{_PROVIDER}/register", register_provider, operation="{namespace}/register/action"
    ),
    Route(
        "POST",
        f"{_PROVIDER}/unregister",
        unregister_provider,
        operation="{namespace}/unregister/action",
    ),
)
