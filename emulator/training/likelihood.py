"""How likely a model found the tokens of its answer: from its own logits, for those who ask."""

from dataclasses import dataclass

import numpy as np

from emulator.training.architecture import Floats
from emulator.training.tokenizer import ChatTokenizer


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A token, and how likely the model found it where it stands."""

    text: str
    content: bytes | None
    """The token's bytes; None for a marker of the template."""
    logprob: float
    """The natural logarithm of its probability, before temperature, top_p and any grammar."""


@dataclass(frozen=True, slots=True)
class SaidToken:
    """A token of an answer, beside the likeliest ones in its place."""

    said: Likelihood
    likeliest: tuple[Likelihood, ...]


class Likelihoods:
    """Keeps the likelihoods of tokens until their text is said; nothing where nobody asks."""

    def __init__(self, tokenizer: ChatTokenizer, likeliest: int | None) -> None:
        self._tokenizer = tokenizer
        self._likeliest = likeliest
        self._waiting: list[tuple[int, SaidToken]] = []

    def look(self, logits: Floats) -> Floats | None:
        """Gives every token's logarithm of its probability, before anything narrows the choice."""
        if self._likeliest is None:
            return None
        shifted = logits.astype(np.float64) - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    def add(self, token: int, likelihoods: Floats | None, begins: int) -> None:
        """Takes a token whose text begins after so many characters."""
        if likelihoods is None:
            return
        order = np.argsort(-likelihoods, kind="stable")[: self._likeliest]
        said = SaidToken(
            self._told(token, likelihoods),
            tuple(self._told(int(one), likelihoods) for one in order),
        )
        self._waiting.append((begins, said))

    def until(self, said: int) -> tuple[SaidToken, ...]:
        """Gives those whose text has begun within so many characters."""
        ready = [token for begins, token in self._waiting if begins < said]
        self._waiting = self._waiting[len(ready) :]
        return tuple(ready)

    def _told(self, token: int, likelihoods: Floats) -> Likelihood:
        marker = self._tokenizer.is_marker(token)
        content = None if marker else self._tokenizer.bytes_of(token)
        return Likelihood(self._tokenizer.text_of(token), content, float(likelihoods[token]))
