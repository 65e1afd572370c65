"""Microsoft.CognitiveServices: accounts through ARM (AI Services), with soft deletion."""

from emulator.cloud import Service
from emulator.cognitiveservices import accounts, deleted

SERVICE = Service(name="cognitiveservices", types=accounts.TYPES, routes=deleted.ROUTES)
