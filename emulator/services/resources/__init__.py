"""Microsoft.Resources: subscriptions, groups, providers and their registration, deployments."""

from emulator.service import Service
from emulator.services.resources import deployments, groups, metadata, providers, subscriptions

SERVICE = Service(
    name="resources",
    types=(*groups.TYPES, *deployments.TYPES),
    routes=(*metadata.ROUTES, *subscriptions.ROUTES, *providers.ROUTES, *deployments.ROUTES),
    namespaces=providers.NAMESPACES,
)
