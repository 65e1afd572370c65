"""Microsoft.CognitiveServices: accounts through ARM (AI Services), with soft deletion."""

from emulator.service import Service
from emulator.services.cognitiveservices import accounts, deleted

SERVICE = Service(name="cognitiveservices", types=accounts.TYPES, routes=deleted.ROUTES)
