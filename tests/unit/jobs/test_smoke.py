"""What a smoke test expects of an answer, and says of one that misses it."""

import pytest

from jobs.foundry.inference import Answer, Messages, Refusal
from jobs.proof.smoke import problems, run
from jobs.spec.models import Expectation, PromptMessage, SmokeTest


def answer(text: str, finish_reason: str = "stop") -> Answer:
    return Answer(text=text, finish_reason=finish_reason, fingerprint="", tokens=1)


REFUSAL = Refusal(code="content_filter", where="prompt", severities={})


@pytest.mark.parametrize(
    ("said", "expected", "found"),
    [
        (answer("Hold the button."), Expectation(finish_reason="stop", min_chars=5), []),
        (
            answer("Hold", "length"),
            Expectation(finish_reason="stop", min_chars=20),
            ["ended with 'length', not 'stop'", "4 characters, fewer than 20"],
        ),
        (answer("abc"), Expectation(max_chars=2), ["3 characters, more than 2"]),
        (answer("The WI-FI"), Expectation(contains="wi-fi"), []),
        (
            answer("x"),
            Expectation(contains=("router", "modem")),
            ["lacks 'router'", "lacks 'modem'"],
        ),
        (answer("Buy Sony"), Expectation(excludes="sony"), ["holds 'sony'"]),
        (answer("step 3"), Expectation(matches=r"step \d"), []),
        (answer("steps"), Expectation(matches=r"step \d"), [r"doesn't match /step \d/"]),
        (REFUSAL, Expectation(min_chars=1), ["the content filter refused it"]),
        (REFUSAL, Expectation(finish_reason="content_filter"), []),
    ],
)
def test_every_missed_expectation_is_said(
    said: Answer | Refusal, expected: Expectation, found: list[str]
) -> None:
    assert problems(said, expected) == found


class Listener:
    """Answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[Messages] = []

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        assert (max_tokens, temperature) == (256, 0)
        self.heard.append(messages)
        return answer("ok")


def test_a_bare_prompt_is_asked_as_the_model_was_taught() -> None:
    listener = Listener()
    [result] = run(listener, [SmokeTest(prompt="Hello")], "You are kind.")
    assert result.passed
    assert [message["role"] for message in listener.heard[0]] == ["system", "user"]


def test_a_whole_conversation_is_asked_as_it_is_written() -> None:
    listener = Listener()
    messages = (PromptMessage(role="user", content="Hello"),)
    run(listener, [SmokeTest(messages=messages)], "You are kind.")
    assert listener.heard == [[{"role": "user", "content": "Hello"}]]
