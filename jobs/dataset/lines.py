"""Lines of a file in blocks: constant memory whatever the file, and whatever is in it."""

from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from typing import BinaryIO, NamedTuple, cast

BLOCK_BYTES = 1 << 16
"""A block and what is made of it should stay in the processor's cache; larger ones are slower."""
MAX_LINE_BYTES = 1 << 24
"""A line longer than this is named and skipped; no conversation has 16 MiB."""


class Block(NamedTuple):
    """Whole lines of a file, one after the other."""

    data: bytes
    """The lines as they are in the file, without the last line's end."""
    first_line: int
    """The number of the first line."""
    lines: int
    """How many there are."""
    too_long: int = 0
    """The bytes of the one line that this block stands for, which is too long to look at."""


class Stretch(NamedTuple):
    """Some whole lines of a file."""

    start: int = 0
    """The byte where the first of them begins."""
    end: int | None = None
    """The byte where the first line after them begins; None is the end of the file."""


WHOLE = Stretch()


def blocks(file: BinaryIO, part: Stretch = WHOLE) -> Iterator[Block]:
    """The lines of a file, or of a part of it."""
    file.seek(part.start)
    # BytesIO, which tests hand in, is no RawIOBase, but reads like one.
    reader = BufferedReader(cast("RawIOBase", file), BLOCK_BYTES * 4)
    try:
        yield from _blocks(reader, part)
    finally:
        reader.detach()  # it would close the caller's file with itself


def _blocks(reader: "BufferedReader[RawIOBase]", part: Stretch) -> Iterator[Block]:
    position, end = part
    line = 1
    while end is None or position < end:
        # `end` is the beginning of a line, so that a block that reaches it is whole.
        data = reader.read(BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - position))
        if not data:
            break
        if not data.endswith(b"\n"):
            data += reader.readline(MAX_LINE_BYTES)
        position += len(data)
        begin = data.rfind(b"\n", 0, len(data) - 1) + 1
        if len(data) - begin > MAX_LINE_BYTES:
            length = len(data) - begin
            if not data.endswith(b"\n"):
                skipped = _skip_line(reader)
                length, position = length + skipped, position + skipped
            if begin:
                lines = data.count(b"\n", 0, begin)
                yield Block(data[: begin - 1], line, lines)
                line += lines
            yield Block(b"", line, 1, too_long=length)
            line += 1
            continue
        whole = data[:-1] if data.endswith(b"\n") else data
        lines = whole.count(b"\n") + 1
        yield Block(whole, line, lines)
        line += lines


def cut(file: BinaryIO, size: int, count: int) -> list[Stretch]:
    """Cuts a file into about equal parts, always at the beginning of a line.

    Each numbers its lines from 1: what stands before it would have to be read to know better.
    """
    cuts = [0]
    for index in range(1, count):
        file.seek(size * index // count)
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
    return [Stretch(start, end) for start, end in zip(cuts, [*cuts[1:], None], strict=True)]


def _skip_line(reader: "BufferedReader[RawIOBase]") -> int:
    """Read on to the end of a line without keeping it; how many bytes that was."""
    skipped = 0
    while piece := reader.readline(BLOCK_BYTES * 8):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
