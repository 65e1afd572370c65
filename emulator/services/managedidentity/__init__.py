"""Microsoft.ManagedIdentity: user-assigned identities, and whose tokens sign them in."""

from emulator.service import Service
from emulator.services.managedidentity import credentials, identities

SERVICE = Service(name="managedidentity", types=(*identities.TYPES, *credentials.TYPES))
