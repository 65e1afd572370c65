"""Near-duplicates: conversations that share most of their word triples.

MinHash finds candidates without comparing all with all; every pair that is reported was then
compared word by word. System prompts are left out: all conversations share them. Scripts that
write without spaces are taken letter by letter.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xxhash import xxh3_64_digest, xxh3_64_intdigest

from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.lines import blocks
from jobs.dataset.lint import Task
from jobs.dataset.parallel import in_processes, parts_of
from jobs.dataset.repeats import Place
from jobs.files import open_regular

SIMILAR = 0.8
"""Jaccard index of word triples from which on two conversations count as nearly the same."""

_PERMUTATIONS = 40
_ROWS = 4
"""Ten bands of four: of pairs at 0.8, one in 200 is missed; of pairs at 0.9, one in 40,000."""
_BATCH = 1024
"""Conversations whose triples fit the processor's cache together."""


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
    """
    import numpy

    known = set(exact)
    places: list[Place] = []
    signatures: list[Any] = []
    for file, path in enumerate(paths):
        lines, rows = _signatures_of(path, task)
        keep = [row for row, line in enumerate(lines) if (file, line) not in known]
        places += [(file, lines[row]) for row in keep]
        signatures.append(rows[keep] if len(keep) < len(lines) else rows)
    if not places:
        return []
    together = numpy.concatenate(signatures)
    pairs = _candidates(together, numpy)
    shingles = _shingles_at(paths, task, {places[row] for pair in pairs for row in pair})
    return sorted(_verified(pairs, places, shingles))


def similarity(one: str, other: str) -> float:
    """The Jaccard index of two texts' word triples."""
    return _jaccard(_triples(words(one)), _triples(words(other)))


def words(text: str) -> list[str]:
    """The words of a text; the letters, where a script sets no spaces between words."""
    folded = text.casefold()
    if not folded.isascii() and _UNSPACED.search(folded):
        return _LETTERS_AND_WORDS.findall(folded)
    return folded.split()


