"""Near-duplicates: conversations that share most of their word triples.

MinHash finds candidates without comparing all with all; every pair that is reported was then
compared triple by triple. System prompts are left out: all conversations share them. Scripts that
write without spaces are taken letter by letter. What is kept of a conversation is a hundred bytes.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from jobs.dataset.conversations import Conversation, Task, batches, read_conversations
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import over_pieces, read_file
from jobs.dataset.repeats import Place
from jobs.dataset.triples import different, jaccard, triples_of

SIMILAR = 0.8
"""Jaccard index of word triples from which on two conversations count as nearly the same."""

_BINS = 40
_BAND = 4
"""Ten bands of four bins: of long pairs at 0.8, one in 200 is missed; at 0.9, one in 40,000."""
_LIKELY = 0.5
"""Share of equal bins: 0.8 give or take 0.06 for long pairs at 0.8, and 0.13 for short ones."""
_STAND_FOR = 20
"""A large group is a template: its first members stand for it."""
_WORKING_SET = 24 << 20
"""More than what is made of a batch."""
_MIX = 0x9E3779B97F4A7C15
"""Odd; unsigned overflow is what mixes."""


class NearPair(NamedTuple):
    """Two conversations that are nearly the same."""

    again: Place
    first: Place
    similarity: float


def near_pairs(
    paths: Sequence[Path], task: Task = "chat_completion", *, exact: Iterable[Place] = ()
) -> list[NearPair]:
    """Each conversation that is nearly the same as an earlier one, with the one most like it.

    `exact` are places of exact repeats, which are known already and left out. Large files are
    taken by every core.

    Raises:
        UnreadableFileError: A file can't be read.
    """
    wish = Wish(task=task, private=False, limit=0)
    signatures = [read_file(path, wish, Signatures)[1] for path in paths]
    return pairs_among(paths, signatures, task, exact=exact)


def pairs_among(
    paths: Sequence[Path],
    signatures: Sequence["Signatures"],
    task: Task = "chat_completion",
    *,
    exact: Iterable[Place] = (),
) -> list[NearPair]:
    """The same for files whose signatures were taken already."""
    known: dict[int, list[int]] = {}
    for file, line in exact:
        known.setdefault(file, []).append(line)
    files: list[Any] = []
    lines: list[Any] = []
    rows: list[Any] = []
    for file, taken in enumerate(signatures):
        own = numpy.frombuffer(taken.lines, dtype=numpy.uint32)
        left_out = known.get(file, [])
        is_exact = numpy.zeros(max([0, *taken.lines[-1:], *left_out]) + 1, dtype=bool)
        is_exact[left_out] = True
        keep = ~is_exact[own]
        lines.append(own[keep])
        rows.append(numpy.frombuffer(taken.rows, dtype=numpy.uint16).reshape(-1, _BINS)[keep])
        files.append(numpy.full(len(lines[-1]), file, dtype=numpy.uint16))
    if not any(map(len, lines)):
        return []
    places = numpy.concatenate(files), numpy.concatenate(lines)
    signatures_of_all = rows[0] if len(rows) == 1 else numpy.concatenate(rows)
    return sorted(_verified(paths, task, places, _candidates(signatures_of_all)))


@dataclass(slots=True)
class Signatures:
    """What is kept of the conversations of a file, or of a part of it."""

    lines: "array[int]" = field(default_factory=lambda: array("I"))
    rows: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        # glibc keeps freed memory for the next batch only up to the size of what it has seen come
        # and go; else each batch's arrays are new pages, which takes as long as to fill them.
        numpy.empty(_WORKING_SET, dtype=numpy.uint8)

    def look_at(self, batch: Sequence[Conversation]) -> None:
        """Take those of the next conversations."""
        self.lines.extend([one.line for one in batch])
        texts = [" ".join(one.turns) for one in batch]
        self.rows += _signatures(*triples_of(texts)).tobytes()

    def rest(self) -> None:
        """Nothing is to be let go."""

    def take(self, other: "Signatures", lines_before: int) -> None:
        """Take in those of the next part."""
        self.lines.extend([line + lines_before for line in other.lines])
        self.rows += other.rows


# ── signatures ──────────────────────────────────────────────────────────────────────────────────


def _signatures(triples: Any, ends: Any) -> Any:
    """One-permutation MinHash: hashes fall in bins, and the least of each bin is kept.

    An empty bin borrows from the next that is not (Shrivastava and Li, 2014), so that two texts
    agree in as many bins as they share triples, however short they are. One look at each hash does
    what a hash function for each bin would.
    """
    count = len(ends)
    bins = (triples >> 32) * _BINS >> 32
    bins += numpy.repeat(
        numpy.arange(0, count * _BINS, _BINS, dtype=numpy.uint64), numpy.diff(ends, prepend=0)
    )
    least = numpy.full(count * _BINS, _NOTHING, dtype=numpy.uint64)
    numpy.minimum.at(least, bins.view(numpy.int64), triples >> 16)
    least = least.reshape(count, _BINS)
    # Where the next bin that is not empty is, going round: each row stands there twice.
    twice = numpy.concatenate((least, least), axis=1).ravel()
    place = numpy.arange(len(twice))
    full = numpy.where(twice == _NOTHING, len(twice) - 1, place)
    full = numpy.minimum.accumulate(full[::-1])[::-1]
    distance = (full - place).astype(numpy.uint16)
    lent = twice[full].astype(numpy.uint16) + distance * numpy.uint16(_LENT)
    return numpy.ascontiguousarray(lent.reshape(count, 2 * _BINS)[:, :_BINS])


_NOTHING = 0xFFFFFFFFFFFFFFFF
"""In an empty bin: more than the 48 bits of a hash that are compared."""
_LENT = 40503
"""Times the distance, so that a borrowed number differs from its owner's."""


