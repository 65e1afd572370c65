"""Plain YAML values, looked at with types."""

from datetime import date
from typing import Any, cast


def mapping(value: object) -> dict[str, Any] | None:
    """The value if it is a mapping. Its keys are text: the reader makes no others."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def sequence(value: object) -> list[Any] | None:
    """The value if it is a list."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def day(text: str) -> date | None:
    """The day that a text writes as 2026-12-31, or None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