_UNSPACED_LETTERS = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han."""
_UNSPACED = re.compile(f"[{_UNSPACED_LETTERS}]")
_LETTERS_AND_WORDS = re.compile(rf"[{_UNSPACED_LETTERS}]|[^\s{_UNSPACED_LETTERS}]+")


class _Vocabulary(dict[str, bytes]):
    """Eight bytes for each word, the same in every run (Python's own hash is not).

    Bytes and no numbers: joining them makes an array several times faster than numbers do.
    """

    def __missing__(self, word: str) -> bytes:
        if len(self) > 1_000_000:
            self.clear()
        number = self[word] = xxh3_64_digest(word.encode("utf-8", "surrogatepass"))
        return number


def _signatures_of(path: Path, task: Task) -> tuple[Sequence[int], Any]:
    """The lines of a file's conversations, and a row of 40 minima for each."""
    import numpy

    ranges = parts_of(path)

    def part(index: int) -> tuple["array[int]", bytes, int]:
        start, end = ranges[index]
        lines, rows = _sign(read_conversations(path, task, start=start, end=end))
        count = 0
        if len(ranges) > 1:
            with open_regular(path) as file:
                count = sum(block.lines for block in blocks(file, start=start, end=end))
        return lines, rows, count

    parts = in_processes(part, len(ranges)) if len(ranges) > 1 else [part(0)]
    lines: list[int] = []
    before = 0
    for own, _, count in parts:
        lines.extend([line + before for line in own] if before else own)
        before += count
    flat = numpy.frombuffer(b"".join(rows for _, rows, _ in parts), dtype=numpy.uint32)
    return lines, flat.reshape(-1, _PERMUTATIONS)


def _sign(conversations: Iterable[Conversation]) -> tuple["array[int]", bytes]:
    """Signatures, made a batch at a time: all words' numbers in one array, all triples at once."""
    import numpy

    number, join = _Vocabulary().__getitem__, b"".join
    # Multiplying by an odd number permutes the 64-bit numbers; its upper half is well mixed.
    odd = [xxh3_64_intdigest(b"%d" % index) | 1 for index in range(_PERMUTATIONS)]
    factors = numpy.array(odd, dtype=numpy.uint64)
    lines = array("I")
    rows: list[bytes] = []
    for batch in _batches(conversations):
        flat: list[bytes] = []
        offsets = [0]
        for one in batch:
            lines.append(one.line)
            flat.append(join(map(number, words(" ".join(one.turns)) or ("",))))
            flat.append(_END)  # so that even one word has a triple
            offsets.append(offsets[-1] + len(flat[-2]) // 8 + 2)
        hashes = numpy.frombuffer(join(flat), dtype=numpy.uint64)
        triples = hashes * _FACTORS[0]
        triples[:-1] += hashes[1:] * _FACTORS[1]
        triples[:-2] += hashes[2:] * _FACTORS[2]
        begins, ends = numpy.array(offsets[:-1]), numpy.array(offsets[1:])
        # Triples that begin in the end marks reach into the next conversation.
        triples[ends - 1] = triples[ends - 2] = triples[begins]
        minima = [numpy.minimum.reduceat(triples * factor, begins) for factor in factors]
        signatures = (numpy.stack(minima, axis=1) >> numpy.uint64(32)).astype(numpy.uint32)
        rows.append(signatures.tobytes())
    return lines, b"".join(rows)


_END = b"\1" + bytes(7) + b"\2" + bytes(7)
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd constants; unsigned overflow is what mixes them."""


def _candidates(rows: Any, numpy: Any) -> set[tuple[int, int]]:
    """Pairs of rows, later and earlier, that agree in a whole band and in most of their minima."""
    found: set[tuple[int, int]] = set()
    wide = rows.astype(numpy.uint64)
    for band in range(0, _PERMUTATIONS, _ROWS):
        keys = wide[:, band] * _FACTORS[0]
        for offset in range(1, _ROWS):
            keys = (keys ^ (keys >> numpy.uint64(29))) * _FACTORS[1] + wide[:, band + offset]
        order = numpy.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        for begin, end in _spans(same, numpy):
            group = [int(row) for row in order[begin : end + 1]]
            # A large group is a template: its first members stand for it.
            for index, row in enumerate(group[1:], 1):
                found.update((row, other) for other in group[: min(index, _STAND_FOR)])
    if not found:
        return found
    pairs = numpy.array(sorted(found))
    agree = (rows[pairs[:, 0]] == rows[pairs[:, 1]]).mean(axis=1)
    return {(int(a), int(b)) for a, b in pairs[agree >= _LIKELY]}


_STAND_FOR = 20
_LIKELY = 0.6
"""Share of equal minima: 0.8 give or take 0.06 for a pair at 0.8, which this is far below."""


def _spans(same: Any, numpy: Any) -> Iterator[tuple[int, int]]:
    """Where runs of true begin, and the index after each."""
    padded = numpy.concatenate(([False], same, [False]))
    edges = numpy.flatnonzero(padded[1:] != padded[:-1])
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end)


def _verified(
    pairs: Iterable[tuple[int, int]],
    places: Sequence[Place],
    shingles: dict[Place, frozenset[int]],
) -> Iterator[NearPair]:
    best: dict[Place, NearPair] = {}
    for row, other in sorted(pairs):
        again, first = places[row], places[other]
        value = _jaccard(shingles[again], shingles[first])
        if value >= SIMILAR and (again not in best or value > best[again].similarity):
            best[again] = NearPair(again, first, value)
    yield from best.values()


def _shingles_at(
    paths: Sequence[Path], task: Task, wanted: set[Place]
) -> dict[Place, frozenset[int]]:
    found: dict[Place, frozenset[int]] = {}
    for file, path in enumerate(paths):
        lines = {line for of, line in wanted if of == file}
        if lines:
            for one in read_conversations(path, task, only=lines):
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
