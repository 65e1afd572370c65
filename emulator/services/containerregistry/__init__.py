"""Microsoft.ContainerRegistry: registries through ARM, which a hub may name. No image gets in."""

from emulator.service import Service
from emulator.services.containerregistry import registries

SERVICE = Service(name="containerregistry", types=registries.TYPES)
