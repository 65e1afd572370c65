"""The writing system of text: Latin, Devanagari, Han …, by Unicode's blocks."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

_STARTS: tuple[tuple[int, str], ...] = (
    (0x0000, "common"),
    (0x0041, "latin"),
    (0x005B, "common"),
    (0x0061, "latin"),
    (0x007B, "common"),
    (0x00C0, "latin"),
    (0x00D7, "common"),
    (0x00D8, "latin"),
    (0x02B0, "common"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0700, "other"),
    (0x0750, "arabic"),
    (0x0780, "other"),
    (0x0900, "devanagari"),
    (0x0980, "indic"),  # Bengali to Malayalam, and Sinhala
    (0x0E00, "thai"),
    (0x0E80, "other"),  # Lao, Tibetan, Myanmar
    (0x10A0, "georgian"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "common"),
    (0x2600, "emoji"),
    (0x27C0, "common"),
    (0x2E80, "han"),
    (0x3000, "common"),
    (0x3040, "kana"),
    (0x3100, "han"),
    (0x3130, "hangul"),
    (0x3190, "han"),
    (0xA000, "other"),
    (0xA8E0, "devanagari"),
    (0xA900, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xF900, "han"),
    (0xFB00, "latin"),
    (0xFB1D, "hebrew"),
    (0xFB50, "arabic"),
    (0xFE00, "common"),
    (0xFE70, "arabic"),
    (0xFF00, "common"),
    (0x10000, "other"),
    (0x1F000, "emoji"),
    (0x20000, "han"),
    (0x30000, "han"),
    (0x3FFFE, "other"),
)


def characters(texts: Iterable[str]) -> Counter[str]:
    """How many characters of each script the texts have.

    `common` are spaces, digits, punctuation and joiners.
    """
    text = "".join(texts)
    if text.isascii():
        letters = len(text.encode().translate(None, _NOT_LATIN))
        return Counter(latin=letters, common=len(text) - letters)
    import numpy

    codes = numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    numbers = numpy.bincount(_script_numbers()[codes]).tolist()
    return Counter({name: count for name, count in zip(_NAMES, numbers, strict=False) if count})


_NOT_LATIN = bytes(byte for byte in range(256) if not (65 <= byte <= 90 or 97 <= byte <= 122))
_NAMES = tuple(dict.fromkeys(name for _, name in _STARTS))


@cache
def _script_numbers() -> Any:
    """For each code point, the place of its script in `_NAMES`: a megabyte, and no branches."""
    import numpy

    starts = [start for start, _ in _STARTS]
    lengths = numpy.diff([*starts, 0x110000])
    places = [_NAMES.index(name) for _, name in _STARTS]
    return numpy.repeat(numpy.array(places, dtype=numpy.uint8), lengths)


def dominant(counts: Counter[str]) -> str:
    """The script that most letters belong to; empty where there are no letters.

    Han and kana together are Japanese, which neither names alone.
    """
    letters = {name: n for name, n in counts.items() if name not in ("common", "emoji")}
    if not letters:
        return ""
    if letters.get("kana", 0) * 5 > letters.get("han", 0):
        letters["kana"] = letters.get("kana", 0) + letters.pop("han", 0)
    return max(letters, key=lambda name: letters[name])


TITLES = {
    "latin": "Latin letters",
    "devanagari": "Devanagari",
    "han": "Chinese characters",
    "kana": "Japanese",
    "hangul": "Hangul",
    "arabic": "Arabic letters",
    "cyrillic": "Cyrillic",
    "indic": "a script of South India, Bengal or Sri Lanka",
    "other": "a rarer script",
}


def title(script: str) -> str:
    """The script's name in a sentence."""
    return TITLES.get(script, script.capitalize())