# ── pairs ───────────────────────────────────────────────────────────────────────────────────────


def _candidates(rows: Any) -> Any:
    """Pairs of rows, later and earlier, that agree in a whole band and in half of their bins.

    For each row and band the earlier row that agrees most, so that there are no more than ten for a
    row however alike all rows are.
    """
    pairs: list[Any] = []
    for band in rows.view(numpy.uint64).T:
        # Sorting the hash and the row in one number is ten times as fast as sorting by hash.
        mixed = (band ^ (band >> 29)) * _MIX
        keys = (mixed & 0xFFFFFFFF00000000) | numpy.arange(len(rows), dtype=numpy.uint64)
        keys.sort()
        sorted_rows = (keys & 0xFFFFFFFF).astype(numpy.int64)
        groups = keys >> 32
        is_first = numpy.concatenate(([True], groups[1:] != groups[:-1]))
        index = numpy.arange(len(keys))
        begin = numpy.maximum.accumulate(numpy.where(is_first, index, 0))
        later = index[~is_first]
        best = numpy.full(len(later), _LIKELY)
        partner = numpy.full(len(later), -1)
        for step in range(_STAND_FOR):
            more = numpy.flatnonzero(later - begin[later] > step)
            if not len(more):
                break
            earlier = sorted_rows[begin[later[more]] + step]
            agree = _agreement(rows, sorted_rows[later[more]], earlier)
            better = agree > best[more]
            best[more[better]] = agree[better]
            partner[more[better]] = earlier[better]
        found = partner >= 0
        pairs.append(sorted_rows[later[found]] << 32 | partner[found])
    each = different(numpy.concatenate(pairs))
    return numpy.stack((each >> 32, each & 0xFFFFFFFF), axis=1)


def _agreement(rows: Any, ones: Any, others: Any) -> Any:
    """The share of bins in which rows are equal, a slice at a time."""
    size = 1 << 14
    shares = [
        (rows[ones[at : at + size]] == rows[others[at : at + size]]).mean(axis=1)
        for at in range(0, len(ones), size)
    ]
    return numpy.concatenate(shares)


_AT_ONCE = 10_000
"""Pairs whose triples are held in memory together."""


def _verified(
    paths: Sequence[Path], task: Task, places: tuple[Any, Any], pairs: Any
) -> Iterator[NearPair]:
    """Of each later row the pair that is most alike, if it is alike enough."""

    def work(some: Any) -> list[NearPair]:
        rows = list(set(some.ravel().tolist()))
        where = zip(places[0][rows].tolist(), places[1][rows].tolist(), strict=True)
        of_row = dict(zip(rows, where, strict=True))
        triples = _triples_at(paths, task, set(of_row.values()))
        compared = [
            NearPair(again, first, jaccard(triples[again], triples[first]))
            for again, first in ((of_row[one], of_row[other]) for one, other in some.tolist())
        ]
        return [pair for pair in compared if pair.similarity >= SIMILAR]

    best: dict[Place, NearPair] = {}
    chunks = [pairs[at : at + _AT_ONCE] for at in range(0, len(pairs), _AT_ONCE)]
    for found in over_pieces(chunks, work):
        for pair in found:
            if pair.again not in best or pair.similarity > best[pair.again].similarity:
                best[pair.again] = pair
    yield from best.values()


def _triples_at(paths: Sequence[Path], task: Task, wanted: set[Place]) -> dict[Place, Any]:
    found: dict[Place, Any] = {}
    for file, path in enumerate(paths):
        lines = {line for of, line in wanted if of == file}
        if lines:
            for batch in batches(read_conversations(path, task, only=lines)):
                triples, after = triples_of(" ".join(one.turns) for one in batch)
                for one, own in zip(batch, numpy.split(triples, after), strict=False):
                    found[file, one.line] = different(own)
    return found
