"""`Did you mean …?`: the nearest of the words that would have been right."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was most likely meant to be, if any is near."""
    known = list(words)
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word[:80].casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A sentence that follows a message, with its leading space; empty when nothing is near."""
    found = nearest(word, words)
    return f" Did you mean '{found}'?" if found and found != word else ""
