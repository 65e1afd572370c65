"""The registration of resource providers: NotRegistered → Registering → Registered.

A write to a provider that is not registered answers 409 MissingSubscriptionRegistration, which is
what the clients' own registration policies look for.
"""

from emulator.arm.types import TypeTable
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError

# Registered in every subscription, and not to be unregistered.
ALWAYS = frozenset(
    {
        "Microsoft.Authorization",
        "Microsoft.Consumption",
        "Microsoft.Features",
        "Microsoft.Resources",
    }
)

SECONDS = 0.0
"""How long a registration takes on the virtual clock: done at the first look."""


def register(cloud: Cloud, subscription: str, namespaces: tuple[str, ...] | None) -> None:
    """Register providers at once (None: all that are known)."""
    for namespace in cloud.part(TypeTable).namespaces if namespaces is None else namespaces:
        write(cloud, subscription, canonical(cloud, namespace), "Registered", 0.0)


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


def canonical(cloud: Cloud, namespace: str) -> str:
    """A provider's name in Azure's own case; an unknown one is refused."""
    for known in cloud.part(TypeTable).namespaces:
        if known.lower() == namespace.lower():
            return known
    raise AzureError(
        404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
    )


def write(cloud: Cloud, subscription: str, namespace: str, value: str, ready_at: float) -> None:
    """Write a provider's state, which turns into the next one at `ready_at`."""
    cloud.database.documents("registrations").put(
        _key(subscription, namespace), {"state": value, "ready_at": ready_at}
    )


def _key(subscription: str, namespace: str) -> str:
    return f"{subscription}/{namespace}".lower()
