"""Chat requests: what is read, and how each route refuses."""

from typing import Any

import pytest

from emulator.services.inference.chat import InvalidRequestError, parse, refusal

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def test_a_bare_request_leaves_the_choice_to_the_model() -> None:
    request = parse(HELLO)
    assert (request.temperature, request.top_p, request.stop, request.seed) == (
        None,
        None,
        (),
        None,
    )
    assert not request.stream


def test_text_parts_are_joined_and_developer_is_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = parse({"messages": [{"role": "developer", "content": parts}, HELLO["messages"][0]]})
    assert request.messages[0] == {"role": "system", "content": "ab"}


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"seed": "7"}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_what_would_have_no_effect_or_no_meaning_is_refused(
    change: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse({**HELLO, **change})
    assert refused.value.parameter == parameter


def test_neutral_values_of_unsupported_parameters_pass() -> None:
    parse(
        {**HELLO, "n": 1, "presence_penalty": 0, "tools": [], "response_format": {"type": "text"}}
    )


def test_unknown_parameters_pass_when_the_header_says_so() -> None:
    parse({**HELLO, "colour": "blue"}, extra_parameters="pass-through")


def test_each_route_refuses_in_its_own_shape() -> None:
    problem = InvalidRequestError("no", parameter="colour", value="blue", unknown=True)
    status, body = refusal(problem, model_inference_api=True)
    assert (status, body["code"]) == (422, "parameter_not_supported")
    assert body["detail"]["loc"] == ["body", "colour"]
    status, body = refusal(problem, model_inference_api=False)
    assert (status, body["error"]["param"]) == (400, "colour")
