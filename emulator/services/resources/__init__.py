"""Microsoft.Resources: subscriptions, resource groups, providers and their registration."""

from emulator.service import Service
from emulator.services.resources import groups, metadata, providers, subscriptions

SERVICE = Service(
    name="resources",
    types=groups.TYPES,
    routes=(*metadata.ROUTES, *subscriptions.ROUTES, *providers.ROUTES),
    namespaces=providers.NAMESPACES,
)
