"""The host of a serverless endpoint: chat completions, `/info`, the content filter, streaming."""

from emulator.service import Service
from emulator.services.inference.calls import SCHEMA
from emulator.services.inference.endpoint import PLANE

SERVICE = Service(name="inference", planes=(PLANE,), schema=SCHEMA)
