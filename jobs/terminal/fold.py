"""Lines for a terminal that is narrower than they are: broken between words, under their column."""

import os
import re
from typing import TextIO
from unicodedata import category, east_asian_width

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_COLUMN = re.compile(r"(?<=\S) {2,}(?=\S)")


def fold(text: str, columns: int | None) -> str:
    """The text with every line at most `columns` cells wide; None leaves it as it is.

    What doesn't fit goes on under the start of its last column, so that a table stays one. A word
    that is wider than the terminal (a path, an address) is left whole, so that it can be copied.
    """
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _folded(line, columns))


def fitted(text: str, stream: TextIO) -> str:
    """The text folded for the terminal behind a stream; as it is where there is none."""
    return fold(text, columns_of(stream))


def columns_of(stream: TextIO) -> int | None:
    """How many cells the terminal behind a stream has; None where there is none."""
    try:
        if not stream.isatty():
            return None
        asked = os.environ.get("COLUMNS", "")
        found = int(asked) if asked.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None
    return found if found >= _NARROWEST else None


def width(text: str) -> int:
    """How many cells a terminal uses for the text: combining marks none, wide letters two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(char) in {"Mn", "Me", "Cf"} else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )


_NARROWEST = 20


def _folded(line: str, columns: int) -> list[str]:
    if _cells(line) <= columns:
        return [line]
    hanging = " " * _indent(_ESCAPES.sub("", line), columns)
    parts, current = list[str](), ""
    # The spaces before a word go with it, and are dropped where the word begins a line.
    for piece in re.findall(r" *[^ ]+", line):
        if current.strip() and _cells(current + piece) > columns:
            parts.append(current.rstrip())
            current = hanging + piece.lstrip()
        else:
            current += piece
    return [*parts, current]


def _indent(line: str, columns: int) -> int:
    """Where the line goes on: its last column in the left half, or four past its own indent."""
    starts = [match.end() for match in _COLUMN.finditer(line)]
    starts = [start for start in starts if start <= columns // 2]
    return starts[-1] if starts else len(line) - len(line.lstrip()) + 4


def _cells(text: str) -> int:
    return width(_ESCAPES.sub("", text))
