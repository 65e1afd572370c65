"""The host of a managed online endpoint: calls in, answers of a deployment out."""

from emulator.service import Service
from emulator.services.scoring.endpoint import PLANE

SERVICE = Service(name="scoring", planes=(PLANE,))
