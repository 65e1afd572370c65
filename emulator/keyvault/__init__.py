"""Microsoft.KeyVault: vaults through ARM, with soft deletion. Keys and secrets are not emulated."""

from emulator.cloud import Service
from emulator.keyvault import deleted, vaults

SERVICE = Service(name="keyvault", types=vaults.TYPES, routes=deleted.ROUTES)
