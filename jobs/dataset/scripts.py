"""The writing system of text: Latin, Devanagari, Han …, by Unicode's blocks."""

from collections import Counter
from collections.abc import Iterable, Sequence
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
    return Counter({name: count for name, count in zip(SCRIPTS, numbers, strict=False) if count})


def characters_of_each(texts: Sequence[str]) -> Any:
    """The same for many texts at once: a row for each, a column for each of `SCRIPTS`."""
    import numpy

    counts = numpy.zeros((len(texts), len(SCRIPTS)), dtype=numpy.int64)
    is_ascii = [text.isascii() for text in texts]
    plain = [text for text, is_plain in zip(texts, is_ascii, strict=True) if is_plain]
    letters = [len(text.encode().translate(None, _NOT_LATIN)) for text in plain]
    rows = numpy.array(is_ascii, dtype=bool)
    counts[rows, LATIN] = letters
    counts[rows, COMMON] = [len(text) for text in plain]
    counts[rows, COMMON] -= counts[rows, LATIN]
    others = [text for text, is_plain in zip(texts, is_ascii, strict=True) if not is_plain]
    if others:
        codes = numpy.frombuffer("".join(others).encode("utf-32-le", "surrogatepass"), dtype="<u4")
        # Text and script in one number, so that one count of numbers counts both.
        bases = numpy.arange(len(others), dtype=numpy.int32) * len(SCRIPTS)
        bases = numpy.repeat(bases, [len(text) for text in others])
        numbers = numpy.bincount(
            bases + _script_numbers()[codes], minlength=len(others) * len(SCRIPTS)
        )
        counts[~rows] = numbers.reshape(-1, len(SCRIPTS))
    return counts


SCRIPTS = tuple(dict.fromkeys(name for _, name in _STARTS))
LATIN, COMMON = SCRIPTS.index("latin"), SCRIPTS.index("common")
_NOT_LATIN = bytes(byte for byte in range(256) if not (65 <= byte <= 90 or 97 <= byte <= 122))


@cache
def _script_numbers() -> Any:
    """For each code point, the place of its script in `SCRIPTS`: a megabyte, and no branches."""
    import numpy

    starts = [start for start, _ in _STARTS]
    lengths = numpy.diff([*starts, 0x110000])
    places = [SCRIPTS.index(name) for _, name in _STARTS]
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


def dominant_of_each(texts: Sequence[str], counts: Any) -> list[str]:
    """The same for many texts and what `characters_of_each` says of them."""
    letters = counts.copy()
    letters[:, [COMMON, SCRIPTS.index("emoji")]] = 0
    han, kana = SCRIPTS.index("han"), SCRIPTS.index("kana")
    is_japanese = letters[:, kana] * 5 > letters[:, han]
    letters[is_japanese, kana] += letters[is_japanese, han]
    letters[is_japanese, han] = 0
    most = zip(texts, letters.argmax(axis=1).tolist(), letters.max(axis=1).tolist(), strict=True)
    # ASCII without a letter counts as Latin, like the digits and signs that it is.
    return [
        SCRIPTS[place] if count else "latin" if text.isascii() else ""
        for text, place, count in most
    ]


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
