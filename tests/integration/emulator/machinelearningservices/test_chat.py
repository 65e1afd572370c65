"""Questions to an endpoint through the openai client: answers, streams, keys and the filter."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import openai
import pytest
from azure.core import PipelineClient
from azure.core.rest import HttpRequest

from emulator.server import Emulator
from emulator.services.inference import limits

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry, Trained

VERSION = "2024-10-01"
QUESTION: list[Any] = [{"role": "user", "content": "My Xbox shows error 3."}]


class Endpoint:
    """An endpoint and clients of both of its routes."""

    def __init__(self, foundry: Foundry, model: str, **properties: Any) -> None:
        self.foundry = foundry
        self.path = f"{foundry.project}/serverlessEndpoints/chat-{uuid.uuid4().hex[:8]}"
        body = {
            "location": "eastus2",
            "sku": {"name": "Consumption"},
            "properties": {"modelSettings": {"modelId": model}, **properties},
        }
        made = foundry.developer.wait("PUT", self.path, body, version=VERSION)
        self.uri: str = made["properties"]["inferenceEndpoint"]["uri"]
        if properties.get("authMode") == "AAD":
            self.key = ""
        else:
            keys = foundry.developer.ok("POST", f"{self.path}/listKeys", version=VERSION)
            self.key = keys["primaryKey"]

    def client(self, *, key: str = "", route: str = "", **options: Any) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self.uri + route, api_key=key or self.key, max_retries=0, **options
        )

    def delete(self) -> None:
        self.foundry.developer.wait("DELETE", self.path, version=VERSION)


@pytest.fixture(scope="module")
def endpoint(foundry: Foundry, trained: Trained) -> Iterator[Endpoint]:
    made = Endpoint(foundry, trained.model)
    yield made
    made.delete()


@pytest.fixture
def filtered(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with endpoint.client() as client:
        yield client


@pytest.fixture
def unfiltered(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with endpoint.client(route="/v1") as client:
        yield client


def ask(client: openai.OpenAI, messages: Any = QUESTION, **options: Any) -> Any:
    create: Any = client.chat.completions.create
    return create(model="xbox", messages=messages, **options)


def violence(severity: int) -> list[Any]:
    return [{"role": "user", "content": f"[[content-safety-test violence={severity}]]"}]


def test_the_answer_is_the_trained_models(filtered: openai.OpenAI, trained: Trained) -> None:
    answer = ask(filtered, max_tokens=40)
    assert answer.object == "chat.completion"
    assert answer.model == trained.name
    assert answer.system_fingerprint.startswith("foundry-emulator-standin-")
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 40
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_same_question_has_the_same_answer_and_a_seed_repeats_a_sampled_one(
    unfiltered: openai.OpenAI,
) -> None:
    said = [ask(unfiltered, max_tokens=30).choices[0].message.content for _ in range(2)]
    assert said[0] == said[1]
    sampled = [
        ask(unfiltered, max_tokens=30, temperature=1.0, seed=7).choices[0].message.content
        for _ in range(2)
    ]
    assert sampled[0] == sampled[1]


def test_a_stream_says_the_same_as_the_whole_answer(filtered: openai.OpenAI) -> None:
    whole = ask(filtered, max_tokens=40)
    stream = ask(filtered, max_tokens=40, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert reasons[-1] == whole.choices[0].finish_reason
    assert set(reasons[:-1]) == {None}


EXTRAS = {"extra-parameters": "pass-through"}


def test_several_choices_are_answers_of_their_own_and_the_first_is_the_one_alone(
    filtered: openai.OpenAI,
) -> None:
    asked: dict[str, Any] = {"max_tokens": 12, "temperature": 1.0, "seed": 7}
    alone = ask(filtered, **asked)
    three = ask(filtered, n=3, extra_headers=EXTRAS, **asked)
    said = [choice.message.content for choice in three.choices]
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert said[0] == alone.choices[0].message.content
    assert len(set(said)) > 1
    assert three.usage.prompt_tokens == alone.usage.prompt_tokens
    assert three.usage.completion_tokens > alone.usage.completion_tokens
    assert said == [
        choice.message.content
        for choice in ask(filtered, n=3, extra_headers=EXTRAS, **asked).choices
    ]
    chunks = ask(filtered, n=3, extra_headers=EXTRAS, stream=True, **asked)
    streamed = ["", "", ""]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        streamed[choice.index] += choice.delta.content or ""
    assert streamed == said


def test_log_probabilities_are_told_whole_and_streamed(filtered: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "max_tokens": 20, "logprobs": True, "top_logprobs": 2, "extra_headers": EXTRAS,
    }  # fmt: skip
    choice = ask(filtered, **asked).choices[0]
    tokens = choice.logprobs.content
    assert bytes(byte for one in tokens for byte in one.bytes).decode() == choice.message.content
    for one in tokens:
        assert one.logprob <= 0
        assert one.top_logprobs[0].token == one.token, "greedy takes the likeliest"
        assert len(one.top_logprobs) == 2
    chunks = ask(filtered, stream=True, **asked)
    parts = [c.choices[0].logprobs for c in chunks if c.choices and c.choices[0].logprobs]
    assert [one for part in parts for one in part.content] == tokens
    assert ask(filtered, max_tokens=3).choices[0].logprobs is None


def test_log_probabilities_need_the_header_where_the_api_has_none(
    filtered: openai.OpenAI, unfiltered: openai.OpenAI
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(filtered, logprobs=True)
    body: Any = refused.value.body
    assert body["code"] == "parameter_not_supported"
    assert "extra-parameters: pass-through" in body["detail"]["msg"]
    assert ask(unfiltered, logprobs=True, max_tokens=3).choices[0].logprobs.content


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_json_where_json_is_asked_for(unfiltered: openai.OpenAI, stream: bool) -> None:
    verdict = {
        "type": "object",
        "properties": {"score": {"enum": [1, 2, 3]}, "why": {"type": "string"}},
        "required": ["score", "why"],
        "additionalProperties": False,
    }
    by_schema = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": verdict}}
    for form in ({"type": "json_object"}, by_schema):
        said = ask(unfiltered, response_format=form, max_tokens=40, stream=stream)
        text = (
            "".join(c.choices[0].delta.content or "" for c in said)
            if stream
            else said.choices[0].message.content
        )
        value: Any = json.loads(text)
        assert isinstance(value, dict)
        assert form["type"] == "json_object" or value["score"] in (1, 2, 3)


def test_a_schema_beyond_the_stand_in_is_refused_as_the_emulators_limit(
    filtered: openai.OpenAI,
) -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "string", "pattern": "a+"}},
    }
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(filtered, response_format=form)
    body: Any = refused.value.body
    assert "'schema.pattern' is beyond what foundry-emulator keeps to" in body["detail"]["msg"]


def test_the_models_own_route_lists_the_model(unfiltered: openai.OpenAI, trained: Trained) -> None:
    (model,) = unfiltered.models.list()
    assert model.id == trained.name
    assert unfiltered.models.retrieve(model.id) == model
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        unfiltered.models.retrieve("gpt-5")


def test_a_prompt_of_medium_severity_is_refused_in_azures_shape(filtered: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(filtered, violence(4))
    error: Any = refused.value.body
    assert refused.value.code == "content_filter"
    result = error["innererror"]["content_filter_result"]
    assert result["violence"] == {"filtered": True, "severity": "medium"}
    assert result["self_harm"] == {"filtered": False, "severity": "safe"}
    assert "jailbreak" in result


def test_low_severity_passes_and_is_annotated(filtered: openai.OpenAI) -> None:
    answer = ask(filtered, violence(2), max_tokens=5).to_dict()
    (prompt,) = answer["prompt_filter_results"]
    assert prompt["content_filter_results"]["violence"] == {"filtered": False, "severity": "low"}
    assert prompt["detector"].startswith("emulator-rules/")


def test_only_the_model_inference_route_is_filtered(unfiltered: openai.OpenAI) -> None:
    answer = ask(unfiltered, violence(6), max_tokens=5)
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert "prompt_filter_results" not in answer.to_dict()


def test_a_filter_that_is_turned_off_lets_everything_through(foundry: Foundry) -> None:
    base = Endpoint(
        foundry,
        "azureml://registries/azureml/models/Phi-4",
        contentSafety={"contentSafetyStatus": "Disabled"},
    )
    try:
        with base.client() as client:
            answer = ask(client, violence(6), max_tokens=5)
            assert answer.model == "Phi-4"
    finally:
        base.delete()


def test_a_catalogue_model_answers_from_its_untrained_weights_the_same_each_time(
    foundry: Foundry,
) -> None:
    from emulator.training.inference import untrained

    said: dict[str, str] = {}
    for name in ("Phi-4", "Phi-4-mini-instruct"):
        base = Endpoint(foundry, f"azureml://registries/azureml/models/{name}")
        try:
            with base.client() as client:
                first, second = (ask(client, max_tokens=12, temperature=0) for _ in range(2))
        finally:
            base.delete()
        assert first.choices[0].message.content == second.choices[0].message.content
        model = untrained(name)
        assert first.system_fingerprint == model.fingerprint
        pieces = model.stream(QUESTION, max_tokens=12, temperature=0)
        said[name] = "".join(piece.text for piece in pieces)
        assert first.choices[0].message.content == said[name]
    assert said["Phi-4"] != said["Phi-4-mini-instruct"], "each base has weights of its own"


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_answer_is_empty_and_says_content_filter(
    filtered: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    from emulator.training.inference import ChatModel, Piece

    def says(*_: Any, **__: Any) -> Iterator[Piece]:
        yield Piece("[[content-safety-test ", None, 3, 1)
        yield Piece("sexual=6]]", "stop", 3, 2)

    monkeypatch.setattr(ChatModel, "stream", says)
    if not stream:
        answer = ask(filtered)
        assert answer.choices[0].finish_reason == "content_filter"
        assert answer.choices[0].message.content == ""
        return
    chunks = [chunk for chunk in ask(filtered, stream=True) if chunk.choices]
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert "sexual=6" not in "".join(c.choices[0].delta.content or "" for c in chunks)


def test_every_form_of_the_key_opens_and_a_wrong_one_does_not(
    endpoint: Endpoint,
) -> None:
    body = {"messages": QUESTION, "max_tokens": 1}
    with PipelineClient[Any, Any](endpoint.uri, policies=[]) as http:

        def status(headers: dict[str, str]) -> int:
            question = HttpRequest(
                "POST", f"{endpoint.uri}/chat/completions", json=body, headers=headers
            )
            return http.send_request(question).status_code

        assert status({"Authorization": f"Bearer {endpoint.key}"}) == 200
        assert status({"Authorization": endpoint.key}) == 200
        assert status({"api-key": endpoint.key}) == 200
        assert status({}) == 401
        info = http.send_request(
            HttpRequest("GET", f"{endpoint.uri}/info", headers={"api-key": endpoint.key})
        )
        assert info.json()["model_type"] == "chat-completion"
    with endpoint.client(key="wrong") as client, pytest.raises(openai.AuthenticationError):
        ask(client)


def test_an_endpoint_of_auth_mode_aad_takes_tokens_and_no_keys(foundry: Foundry) -> None:
    made = Endpoint(
        foundry, "azureml://registries/azureml/models/Phi-4-mini-instruct", authMode="AAD"
    )
    try:
        status, _ = foundry.developer("POST", f"{made.path}/listKeys", version=VERSION)
        assert status == 400
        token = foundry.credential.get_token("https://ml.azure.com/.default").token
        with made.client(key=token) as client:
            assert ask(client, max_tokens=3).choices
        with made.client(key="a-key") as client, pytest.raises(openai.AuthenticationError):
            ask(client)
    finally:
        made.delete()


def test_an_endpoint_of_a_model_that_retires_answers_no_more(
    emulator: Emulator, foundry: Foundry, the_guides_day: None
) -> None:
    made = Endpoint(foundry, "azureml://registries/azureml/models/Phi-3-mini-4k-instruct")
    with made.client() as client:
        assert ask(client, max_tokens=3).model == "Phi-3-mini-4k-instruct"
        emulator.control.clock.set(datetime(2025, 8, 30, 1, tzinfo=UTC))
        with pytest.raises(openai.NotFoundError, match="retired on 2025-08-30"):
            ask(client)
    made.delete()


def test_an_unknown_endpoint_is_not_found() -> None:
    client = openai.OpenAI(
        base_url="https://nobody.eastus2.models.ai.azure.com", api_key="x", max_retries=0
    )
    with client, pytest.raises(openai.NotFoundError, match="nobody"):
        ask(client)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"temperature": 9}, 422),
        ({"frequency_penalty": 0.5}, 422),
        ({"extra_body": {"colour": "blue"}}, 422),
    ],
)
def test_invalid_parameters_are_422_on_one_route_and_400_on_the_other(
    filtered: openai.OpenAI, unfiltered: openai.OpenAI, options: dict[str, Any], status: int
) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        ask(filtered, **options)
    assert refused.value.status_code == status
    with pytest.raises(openai.BadRequestError):
        ask(unfiltered, **options)


def test_a_prompt_that_leaves_no_room_is_refused(unfiltered: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        ask(unfiltered, [{"role": "user", "content": "Xbox " * 40_000}])


def test_the_rate_limit_answers_429_and_says_when_to_come_back(
    emulator: Emulator, filtered: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.of(emulator.cloud), "requests", 0)
    with pytest.raises(openai.RateLimitError) as refused:
        ask(filtered)
    assert int(refused.value.response.headers["retry-after"]) >= 1
