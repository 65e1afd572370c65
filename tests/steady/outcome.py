"""One row of the table."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """Something that must hold: how much of it was tried, and each time that it didn't hold."""

    what: str
    done: str = ""
    wrong: list[str] = field(default_factory=list[str])
