"""The emulator's content filter: a small rules file and documented test strings, no protection.

The inference host asks it in the same process; others ask `text:analyze` of an AI Services account.
"""

from emulator.service import Service
from emulator.services.contentsafety.analyze import PLANE

SERVICE = Service(name="contentsafety", planes=(PLANE,))
