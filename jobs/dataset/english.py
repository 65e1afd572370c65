"""Whether Latin text reads as English: one word in eight is one of its commonest."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

_BEGINNING = 300
"""Characters of each text that are looked at: they tell, and of a long one no more is read."""

COMMONEST = (
    *("the", "a", "an", "and", "or", "to", "of", "in", "on", "is", "it", "you", "your", "i", "my"),
    *("that", "this", "for", "with", "not", "can", "do", "be", "are", "have", "if", "from", "at"),
    *("as", "we", "he", "she", "they", "was", "what", "how", "please", "then"),
)


def read_as_english(conversations: Sequence[Sequence[str]]) -> Any:
    """Which of the conversations do, as an array.

    No word becomes an object of Python's. As the commonest are short, each is one number: its
    letters in eight bytes, and a mark behind them.
    """
    import numpy

    texts = [_beginnings(one) for one in conversations]
    data = numpy.frombuffer(b" ".join([b"", *texts, b" " * 8]), dtype=numpy.uint8)
    # What str.split splits ASCII at.
    is_space = (data == 32) | ((data >= 9) & (data <= 13)) | ((data >= 28) & (data <= 31))
    edges = numpy.flatnonzero(is_space[1:] != is_space[:-1]) + 1
    begins, ends = edges[0::2], edges[1::2]
    eights = numpy.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))
    lengths = numpy.minimum(ends - begins, 8)
    masks, marks = _masks()
    keys = (eights[begins] & masks[lengths]) | marks[lengths]
    table, factor = _table()
    is_common = table[(keys * factor) >> _SHIFT] == keys
    # Each text begins behind the space that follows the one before.
    starts = numpy.cumsum([1, *[len(text) + 1 for text in texts]])
    words = numpy.searchsorted(begins, starts)
    common = numpy.diff(numpy.concatenate(([0], numpy.cumsum(is_common)))[words])
    words = numpy.diff(words)
    return (common * 8 >= words) & (words > 0)


def _beginnings(texts: Sequence[str]) -> bytes:
    """The beginnings of texts as one in small letters, in which every space is one of ASCII's."""
    text = " ".join([text[:_BEGINNING] for text in texts]).lower()
    if not text.isascii() and _WIDE_SPACE.search(text):
        text = " ".join(text.split())
    return text.encode("utf-8", "surrogatepass")


_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")


@cache
def _masks() -> tuple[Any, Any]:
    """What to keep of eight bytes, and the mark to set, by the length of the word in them."""
    import numpy

    marks = [1 << 8 * length for length in range(8)]
    masks = [mark - 1 for mark in marks]
    return (
        numpy.array([*masks, (1 << 64) - 1], dtype=numpy.uint64),
        numpy.array([*marks, 0], dtype=numpy.uint64),
    )


@cache
def _table() -> tuple[Any, int]:
    """The commonest words, each in a place of its own, and the factor that leads there."""
    import numpy

    keys = numpy.array(
        [int.from_bytes(word.encode() + b"\1", "little") for word in COMMONEST],
        dtype=numpy.uint64,
    )
    factor = 1
    while True:  # one in four keeps 42 words apart in 1,024 places
        factor = factor * _GOLDEN % (1 << 64)
        places = (keys * factor) >> _SHIFT
        if len(set(places.tolist())) == len(keys):
            table = numpy.zeros(1 << (64 - _SHIFT), dtype=numpy.uint64)
            table[places] = keys
            return table, factor


_SHIFT = 54
"""Leaves ten bits: places in the table."""
_GOLDEN = 0x9E3779B97F4A7C15
