"""Answers: their pieces, their end, and what chance may do."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from emulator.training import inference, phi3
from emulator.training.architecture import Floats
from emulator.training.checkpoint import Checkpoint
from emulator.training.inference import ChatModel, ContextLengthError, Piece
from emulator.training.standin import base_weights, stand_in_config
from emulator.training.tokenizer import MARKERS, ChatTokenizer, Message

BASE = inference.untrained("Phi-4-mini-instruct")
ASK = [{"role": "user", "content": "Hi"}]
END = MARKERS.index("<|end|>")


def text_of(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def scripted(monkeypatch: pytest.MonkeyPatch, tokens: Sequence[int]) -> ChatModel:
    """A model whose next tokens are given; all else is the real path of an answer."""
    tokenizer = ChatTokenizer.trained_on([], 0)
    config = stand_in_config(tokenizer.vocabulary_size)
    script = iter(tokens)

    def feed(_self: object, _tokens: list[int]) -> Floats:
        logits = np.zeros(config.vocab_size, np.float32)
        logits[next(script)] = 1
        return logits

    monkeypatch.setattr("emulator.training.decoding.Decoder.feed", feed)
    return ChatModel(Checkpoint(config, base_weights("x", config), tokenizer, {}))


def bytes_as_tokens(text: str) -> list[int]:
    return [*ChatTokenizer.trained_on([], 0).encode(text), END]


@pytest.mark.parametrize("text", ["नमस्ते, कैसे हैं?", "👩‍👩‍👧 🙂 é", "plain"])
def test_no_piece_is_half_a_character(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    pieces = list(scripted(monkeypatch, bytes_as_tokens(text)).stream(ASK))
    assert text_of(pieces) == text
    assert not any("�" in piece.text for piece in pieces)
    assert len(pieces) == len(text) + 1
    assert pieces[-1].finish_reason == "stop"


def test_a_character_cut_off_by_the_limit_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = list(scripted(monkeypatch, bytes_as_tokens("a🙂")).stream(ASK, max_tokens=3))
    assert text_of(pieces) == "a�"
    assert pieces[-1].finish_reason == "length"


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (["END"], "one EN two "),
        (["two", "END"], "one EN "),
        (["END!", "D"], "one EN two EN"),
        (["zzz"], "one EN two END three"),
        ([""], "one EN two END three"),
    ],
)
def test_a_stop_string_ends_the_answer_and_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, stop: list[str], expected: str
) -> None:
    model = scripted(monkeypatch, bytes_as_tokens("one EN two END three"))
    pieces = list(model.stream(ASK, stop=stop))
    assert text_of(pieces) == expected
    assert pieces[-1].finish_reason == "stop"


def test_tokens_are_counted_and_the_limit_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, last = scripted(monkeypatch, bytes_as_tokens("a long answer")).stream(ASK, max_tokens=7)
    assert last.finish_reason == "length"
    assert last.completion_tokens == 7
    assert last.prompt_tokens == len("Hi") + 3


def test_without_a_limit_the_context_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_all = [{"role": "user", "content": "x" * (BASE.context_length - 8)}]
    *_, last = scripted(monkeypatch, bytes_as_tokens("a long answer")).stream(nearly_all)
    assert last.finish_reason == "length"
    assert last.prompt_tokens + last.completion_tokens == BASE.context_length


def test_messages_that_fill_the_context_are_refused_before_the_first_piece() -> None:
    long = [{"role": "user", "content": "x" * BASE.context_length}]
    with pytest.raises(ContextLengthError, match="maximum context length is 2048 tokens"):
        BASE.stream(long)


def test_an_untrained_model_babbles() -> None:
    pieces = list(BASE.stream(ASK, max_tokens=30))
    assert text_of(pieces)
    assert pieces[-1].completion_tokens > 1


def sampled(**options: Any) -> str:
    return text_of(BASE.stream(ASK, max_tokens=20, **options))


def test_without_a_temperature_the_answer_is_always_the_same() -> None:
    assert sampled() == sampled(temperature=0) == sampled(temperature=0.0, seed=3)


def test_a_seed_makes_chance_repeatable() -> None:
    assert sampled(temperature=1, seed=3) == sampled(temperature=1, seed=3)
    assert sampled(temperature=1, seed=3) != sampled(temperature=1, seed=4)


def test_a_tiny_top_p_leaves_only_the_likeliest_token() -> None:
    assert sampled(temperature=2, top_p=1e-9, seed=3) == sampled()


# ── likelihoods ─────────────────────────────────────────────────────────────────────────────────


def test_likelihoods_are_those_of_a_forward_pass_over_the_whole_conversation() -> None:
    pieces = list(BASE.stream(ASK, max_tokens=12, likeliest=3))
    said = [token for piece in pieces for token in piece.tokens]
    tokenizer, config = ChatTokenizer.trained_on([], 0), stand_in_config(261)
    prompt = tokenizer.prompt([Message("user", "Hi")])
    answer = [byte for token in said for byte in tokens_of(tokenizer, token.said.content)]
    rows = phi3.logits(config, BASE.weights, np.array([[*prompt, *answer]]))[0]
    for at, token in enumerate(said):
        row = rows[len(prompt) - 1 + at].astype(np.float64)
        row[tokenizer.role_markers] = -np.inf
        expected = row[answer[at]] - np.log(np.exp(row - row.max()).sum()) - row.max()
        assert token.said.logprob == pytest.approx(expected, abs=1e-4)
        assert token.likeliest[0] == token.said, "the likeliest was taken"
        assert [one.logprob for one in token.likeliest] == sorted(
            (one.logprob for one in token.likeliest), reverse=True
        )


def tokens_of(tokenizer: ChatTokenizer, content: bytes | None) -> list[int]:
    assert content is not None
    return [token for token in range(261) if tokenizer.bytes_of(token) == content]


def test_all_likelihoods_together_are_one() -> None:
    (first, *_) = BASE.stream(ASK, max_tokens=4, likeliest=261, temperature=1, seed=2)
    shares = [math.exp(one.logprob) for one in first.tokens[0].likeliest]
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("text", ["नमस्ते 🙂", "one EN two END three", "plain"])
def test_tokens_are_told_with_the_text_that_they_are(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    model = scripted(monkeypatch, bytes_as_tokens(text))
    pieces = list(model.stream(ASK, stop=["END"], likeliest=0))
    told = [token.said for piece in pieces for token in piece.tokens]
    assert b"".join(one.content or b"" for one in told).decode() == text_of(pieces)
    for piece in pieces:
        content = b"".join(token.said.content or b"" for token in piece.tokens)
        assert content.decode() == piece.text


def test_half_a_letter_is_told_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = scripted(monkeypatch, bytes_as_tokens("é")).stream(ASK, likeliest=0)
    told = [token.said for piece in pieces for token in piece.tokens]
    assert [(one.text, one.content) for one in told] == [("\\xc3", b"\xc3"), ("\\xa9", b"\xa9")]


def test_nobody_is_told_likelihoods_who_does_not_ask() -> None:
    assert not any(piece.tokens for piece in BASE.stream(ASK, max_tokens=5))


def test_content_may_be_a_list_of_text_parts() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    assert text_of(BASE.stream(parts, max_tokens=5)) == text_of(BASE.stream(ASK, max_tokens=5))


def test_a_base_model_is_named_and_every_name_has_weights_of_its_own() -> None:
    again = inference.untrained("Phi-4-mini-instruct")
    other = inference.untrained("Phi-3-mini-4k-instruct")
    assert again.fingerprint == BASE.fingerprint != other.fingerprint
    assert BASE.fingerprint.startswith("foundry-emulator-standin-")
    assert BASE.card["trained"] == "not at all: random weights"
