"""Microsoft.KeyVault: vaults through ARM, with soft deletion. Keys and secrets are not emulated."""

from emulator.service import Service
from emulator.services.keyvault import deleted, vaults

SERVICE = Service(name="keyvault", types=vaults.TYPES, routes=deleted.ROUTES)
