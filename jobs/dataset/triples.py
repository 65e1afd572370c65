"""Texts as the hashes of their word triples: how much of them two texts share.

Scripts that write without spaces are taken letter by letter.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy


def similarity(one: str, other: str) -> float:
    """The Jaccard index of two texts' word triples."""
    first, second = (different(triples_of([text])[0]) for text in (one, other))
    return jaccard(first, second)


def triples_of(texts: Iterable[str]) -> tuple[Any, Any]:
    """The hashes of all texts' word triples, one text after the other, and where each text ends."""
    folded = [text[:_LONGEST].casefold().encode("utf-8", "surrogatepass") for text in texts]
    data = numpy.frombuffer(_END.join([*folded, b""]), dtype=numpy.uint8)
    begins, ends = _words(data)
    hashes = _hashes(data, begins, ends)
    triples = hashes * _FACTORS[0]
    triples[:-1] += hashes[1:] * _FACTORS[1]
    triples[:-2] += hashes[2:] * _FACTORS[2]
    triples ^= triples >> 32
    triples *= _FACTORS[3]
    # Two end marks follow each text, so that even one word has a triple. What begins in them
    # reaches into the next text: the text's first triple stands in, and zero where no word is.
    after = numpy.flatnonzero(data[begins] == _END[1]) + 2
    first = numpy.concatenate(([0], after[:-1]))
    triples[after - 1] = triples[after - 2] = numpy.where(after - first > 2, triples[first], 0)
    return triples, after


def different(numbers: Any) -> Any:
    """Each number once, in order (numpy.unique hashes them, which takes ten times as long)."""
    ordered = numpy.sort(numbers)
    is_new = numpy.ones(len(ordered), dtype=bool)
    numpy.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return ordered[is_new]


def jaccard(one: Any, other: Any) -> float:
    """Of two arrays of different triples."""
    either = numpy.sort(numpy.concatenate((one, other)))
    both = int(numpy.count_nonzero(either[1:] == either[:-1]))
    return both / (len(either) - both)


_LONGEST = 1 << 19
"""Characters of a conversation that are compared: as many as the longest context holds."""

_END = b" \xfe \xff "
"""Two words that are in no text, for these bytes are in no UTF-8."""


def _words(data: Any) -> tuple[Any, Any]:
    """Where words begin and end: at spaces, and around letters of scripts that set no spaces."""
    is_space = numpy.empty(len(data) + 1, dtype=bool)
    is_space[0] = True
    numpy.less_equal(data, 32, out=is_space[1:])
    edges = numpy.flatnonzero(is_space[1:] != is_space[:-1])  # the last is before the last space
    begins, ends = edges[0::2], edges[1::2]
    cuts = _around_letters(data)
    cuts = cuts[~is_space[cuts] & ~is_space[cuts + 1]]
    if not len(cuts):
        return begins, ends
    return _merged(begins, cuts), _merged(ends, cuts)


def _around_letters(data: Any) -> Any:
    """Where letters of scripts that set no spaces begin, and where they end."""
    leads = numpy.flatnonzero(data >= 0xE0)  # first bytes of characters of three and four
    first, second = data[leads], data[leads + 1]
    is_letter = (first >= 0xE3) & (first <= 0xE9)  # kana and Han
    is_letter |= (first == 0xE0) & (second >= 0xB8)  # Thai, Lao, Tibetan
    southern = (second <= 0x82) | ((second & 0xFE) == 0x9E)  # Myanmar, Khmer
    is_letter |= (first == 0xE1) & southern
    is_rare = (first == 0xF0) & (second >= 0xA0)  # rare Han
    is_letter |= is_rare
    letters = leads[is_letter]
    both = _merged(letters, letters + 3 + is_rare[is_letter])
    return both[numpy.flatnonzero(numpy.diff(both, prepend=-1))]


def _merged(one: Any, other: Any) -> Any:
    """Two arrays that are in order as one: a stable sort finds that out, and is fast."""
    return numpy.sort(numpy.concatenate((one, other)), kind="stable")


def _hashes(data: Any, begins: Any, ends: Any) -> Any:
    """A hash of each word.

    Polynomials of the bytes: each is a difference of two sums over all bytes so far, divided by a
    power. No word becomes an object of Python's, which is what would take the time.
    """
    powers, inverses = _powers(1 << len(data).bit_length())
    sums = numpy.zeros(len(data) + 1, dtype=numpy.uint64)
    numpy.cumsum((data + numpy.uint64(1)) * powers[: len(data)], out=sums[1:])
    hashes = (sums[ends] - sums[begins]) * inverses[begins]
    hashes ^= hashes >> 32
    hashes *= _FACTORS[0]
    return hashes


@cache
def _powers(count: int) -> tuple[Any, Any]:
    """The powers of an odd number modulo 2^64, and those of its inverse."""
    base = _FACTORS[1]
    both = (base, pow(base, -1, 1 << 64))
    found = [numpy.full(count, number, dtype=numpy.uint64) for number in both]
    return numpy.multiply.accumulate(found[0]), numpy.multiply.accumulate(found[1])


_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd constants; unsigned overflow is what mixes them."""
