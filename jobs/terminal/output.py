"""What a command prints: results on stdout, the rest on stderr, colour only on a terminal."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from jobs.errors import FoundryTuneError
from jobs.terminal.fold import columns_of, fitted, width

SCHEMA_VERSION = 1
"""Carried by every JSON result; raised when a field changes its meaning or goes."""

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}


class UnwritableOutputError(FoundryTuneError):
    """The result can't be written: a full disk, for one."""


def emit(text: str) -> None:
    """A line (or several) of the result, on stdout.

    Raises:
        UnwritableOutputError: It can't be written.
        BrokenPipeError: Whoever reads has what they wanted.
    """
    write(text + "\n")


def tell(text: str) -> None:
    """Lines for a person, on stdout: folded between words where the terminal is narrower."""
    emit(fitted(text, sys.stdout))


def tell_table(rows: Iterable[Sequence[str]], *, header: Sequence[str]) -> None:
    """A table for a person, on stdout; a block a row where the terminal is narrower than that.

    A table that is folded line by line can't be read: what stands under what is lost.
    """
    lines = list(rows)
    columns = columns_of(sys.stdout)
    shown = table(lines, header=header)
    if columns is not None and any(width(line) > columns for line in shown.split("\n")):
        shown = "\n".join(_block(row, header) for row in lines)
    tell(shown)


def _block(row: Sequence[str], header: Sequence[str]) -> str:
    """A row as its first cell with the others under it, each behind its column's name."""
    wide = max(map(width, header[1:]), default=0)
    facts = zip(header[1:], row[1:], strict=True)
    return "\n".join(
        [row[0], *(f"  {name.lower():<{wide}}  {cell}" for name, cell in facts if cell)]
    )


def write(text: str) -> None:
    """Some text of the result, on stdout, at once."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableOutputError(
            f"The result can't be written: {error.strerror or error}.",
            next_step="Is the disk full to which standard output goes?",
        ) from error


def progress(text: str) -> None:
    """A line about how it goes, on stderr."""
    sys.stderr.write(fitted(text, sys.stderr) + "\n")
    sys.stderr.flush()


def passing(text: str) -> None:
    """A line on the terminal that the next one takes the place of; empty text takes it away."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{style(text, 'dim', sys.stderr) if text else ''}")
        sys.stderr.flush()


def emit_structured(value: dict[str, object], form: str) -> None:
    """The result as `json` or `yaml`, with its schema version first."""
    document = {"schema_version": SCHEMA_VERSION, **value}
    emit(as_yaml(document).rstrip("\n") if form == "yaml" else as_json(document))


def as_json(value: object) -> str:
    """Readable JSON; characters stay themselves, a lone surrogate is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, indent=2, allow_nan=False)
    return text


def as_yaml(value: object) -> str:
    """Readable YAML in the order given, unwrapped, characters themselves."""
    import yaml

    return yaml.dump(
        value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=10_000
    )


def style(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour if the stream (stdout by default) is a terminal that wants it."""
    if not colour_wanted(sys.stdout if stream is None else stream):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def colour_wanted(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set to anything or TERM is dumb."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def table(rows: Iterable[Sequence[str]], *, header: Sequence[str] = (), indent: str = "") -> str:
    """Columns as wide as they need, two spaces apart; wide letters count as terminals draw them."""
    lines = [list(row) for row in ([header] if header else [])] + [list(row) for row in rows]
    if not lines:
        return ""
    columns = max(map(len, lines))
    widths = [max(width(row[i]) if i < len(row) else 0 for row in lines) for i in range(columns)]
    return "\n".join(
        (
            indent + "  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row))
        ).rstrip()
        for row in lines
    )


def plain(text: str) -> str:
    """Somebody else's text (a model's, a log's) without the characters that command a terminal."""
    return "".join(char for char in text if char in "\n\t" or not _commands(char))


def _commands(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def printable(text: str, limit: int = 60) -> str:
    """A value as a message quotes it: one line, no control characters, cut to a length."""
    shown = "".join(
        char if char.isprintable() or char == "\u200d" else repr(char)[1:-1]
        for char in text[: limit + 1]
    )
    return shown[: limit - 1] + "…" if len(shown) > limit else shown
