"""Exact repeats, within a file and between files, from the hashes of a pass."""

from collections.abc import Sequence

from jobs.dataset.lint import Tally
from jobs.dataset.remarks import Remark

Place = tuple[int, int]
"""The file's index, and the line."""


def repeats(tallies: Sequence[Tally]) -> list[tuple[Place, Place]]:
    """Each conversation that is met again, with where it was met first, in reading order.

    An entry in a set for each conversation, no matter how long it is; where a hash was met is
    looked up afterwards, for those that were met again.
    """
    seen: set[int] = set()
    repeated: set[int] = set()
    for tally in tallies:
        for key in tally.hashes:
            if key in seen:
                repeated.add(key)
            else:
                seen.add(key)
    if not repeated:
        return []
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
