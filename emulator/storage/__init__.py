"""Microsoft.Storage: accounts and blob containers through ARM, and the blob plane."""

from emulator.cloud import Service
from emulator.routing import Plane
from emulator.storage import accounts, blobs, containers, plane

SERVICE = Service(
    name="storage",
    types=accounts.TYPES,
    routes=(*accounts.ROUTES, *containers.ROUTES),
    planes=(Plane("{account}.blob.core.windows.net", plane.handle, plane.render_error),),
    schema=blobs.SCHEMA,
)
