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
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
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


@pytest.mark.parametrize(
    "extra", [{"n": 2}, {"logprobs": True}, {"logprobs": True, "top_logprobs": 2}]
)
def test_the_models_own_parameters_need_a_header_on_the_model_inference_route(
    extra: dict[str, Any],
) -> None:
    with pytest.raises(InvalidRequestError, match="extra-parameters: pass-through") as refused:
        parse({**HELLO, **extra}, extra_parameters="error")
    assert refused.value.unknown
    passed = parse({**HELLO, **extra}, extra_parameters="pass-through")
    assert passed == parse({**HELLO, **extra}), "on the model's own route they are like any other"
    assert passed != parse({**HELLO, **extra}, extra_parameters="drop") == parse(HELLO)


@pytest.mark.parametrize("name", ["tools", "logit_bias", "frequency_penalty"])
def test_what_a_stand_in_can_not_do_is_said_to_be_the_emulators_limit(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"'{name}'.*foundry-emulator.*limit"):
        parse({**HELLO, name: [1]})


def test_unknown_parameters_pass_when_the_header_says_so() -> None:
    parse({**HELLO, "colour": "blue"}, extra_parameters="pass-through")


def test_each_route_refuses_in_its_own_shape() -> None:
    problem = InvalidRequestError("no", parameter="colour", value="blue", unknown=True)
    status, body = refusal(problem, model_inference_api=True)
    assert (status, body["code"]) == (422, "parameter_not_supported")
    assert body["detail"]["loc"] == ["body", "colour"]
    status, body = refusal(problem, model_inference_api=False)
    assert (status, body["error"]["param"]) == (400, "colour")
