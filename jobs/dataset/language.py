"""The language that data is written in, told by its script and by its commonest words."""

from collections import Counter
from collections.abc import Iterable

from jobs.dataset.english import COMMONEST
from jobs.dataset.scripts import characters, dominant

_WORDS = {
    "en": " ".join(COMMONEST),
    "es": (
        "el la los las un una de del al que y en no es se por con para como su mi me lo pero "
        "más está qué cómo puedo tiene hay si o sin sobre muy ya"
    ),
    "de": (
        "der die das den dem des ein eine einen einem und ist nicht ich sie es zu in mit auf "
        "für von wie was kann bitte wenn auch an im am sich mein meine ihr ihre haben hat "
        "sind"
    ),
    "fr": (
        "le la les un une des de du et est ne pas je vous il elle que qui dans en pour sur "
        "avec au aux mon ma votre comment ce cette sont avez peut plus mais ou où"
    ),
    "ne": (
        "छ छन् हो होइन को का मा लाई ले र मेरो तपाईंको तपाईं कसरी गर्न गर्ने भएको छैन यो त्यो "
        "म पनि गर्नुहोस् के हुन्छ बाट भने हामी एक थियो"
    ),
    "hi": (
        "है हैं का की के में को से और नहीं मेरा मेरी आप आपका कैसे करें क्या यह वह मैं भी पर "
        "ने था थी हो करना लिए एक कर रहा तो"
    ),
    "ar": (
        "في من على إلى عن هل ما لا هذا هذه أن كيف مع التي الذي أو كان لم قد ثم يمكن أنا هو هي لقد"
    ),
}
"""By language: its commonest words."""
_COMMON = {code: frozenset(words.split()) for code, words in _WORDS.items()}
_OF_SCRIPT = {"latin": ("en", "es", "de", "fr"), "devanagari": ("ne", "hi"), "arabic": ("ar",)}
_ENOUGH = 1 / 5
"""Of a text's words, so many are among the commonest of its language."""
_PART = 0.1
"""Of the texts, so many must be in a language for the data to be written in it too."""


def languages_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The languages that a good part of the texts is in, commonest first.

    They are en, ne, hi, es, de, fr, ar. A text in another, or too short to tell, counts for none.
    """
    found = Counter(language_of(text) for text in texts)
    total = found.total()
    return tuple(
        code for code, count in found.most_common() if code and count >= max(1, _PART * total)
    )


def language_of(text: str) -> str:
    """The language of a text; empty where it is none of those, or can't be told."""
    candidates = _OF_SCRIPT.get(dominant(characters([text])), ())
    words = [word.strip(".,;:!?¿¡()[]\"'«»।؟،") for word in text.casefold().split()]
    shares = {code: sum(_is_common(word, code) for word in words) for code in candidates}
    best = max(shares, key=lambda code: shares[code], default="")
    return best if best and shares[best] >= max(1, _ENOUGH * len(words)) else ""


def _is_common(word: str, code: str) -> bool:
    # Arabic writes its article, the commonest word of all, as one with what follows.
    return word in _COMMON[code] or (code == "ar" and word.startswith("ال"))
