"""The host of a serverless endpoint: chat completions, `/info`, the content filter, streaming."""

from emulator.cloud import Service
from emulator.inference.endpoint import PLANE

SERVICE = Service(name="inference", planes=(PLANE,))
