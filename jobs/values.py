"""Plain YAML values, looked at with types."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, cast

_DIGITS = 6  # a million days are within what a timedelta holds


def mapping(value: object) -> dict[str, Any] | None:
    """The value if it is a mapping. Its keys are text: the reader makes no others."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def texts(value: object) -> list[str]:
    """Every text in a value, in no order."""
    found: list[str] = []
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            left += cast("dict[str, Any]", item).values()
        elif isinstance(item, list):
            left += cast("list[Any]", item)
    return found


def placed_texts(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a value with where it is, in order."""
    if isinstance(value, str):
        yield path, value
    elif (fields := mapping(value)) is not None:
        for key, item in fields.items():
            yield from placed_texts(item, (*path, key))
    elif (items := sequence(value)) is not None:
        for index, item in enumerate(items):
            yield from placed_texts(item, (*path, index))


def sequence(value: object) -> list[Any] | None:
    """The value if it is a list."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def span(text: str) -> timedelta | None:
    """The time that a text writes as 90m, 24h or 7d, or None where it is none."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    number = text[:-1]
    if unit is None or not number.isdecimal() or len(number) > _DIGITS:
        return None
    return timedelta(**{unit: int(number)})


def day(text: str) -> date | None:
    """The day that a text writes as 2026-12-31, or None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
