"""Clients of a served model that nobody here wrote: azure-ai-inference and LangChain.

The openai client talks in `test_chat.py`; more of them in `make conformance`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.models import SystemMessage, UserMessage
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry, Trained

QUESTION = "My Xbox shows error 3."


@pytest.fixture(scope="module")
def served(foundry: Foundry, trained: Trained) -> Iterator[tuple[str, str]]:
    """An endpoint's address and key."""
    path = f"{foundry.project}/serverlessEndpoints/outside-{uuid.uuid4().hex[:8]}"
    body = {
        "location": "eastus2",
        "sku": {"name": "Consumption"},
        "properties": {"modelSettings": {"modelId": trained.model}},
    }
    made = foundry.developer.wait("PUT", path, body, version="2024-10-01")
    keys = foundry.developer.ok("POST", f"{path}/listKeys", version="2024-10-01")
    yield made["properties"]["inferenceEndpoint"]["uri"], keys["primaryKey"]
    foundry.developer.wait("DELETE", path, version="2024-10-01")


def test_azure_ai_inference_gets_an_answer_a_stream_and_the_models_name(
    served: tuple[str, str],
) -> None:
    messages: list[Any] = [SystemMessage("You are an Xbox support agent."), UserMessage(QUESTION)]
    with ChatCompletionsClient(served[0], AzureKeyCredential(served[1])) as client:
        whole: Any = client.complete(messages=messages, temperature=0)
        pieces: Any = client.complete(messages=messages, temperature=0, stream=True)
        said = "".join(one.choices[0].delta.content or "" for one in pieces if one.choices)
        assert said == whole.choices[0].message.content
        usage = whole.usage
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        assert client.get_model_info().model_type == "chat-completion"


def test_azure_ai_inference_is_told_of_harm_and_of_a_wrong_key(served: tuple[str, str]) -> None:
    harm: list[Any] = [UserMessage("[[content-safety-test violence=4]]")]
    with (
        ChatCompletionsClient(served[0], AzureKeyCredential(served[1])) as client,
        pytest.raises(HttpResponseError) as refused,
    ):
        client.complete(messages=harm)
    assert refused.value.status_code == 400
    assert refused.value.error is not None
    assert refused.value.error.code == "content_filter"
    with (
        ChatCompletionsClient(served[0], AzureKeyCredential("wrong")) as stranger,
        pytest.raises(ClientAuthenticationError),
    ):
        stranger.complete(messages=harm)


@pytest.mark.rehearsal
@pytest.mark.filterwarnings("ignore")
def test_langchain_invokes_streams_and_reads_by_a_schema(served: tuple[str, str]) -> None:
    from langchain_openai import ChatOpenAI

    chat: Any = ChatOpenAI
    model = chat(base_url=f"{served[0]}/v1", api_key=served[1], model="xbox", temperature=0)
    whole = model.invoke(QUESTION)
    assert "".join(piece.content for piece in model.stream(QUESTION)) == whole.content
    assert whole.usage_metadata["total_tokens"] > 0
    schema = {
        "title": "Sorted",
        "type": "object",
        "properties": {"category": {"type": "string", "enum": ["hardware", "account"]}},
        "required": ["category"],
        "additionalProperties": False,
    }
    read = model.with_structured_output(schema, method="json_schema").invoke(QUESTION)
    assert read["category"] in ("hardware", "account")
