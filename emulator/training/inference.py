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

from emulator import grammar
from emulator.training import checkpoint, model_card
from emulator.training.architecture import Weights
from emulator.training.checkpoint import Checkpoint
from emulator.training.data import text_of
from emulator.training.decoding import Decoder
from emulator.training.likelihood import Likelihoods, SaidToken
from emulator.training.sampling import Constrained, Sampler
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
    tokens: tuple[SaidToken, ...] = ()
    """Those that the text is made of, where they were asked for; together they are the answer's."""


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
        likeliest: int | None = None,
        form: grammar.Node | None = None,
    ) -> Iterator[Piece]:
        """Gives the answer to `messages` (role and content) as it is made.

        No temperature, or 0, takes the likeliest token each time, as Hugging Face's generate()
        does for Phi. With one, the same seed gives the same answer. A stop string ends the answer
        and is not part of it. With `likeliest`, each token is told with its likelihood and that
        many of the likeliest in its place. With a `form`, the answer is of that form, and brought
        to its end within `max_tokens` where they suffice for the shortest that there is.

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
        tokenizer = self._model.tokenizer
        choose = Sampler(temperature or 0.0, 1.0 if top_p is None else top_p, seed)
        return self._pieces(
            prompt,
            limit,
            choose if form is None else Constrained(choose, tokenizer, form, limit),
            _Text(tokenizer, tuple(stop)),
            Likelihoods(tokenizer, likeliest),
        )

    def _pieces(
        self,
        prompt: list[int],
        limit: int,
        choose: Sampler | Constrained,
        text: "_Text",
        told: Likelihoods,
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
            likelihoods = told.look(logits)
            token = choose(logits)
            unseen = [token]
            made += 1
            if tokenizer.is_marker(token):
                reason = "stop"
                break
            told.add(token, likelihoods, text.known)
            piece = text.add(token)
            if text.stopped or choose.is_over:
                rest = "" if text.stopped else text.rest()
                tokens = told.until(text.said)
                yield Piece(piece + rest, "stop", len(prompt), made, tokens)
                return
            if piece:
                yield Piece(piece, None, len(prompt), made, told.until(text.said))
        rest = text.rest()
        yield Piece(rest, reason, len(prompt), made, told.until(text.said))


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


class _Text:
    """Turns tokens into text, holding back what may be half a character or half a stop string."""

    def __init__(self, tokenizer: ChatTokenizer, stop: tuple[str, ...]) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(text for text in stop if text)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.said = 0
        """How many characters were given."""
        self.stopped = False

    @property
    def known(self) -> int:
        """How many whole characters there are, with those that are held back."""
        return self.said + len(self._held)

    def add(self, token: int) -> str:
        """Gives the text that is certain by now."""
        self._held += self._decoder.decode(self._tokenizer.bytes_of(token))
        found = [at for at in (self._held.find(text) for text in self._stop) if at >= 0]
        if found:
            self.stopped = True
            return self._give(min(found))
        return self._give(len(self._held) - self._open_stop())

    def rest(self) -> str:
        """Gives what was held back, when nothing follows any more."""
        self._held += self._decoder.decode(b"", final=True)
        return self._give(len(self._held))

    def _give(self, size: int) -> str:
        given, self._held = self._held[:size], self._held[size:]
        self.said += size
        return given

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
