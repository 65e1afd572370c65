"""What a model or a log says can't command the terminal it is printed on."""

from argparse import Namespace
from typing import cast

import pytest

from jobs.foundry.inference import Answer, Chat, Refusal
from jobs.terminal import output
from jobs.verbs import chat


class Says:
    """A partner that streams given pieces and ends in a given way."""

    def __init__(self, pieces: list[str], end: Answer | Refusal) -> None:
        self.pieces, self.end = pieces, end

    def stream(self, _messages: object, say: object, **_options: object) -> Answer | Refusal:
        assert callable(say)
        for piece in self.pieces:
            say(piece)
        return self.end


def test_escape_sequences_lose_their_escape_and_letters_stay() -> None:
    assert output.plain("a\x1b[31mb\x07\x9b2J\x7f\r\tÄ नमस्ते 👩\u200d💻\n") == (
        "a[31mb2J\tÄ नमस्ते 👩\u200d💻\n"
    )


def test_an_answer_reaches_the_terminal_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = Answer(text="Hi\x1b[2J", finish_reason="stop", fingerprint="", tokens=2)
    assert _said(["Hi\x1b", "[2J"], answer) == ""
    assert capsys.readouterr().out == "Hi[2J\n"


def test_an_answer_cut_off_by_the_filter_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    cut = Refusal(code="content_filter", where="answer", severities={})
    assert _said(["Well, "], cut).startswith("Refused")
    assert capsys.readouterr().out == "Well, \n"


def _said(pieces: list[str], end: Answer | Refusal) -> str:
    partner = cast("Chat", Says(pieces, end))
    return chat.answered(partner, [], Namespace(max_tokens=8, temperature=0.0))
