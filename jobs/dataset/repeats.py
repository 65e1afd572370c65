"""Exact repeats, within a file and between files, from the hashes of a pass."""

from collections import Counter
from collections.abc import Sequence

from jobs.dataset.lint import Tally
from jobs.dataset.remarks import Remark

Place = tuple[int, int]
"""The file's index, and the line."""


def repeats(tallies: Sequence[Tally]) -> list[tuple[Place, Place]]:
    """Each conversation that is met again, with where it was met first, in reading order.

    An entry in a table for each conversation, no matter how long it is; where a hash was met is
    looked up afterwards, for those that were met again.
    """
    met = Counter[int]()
    for tally in tallies:
        met.update(tally.hashes)
    if len(met) == met.total():
        return []
    repeated = {key for key, count in met.items() if count > 1}
    first: dict[int, Place] = {}
    pairs: list[tuple[Place, Place]] = []
    for file, tally in enumerate(tallies):
        for position, key in enumerate(tally.hashes):
            if key in repeated:
                place = (file, tally.hashed_lines[position])
                before = first.setdefault(key, place)
                if before is not place:
                    pairs.append((place, before))
    return pairs


def remark(again: Place, first: Place, names: Sequence[str]) -> Remark:
    """A repeat in words: a duplicate in one file, leakage between two."""
    line = again[1]
    if again[0] == first[0]:
        return Remark("FT-D021", line, "", f"the same conversation as line {first[1]}.")
    where = f"{names[first[0]]}:{first[1]}"
    return Remark("FT-D031", line, "", f"the same conversation is in {where} (leakage).")
