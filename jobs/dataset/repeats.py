"""Exact repeats, within a file and between files, from the hashes of a pass."""

from collections.abc import Sequence

from jobs.dataset.lint import Tally
from jobs.dataset.remarks import Remark

Place = tuple[int, int]
"""The file's index, and the line."""


def repeats(tallies: Sequence[Tally]) -> list[tuple[Place, Place]]:
    """Each conversation that is met again, with where it was met first, in reading order.

    A dictionary entry a conversation, no matter how long it is, and nothing in it but the hash:
    where a hash was met first is looked up afterwards, for those that were met again.
    """
    first: dict[int, None] = {}
    again: list[tuple[int, Place]] = []
    for file, tally in enumerate(tallies):
        add = first.setdefault
        before = len(first)
        for position, key in enumerate(tally.hashes):
            add(key, None)
            after = len(first)
            if after == before:
                again.append((key, (file, position)))
            before = after
    if not again:
        return []
    met = _first_places({key for key, _ in again}, tallies)
    return [(_at_line(tallies, place), met[key]) for key, place in again]


def _first_places(wanted: set[int], tallies: Sequence[Tally]) -> dict[int, Place]:
    places: dict[int, Place] = {}
    for file, tally in enumerate(tallies):
        for position, key in enumerate(tally.hashes):
            if key in wanted and key not in places:
                places[key] = (file, tally.hashed_lines[position])
        if len(places) == len(wanted):
            break
    return places


def _at_line(tallies: Sequence[Tally], place: Place) -> Place:
    file, position = place
    return file, tallies[file].hashed_lines[position]


def remark(again: Place, first: Place, names: Sequence[str]) -> Remark:
    """A repeat in words: a duplicate in one file, leakage between two."""
    line = again[1]
    if again[0] == first[0]:
        return Remark("FT-D021", line, "", f"the same conversation as line {first[1]}.")
    where = f"{names[first[0]]}:{first[1]}"
    return Remark("FT-D031", line, "", f"the same conversation is in {where} (leakage).")
