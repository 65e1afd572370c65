"""Resource providers of a subscription: NotRegistered → Registering → Registered.

A write to a provider that is not registered answers 409 MissingSubscriptionRegistration, which is
what the clients' own registration policies look for.
"""

from emulator.arm_resources import page
from emulator.cloud import Cloud
from emulator.errors import AzureError
from emulator.locations import LOCATIONS
from emulator.messages import Json, Request, Response
from emulator.routing import Route

# Registered in every subscription, and not to be unregistered.
ALWAYS = frozenset(
    {
        "Microsoft.Authorization",
        "Microsoft.Consumption",
        "Microsoft.Features",
        "Microsoft.Resources",
    }
)

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

SECONDS = 0.0
"""How long a registration takes on the virtual clock: done at the first look."""


def register(cloud: Cloud, subscription: str, namespaces: tuple[str, ...] | None) -> None:
    """Register providers at once (None: all that are known)."""
    for namespace in cloud.namespaces() if namespaces is None else namespaces:
        _write(cloud, subscription, _canonical(cloud, namespace), "Registered", 0.0)


def state(cloud: Cloud, subscription: str, namespace: str) -> str:
    """The registrationState of a provider now."""
    if namespace in ALWAYS:
        return "Registered"
    document = cloud.database.documents("registrations").get(_key(subscription, namespace))
    if document is None:
        return "NotRegistered"
    if document["ready_at"] > cloud.clock.timestamp():
        return str(document["state"])
    value = str(document["state"])
    return {"Registering": "Registered", "Unregistering": "Unregistered"}.get(value, value)


def require_registered(cloud: Cloud, subscription: str, namespace: str) -> None:
    """Refuse a write to a provider that the subscription has not registered."""
    if state(cloud, subscription, namespace) in ("Registered", "Registering"):
        return
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. See "
        "https://aka.ms/rps-not-found for how to register subscriptions."
    )
    raise AzureError(
        409,
        "MissingSubscriptionRegistration",
        message,
        details=[
            {"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}
        ],
    )


def get_provider(request: Request) -> Response:
    """GET /subscriptions/{id}/providers/{namespace}."""
    namespace = _canonical(request.cloud, request.parameters["namespace"])
    return Response.json(_shown(request.cloud, request.parameters["subscription"], namespace))


def list_providers(request: Request) -> Response:
    """GET /subscriptions/{id}/providers."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    return page(request, [_shown(cloud, subscription, name) for name in cloud.namespaces()])


def register_provider(request: Request) -> Response:
    """POST …/register: Registering now, Registered on the virtual clock."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    namespace = _canonical(cloud, request.parameters["namespace"])
    if state(cloud, subscription, namespace) not in ("Registered", "Registering"):
        extra, error = cloud.faults.operation(request)
        if error:
            raise AzureError(409, str(error["code"]), str(error["message"]))
        ready_at = cloud.clock.after(SECONDS + extra)
        _write(cloud, subscription, namespace, "Registering", ready_at)
        shown = _shown(cloud, subscription, namespace)
        return Response.json(shown | {"registrationState": "Registering"})
    return Response.json(_shown(cloud, subscription, namespace))


def unregister_provider(request: Request) -> Response:
    """POST …/unregister: refused while the subscription holds resources of the provider."""
    cloud, subscription = request.cloud, request.parameters["subscription"]
    namespace = _canonical(cloud, request.parameters["namespace"])
    used = [
        resource.id.text
        for name in cloud.types.names(namespace)
        for resource in cloud.resources.of_type(name, subscription)
    ]
    if namespace in ALWAYS or used:
        reason = f"it is in use by {used[0]}" if used else "every subscription needs it"
        raise AzureError(
            409,
            "CannotUnregisterNamespaceInUse" if used else "NamespaceUnregistrationNotAllowed",
            f"Cannot unregister the namespace '{namespace}': {reason}.",
        )
    _write(cloud, subscription, namespace, "Unregistering", cloud.clock.timestamp())
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
            for row in cloud.types.rows()
            if row.namespace == namespace
        ],
    }


def _canonical(cloud: Cloud, namespace: str) -> str:
    for known in cloud.namespaces():
        if known.lower() == namespace.lower():
            return known
    raise AzureError(
        404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
    )


def _write(cloud: Cloud, subscription: str, namespace: str, value: str, ready_at: float) -> None:
    cloud.database.documents("registrations").put(
        _key(subscription, namespace), {"state": value, "ready_at": ready_at}
    )


def _key(subscription: str, namespace: str) -> str:
    return f"{subscription}/{namespace}".lower()


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
