"""Which token comes next: the likeliest, or one by chance, among those that a form allows."""

import numpy as np

from emulator import grammar
from emulator.training.architecture import Floats
from emulator.training.tokenizer import ChatTokenizer


class Sampler:
    """Chooses the next token from its logits."""

    def __init__(self, temperature: float, top_p: float, seed: int | None) -> None:
        self._temperature = temperature
        self._top_p = top_p
        # The API takes any integer, NumPy only those that are not negative.
        self._draw = np.random.default_rng(None if seed is None else seed % 2**64)

    is_over = False
    """The model itself says where its answer ends."""

    def __call__(self, logits: Floats) -> int:
        """Gives a token, by chance where there is a temperature."""
        if self._temperature <= 0:
            return int(logits.argmax())
        scaled = (logits - logits.max()).astype(np.float64) / self._temperature
        chances = np.exp(scaled)
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")
        # The fewest likeliest tokens that together reach top_p; always at least one.
        kept = int(np.searchsorted(np.cumsum(chances[order]), self._top_p)) + 1
        order = order[:kept]
        return int(self._draw.choice(order, p=chances[order] / chances[order].sum()))


class Constrained:
    """Chooses as a sampler does among the tokens that keep an answer to its form."""

    def __init__(
        self, choose: Sampler, tokenizer: ChatTokenizer, form: grammar.Node, limit: int
    ) -> None:
        self._choose, self._tokenizer = choose, tokenizer
        self._state = grammar.start(form)
        self._left = limit
        # Each byte is a token, so whatever can be ended in so many bytes can in so many tokens.
        self._ends_in_time = len(grammar.closing(self._state)) <= limit

    @property
    def is_over(self) -> bool:
        """Whether the form has come to its end."""
        return grammar.is_over(self._state)

    def __call__(self, logits: Floats) -> int:
        """Gives a token that the form allows, by the chances that the model gives them."""
        self._left -= 1
        token = self._choose(logits)
        if not self._allows(token):
            # Drawn again from those that are allowed: as if the others had never been there.
            others = [one for one in range(len(logits)) if not self._allows(one)]
            logits[others] = -np.inf
            token = self._choose(logits)
        if not self._tokenizer.is_marker(token):
            self._state = self._after(token) or self._state
        return token

    def _allows(self, token: int) -> bool:
        if self._tokenizer.is_marker(token):
            return grammar.is_whole(self._state)
        state = self._after(token)
        if state is None:
            return False
        return not self._ends_in_time or len(grammar.closing(state)) <= self._left

    def _after(self, token: int) -> grammar.State | None:
        return grammar.after(self._state, self._tokenizer.bytes_of(token))
