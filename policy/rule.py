"""The form of a rule, and of what breaks one."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from policy.subject import Subject


class Breach(NamedTuple):
    """What of a subject breaks a rule."""

    field: str
    """The first word of where it is: `tags`, `minimumTlsVersion`."""
    message: str
    """One sentence."""


class Rule(NamedTuple):
    """One thing that a platform team may rule."""

    id: str
    """Stable: `FT-P001`."""
    key: str
    """Its word in foundry-policy.yaml."""
    title: str
    """What breaks it, as a headline."""
    why: str
    example: str
    """What breaks it."""
    fix: str
    judge: Callable[[Subject, Any], Iterator[Breach]]
    """What of a subject breaks the rule, with the value that the file gives the key."""
