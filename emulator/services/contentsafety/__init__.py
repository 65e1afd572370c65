"""The emulator's content filter: a small rules file and documented test strings, no protection.

It has no address of its own: the inference host asks it, in the same process.
"""

from emulator.service import Service

SERVICE = Service(name="contentsafety")
