"""What changed between two texts, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LONGEST = 1_500
"""Words; longer texts are told as different as a whole, since comparing takes time squared."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether the other text hasn't got it."""

    text: str
    is_own: bool


def changes(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces; the own pieces of the first are gone, those of the second are new."""
    if before == after:
        return _whole(before, is_own=False), _whole(after, is_own=False)
    old, new = _words(before), _words(after)
    if max(len(old), len(new)) > _LONGEST:
        return _whole(before, is_own=True), _whole(after, is_own=True)
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        _add(left, old[i:j], is_own=kind != "equal")
        _add(right, new[k:m], is_own=kind != "equal")
    return left, right


def _words(text: str) -> list[str]:
    """Words, spaces and single other characters; marks (of Devanagari, say) stay with letters."""
    return re.findall(r"\s+|(?:\w|[\u0300-\u036f\u0900-\u0963\u200c\u200d])+|.", text, re.DOTALL)


def _whole(text: str, *, is_own: bool) -> list[Piece]:
    return [Piece(text, is_own)] if text else []


def _add(pieces: list[Piece], words: Sequence[str], *, is_own: bool) -> None:
    if words:
        pieces.append(Piece("".join(words), is_own))
