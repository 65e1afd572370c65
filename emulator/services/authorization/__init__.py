"""Microsoft.Authorization: role definitions and role assignments."""

from emulator.service import Service
from emulator.services.authorization import assignments, definitions, permissions

SERVICE = Service(
    name="authorization",
    routes=(*definitions.ROUTES, *assignments.ROUTES, *permissions.ROUTES),
    namespaces=("Microsoft.Authorization",),
)
