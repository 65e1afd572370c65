"""Microsoft.Authorization: role definitions and role assignments."""

from emulator.authorization import assignments, definitions, permissions
from emulator.cloud import Service

SERVICE = Service(
    name="authorization",
    routes=(*definitions.ROUTES, *assignments.ROUTES, *permissions.ROUTES),
    namespaces=("Microsoft.Authorization",),
)
