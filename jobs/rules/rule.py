"""The form of a rule."""

from typing import NamedTuple

from jobs.findings import Severity


class Rule(NamedTuple):
    """One thing that is checked."""

    id: str
    severity: Severity
    title: str
    """The mistake, as a headline."""
    why: str
    """What it leads to, and where that is known from."""
    example: str
    """A short piece of a file that the rule finds."""
    fix: str
    """What to do, in one or two sentences or as the corrected piece."""
    silenceable: bool = True
    """Whether `ignore:` may silence it; a file that can't be read can't be excused."""
