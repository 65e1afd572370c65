"""Lines of a file in blocks: constant memory whatever the file, and whatever is in it."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK_BYTES = 1 << 17
MAX_LINE_BYTES = 1 << 24
"""A line longer than this is named and skipped; no conversation has 16 MiB."""


class Block(NamedTuple):
    """Whole lines of a file, one after the other."""

    data: bytes
    """The lines as they are in the file, without the last line's end."""
    first_line: int
    """The number of the first line, counted from 1."""
    lines: int
    """How many there are."""
    too_long: int = 0
    """The bytes of the one line that this block stands for, which is too long to look at."""


def blocks(file: BinaryIO, *, start: int = 0, end: int | None = None) -> Iterator[Block]:
    """The lines that begin at or after byte `start` and before `end`, numbered from 1 at `start`.

    `start` has to be the beginning of a line.
    """
    file.seek(start)
    position, line, rest = start, 1, b""
    while end is None or position < end:
        chunk = file.read(BLOCK_BYTES)
        if not chunk:
            break
        position += len(chunk)
        if end is not None and position > end:
            # Give back what belongs to the next range: its first line begins at `end` exactly.
            chunk = chunk[: len(chunk) - (position - end)]
        cut = chunk.rfind(b"\n")
        if cut < 0:
            rest += chunk
            if len(rest) > MAX_LINE_BYTES:
                length, position, rest = _skip_line(file, len(rest), position)
                yield Block(b"", line, 1, too_long=length)
                line += 1
            continue
        data, rest = rest + chunk[:cut], chunk[cut + 1 :]
        lines = data.count(b"\n") + 1
        yield Block(data, line, lines)
        line += lines
    if rest:
        yield Block(rest, line, 1)


def line_starts(file: BinaryIO, size: int, parts: int) -> list[int]:
    """Where to cut a file into about equal parts, always at the beginning of a line."""
    cuts = [0]
    for part in range(1, parts):
        file.seek(size * part // parts)
        position = file.tell()
        while chunk := file.read(1 << 16):
            found = chunk.find(b"\n")
            if found >= 0:
                position += found + 1
                break
            position += len(chunk)
        else:
            break
        if position > cuts[-1] and position < size:
            cuts.append(position)
    return cuts


def _skip_line(file: BinaryIO, length: int, position: int) -> tuple[int, int, bytes]:
    """Read on to the end of a line without keeping it: its length, the position, what follows."""
    while chunk := file.read(BLOCK_BYTES):
        position += len(chunk)
        cut = chunk.find(b"\n")
        if cut >= 0:
            return length + cut, position, chunk[cut + 1 :]
        length += len(chunk)
    return length, position, b""
