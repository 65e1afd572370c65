"""Answers from a stand-in model, piece by piece.

model = load(directory)                      # what a training job wrote
model = untrained("Phi-4-mini-instruct")     # the base before any fine-tuning
for piece in model.stream(messages, max_tokens=200): print(piece.text, end="")
"""

import codecs
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from emulator.training import checkpoint, model_card
from emulator.training.architecture import Floats, Weights
from emulator.training.checkpoint import Checkpoint
from emulator.training.data import text_of
from emulator.training.decoding import Decoder
from emulator.training.standin import base_weights, stand_in_config
from emulator.training.tokenizer import ChatTokenizer, Message

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of an answer, never part of a character; the last piece has a finish reason."""

    text: str
    finish_reason: FinishReason | None
    prompt_tokens: int
    completion_tokens: int
    """Tokens made so far, the one that ended the answer included."""


class ContextLengthError(ValueError):
    """The conversation leaves no room for an answer."""


class ChatModel:
    """A model that answers conversations. Threads may share one: it keeps no state of an answer."""

    def __init__(self, loaded: Checkpoint) -> None:
        self._model = loaded
        digest = hashlib.sha256(loaded.weights.flat.tobytes()).hexdigest()
        self.fingerprint = f"foundry-emulator-standin-{digest[:10]}"
        """Names the very weights that answer; for `system_fingerprint`."""

    @property
    def weights(self) -> Weights:
        """The weights that answer."""
        return self._model.weights

    @property
    def card(self) -> dict[str, Any]:
        """What the model is, and how it was made."""
        return self._model.card

    @property
    def context_length(self) -> int:
        """How many tokens a conversation and its answer may have together."""
        return self._model.config.max_position_embeddings

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[Piece]:
        """Gives the answer to `messages` (role and content) as it is made.

        No temperature, or 0, takes the likeliest token each time, as Hugging Face's generate()
        does for Phi. With one, the same seed gives the same answer. A stop string ends the answer
        and is not part of it.

        Raises:
            ContextLengthError: at once, before the first piece.
        """
        prompt = self._model.tokenizer.prompt(
            [
                Message(
                    message["role"], text_of(message.get("content") or "", f"messages[{index}]")
                )
                for index, message in enumerate(messages)
            ]
        )
        room = self.context_length - len(prompt)
        if room < 1:
            raise ContextLengthError(
                f"This model's maximum context length is {self.context_length} tokens, but the"
                f" messages have {len(prompt)}. Reduce the length of the messages."
            )
        limit = room if max_tokens is None else min(room, max_tokens)
        choose = _Sampler(temperature or 0.0, 1.0 if top_p is None else top_p, seed)
        return self._pieces(prompt, limit, choose, _Text(self._model.tokenizer, tuple(stop)))

    def _pieces(
        self, prompt: list[int], limit: int, choose: "_Sampler", text: "_Text"
    ) -> Iterator[Piece]:
        tokenizer = self._model.tokenizer
        decoder = Decoder(self._model.config, self._model.weights, len(prompt) + limit)
        unseen, made = prompt, 0
        reason: FinishReason = "length"
        while made < limit:
            logits = decoder.feed(unseen)
            # An answer holds no turn of somebody else's; an untrained model would only repeat the
            # marker before it, since a tied head finds the last token likeliest.
            logits[tokenizer.role_markers] = -np.inf
            token = choose(logits)
            unseen = [token]
            made += 1
            if tokenizer.is_marker(token):
                reason = "stop"
                break
            piece = text.add(token)
            if text.stopped:
                yield Piece(piece, "stop", len(prompt), made)
                return
            if piece:
                yield Piece(piece, None, len(prompt), made)
        yield Piece(text.rest(), reason, len(prompt), made)


def load(directory: str | Path) -> ChatModel:
    """Gives the model that a training job wrote into a directory."""
    return ChatModel(checkpoint.load(Path(directory)))


def untrained(base_model: str) -> ChatModel:
    """Gives the stand-in for a base model: random weights, one token a byte, hence gibberish."""
    tokenizer = ChatTokenizer.trained_on([], 0)
    config = stand_in_config(tokenizer.vocabulary_size)
    weights = base_weights(base_model, config)
    card = model_card.of_base(base_model, weights)
    return ChatModel(Checkpoint(config, weights, tokenizer, card))


class _Sampler:
    """Chooses the next token from its logits."""

    def __init__(self, temperature: float, top_p: float, seed: int | None) -> None:
        self._temperature = temperature
        self._top_p = top_p
        # The API takes any integer, NumPy only those that are not negative.
        self._draw = np.random.default_rng(None if seed is None else seed % 2**64)

    def __call__(self, logits: Floats) -> int:
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


class _Text:
    """Turns tokens into text, holding back what may be half a character or half a stop string."""

    def __init__(self, tokenizer: ChatTokenizer, stop: tuple[str, ...]) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(text for text in stop if text)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """Gives the text that is certain by now."""
        self._held += self._decoder.decode(self._tokenizer.bytes_of(token))
        found = [at for at in (self._held.find(text) for text in self._stop) if at >= 0]
        if found:
            self.stopped = True
            return self._held[: min(found)]
        cut = len(self._held) - self._open_stop()
        certain, self._held = self._held[:cut], self._held[cut:]
        return certain

    def rest(self) -> str:
        """Gives what was held back, when nothing follows any more."""
        return self._held + self._decoder.decode(b"", final=True)

    def _open_stop(self) -> int:
        """How many of the last characters may begin a stop string."""
        return max(
            (
                size
                for text in self._stop
                for size in range(1, min(len(text), len(self._held) + 1))
                if self._held.endswith(text[:size])
            ),
            default=0,
        )
