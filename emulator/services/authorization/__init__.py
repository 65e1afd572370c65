"""Microsoft.Authorization: role definitions, role assignments and management locks."""

from emulator.service import Service
from emulator.services.authorization import assignments, definitions, locks, permissions

SERVICE = Service(
    name="authorization",
    types=locks.TYPES,
    routes=(*definitions.ROUTES, *assignments.ROUTES, *permissions.ROUTES),
    namespaces=("Microsoft.Authorization",),
)
