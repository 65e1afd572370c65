"""Microsoft.CognitiveServices: accounts through ARM (AI Services), with soft deletion."""

from emulator.arm.types import empty
from emulator.service import Service
from emulator.services.cognitiveservices import accounts, deleted

_EMPTY = ("commitmentPlans", "connections", "deployments", "projects", "raiPolicies")

SERVICE = Service(
    name="cognitiveservices",
    types=(
        *accounts.TYPES,
        *(empty(f"{accounts.ACCOUNT}/{kind}", accounts.API_VERSIONS) for kind in _EMPTY),
    ),
    routes=deleted.ROUTES,
)
