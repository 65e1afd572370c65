"""Microsoft.Storage: accounts and blob containers through ARM, and the blob plane."""

from emulator.http.routing import Plane
from emulator.service import Service
from emulator.services.storage import accounts, blobs, containers, plane

SERVICE = Service(
    name="storage",
    types=accounts.TYPES,
    routes=(*accounts.ROUTES, *containers.ROUTES),
    planes=(Plane("{account}.blob.core.windows.net", plane.handle, plane.render_error),),
    schema=blobs.SCHEMA,
)
