"""Near-duplicates: conversations that share most of their word triples.

MinHash finds candidates without comparing all with all; every pair that is reported was then
compared word by word. System prompts are left out: all conversations share them. Scripts that
write without spaces are taken letter by letter.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.lint import Task
from jobs.dataset.repeats import Place

SIMILAR = 0.8
"""Jaccard index of word triples from which on two conversations count as nearly the same."""

_PERMUTATIONS = 40
_ROWS = 4
"""Ten bands of four: of pairs at 0.8, one in 200 is missed; of pairs at 0.9, one in 40,000."""
_BATCH = 4096


class NearPair(NamedTuple):
    """Two conversations that are nearly the same."""

    again: Place
    first: Place
    similarity: float


def near_pairs(
    paths: Sequence[Path], task: Task = "chat_completion", *, exact: Iterable[Place] = ()
) -> list[NearPair]:
    """Each conversation that is nearly the same as an earlier one, with the one most like it.

    `exact` are places of exact repeats, which are known already and left out.
    """
    known = set(exact)
    places: list[Place] = []
    index = _Index()
    for file, path in enumerate(paths):
        for batch in _batches(read_conversations(path, task)):
            batch = [one for one in batch if (file, one.line) not in known]
            index.add([one.turns for one in batch])
            places += [(file, one.line) for one in batch]
    groups = index.groups()
    wanted = {places[row] for group in groups for row in group}
    shingles = _shingles_at(paths, task, wanted)
    return sorted(_verified(groups, places, shingles))


def similarity(one: str, other: str) -> float:
    """The Jaccard index of two texts' word triples."""
    return _jaccard(_triples(words(one)), _triples(words(other)))


def words(text: str) -> list[str]:
    """The words of a text; the letters, where a script sets no spaces between words."""
    folded = text.casefold()
    if not folded.isascii():
        folded = _UNSPACED.sub(r" \g<0> ", folded)
    return folded.split()


# Han, kana, Thai, Lao, Myanmar, Khmer, Tibetan
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)


class _Vocabulary(dict[str, int]):
    """A number for each word that is the same in every run (Python's own hash is not)."""

    def __missing__(self, word: str) -> int:
        from xxhash import xxh3_64_intdigest

        if len(self) > 1_000_000:
            self.clear()
        number = self[word] = xxh3_64_intdigest(word.encode("utf-8", "surrogatepass"))
        return number


class _Index:
    """Signatures of all conversations, and the bands in which two of them agree."""

    def __init__(self) -> None:
        import numpy

        self.numpy: Any = numpy
        self.vocabulary = _Vocabulary()
        self.signatures: list[Any] = []

    def add(self, conversations: Sequence[Sequence[str]]) -> None:
        """Take in a batch; the signatures are made in one go."""
        # rensa ships no types.
        import rensa  # pyright: ignore[reportMissingTypeStubs]

        numpy, number = self.numpy, self.vocabulary.__getitem__
        flat: list[int] = []
        offsets = [0]
        for turns in conversations:
            flat += map(number, words(" ".join(turns)))
            flat += (0, 0)  # so that even one word has a triple, and none spans two conversations
            offsets.append(len(flat))
        if not flat:
            return
        hashes = numpy.array(flat, dtype=numpy.uint64)
        triples = hashes * _FACTORS[0]
        triples[:-1] += hashes[1:] * _FACTORS[1]
        triples[:-2] += hashes[2:] * _FACTORS[2]
        sketch: Any = getattr(rensa, "RMinHash")  # noqa: B009
        matrix = sketch.digest_matrix_from_flat_token_hashes(
            triples, numpy.array(offsets, dtype=numpy.uint64), _PERMUTATIONS, 1
        )
        rows = numpy.array(matrix.to_rows(), dtype=numpy.uint32)
        self.signatures.append(rows)

    def groups(self) -> list[list[int]]:
        """Rows that agree in a whole band with another, in order, group by group."""
        if not self.signatures:
            return []
        numpy = self.numpy
        rows = numpy.concatenate(self.signatures)
        found: set[tuple[int, ...]] = set()
        for band in range(0, _PERMUTATIONS, _ROWS):
            part = numpy.ascontiguousarray(rows[:, band : band + _ROWS])
            keys = part.view([("", part.dtype)] * _ROWS).ravel()
            order = numpy.argsort(keys, kind="stable")
            same = keys[order][1:] == keys[order][:-1]
            for begin, end in _spans(same, numpy):
                found.add(tuple(sorted(int(row) for row in order[begin : end + 1])))
        return [list(group) for group in sorted(found)]


_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd constants; unsigned overflow is what mixes them."""


def _spans(same: Any, numpy: Any) -> Iterator[tuple[int, int]]:
    """Where runs of true begin, and the index after each."""
    padded = numpy.concatenate(([False], same, [False]))
    edges = numpy.flatnonzero(padded[1:] != padded[:-1])
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end)


def _verified(
    groups: Sequence[Sequence[int]], places: Sequence[Place], shingles: dict[Place, frozenset[int]]
) -> Iterator[NearPair]:
    best: dict[Place, NearPair] = {}
    for group in groups:
        seen: list[Place] = []
        for place in (places[row] for row in group):
            own = shingles.get(place)
            if own is None:
                continue
            # A large group is a template; its first members stand for it.
            for other in seen[:_STAND_FOR]:
                value = _jaccard(own, shingles[other])
                if value >= SIMILAR and (place not in best or value > best[place].similarity):
                    best[place] = NearPair(place, other, value)
            seen.append(place)
    yield from best.values()


_STAND_FOR = 20


def _shingles_at(
    paths: Sequence[Path], task: Task, wanted: set[Place]
) -> dict[Place, frozenset[int]]:
    found: dict[Place, frozenset[int]] = {}
    for file, path in enumerate(paths):
        if not any(place[0] == file for place in wanted):
            continue
        for one in read_conversations(path, task):
            if (file, one.line) in wanted:
                found[file, one.line] = _triples(words(" ".join(one.turns)))
    return found


def _triples(found: Sequence[str]) -> frozenset[int]:
    padded = [*found, "", ""]
    return frozenset(map(hash, zip(padded, padded[1:], padded[2:], strict=False)))


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _batches(conversations: Iterable[Conversation]) -> Iterator[list[Conversation]]:
    batch: list[Conversation] = []
    for one in conversations:
        batch.append(one)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
