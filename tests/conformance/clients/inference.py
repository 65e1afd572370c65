"""Clients of a served model: openai, azure-ai-inference and LangChain."""

import asyncio
import os

import openai
from azure.ai.inference import ChatCompletionsClient
from azure.ai.inference.aio import ChatCompletionsClient as AsyncChatCompletionsClient
from azure.ai.inference.models import SystemMessage, UserMessage
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from checks import check
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

ENDPOINT, KEY = os.environ["CONFORMANCE_ENDPOINT"], os.environ["CONFORMANCE_KEY"]
QUESTION = "My Xbox shows error 3."
HARM = "[[content-safety-test violence=4]]"


def main() -> None:
    """A package after the other."""
    _openai()
    asyncio.run(_openai_at_once())
    _azure_ai_inference()
    asyncio.run(_azure_ai_inference_aio())
    _langchain()


def _openai() -> None:
    client = openai.OpenAI(base_url=f"{ENDPOINT}/v1", api_key=KEY, max_retries=0)
    messages = [{"role": "user", "content": QUESTION}]
    with check("openai: an answer, and its tokens add up"):
        answer = client.chat.completions.create(model="m", messages=messages)
        usage = answer.usage
        assert answer.choices[0].message.content
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    with check("openai: a stream says the same as the whole, with its usage"):
        whole = client.chat.completions.create(model="m", messages=messages, temperature=0)
        pieces = list(
            client.chat.completions.create(
                model="m",
                messages=messages,
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        said = "".join(one.choices[0].delta.content or "" for one in pieces if one.choices)
        assert said == whole.choices[0].message.content
        assert pieces[-1].usage.completion_tokens == whole.usage.completion_tokens
    with check("openai: n, seed, logprobs"):
        more = client.chat.completions.create(
            model="m", messages=messages, n=2, seed=7, logprobs=True, top_logprobs=2, max_tokens=8
        )
        assert [one.index for one in more.choices] == [0, 1]
        assert all(len(one.top_logprobs) == 2 for one in more.choices[0].logprobs.content)
    with check("openai: models.list"):
        assert [one.object for one in client.models.list()] == ["model"]
    with check("openai: structured output by a schema"):
        schema = {
            "type": "object",
            "properties": {"category": {"type": "string", "enum": ["hardware", "account"]}},
            "required": ["category"],
            "additionalProperties": False,
        }
        asked = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema}}
        made = client.chat.completions.create(model="m", messages=messages, response_format=asked)
        assert made.choices[0].message.content.strip().startswith("{")
    with check("openai: tools"):
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        client.chat.completions.create(model="m", messages=messages, tools=[tool])
    with check("openai: a wrong key is AuthenticationError"):
        try:
            client.with_options(api_key="wrong").chat.completions.create(
                model="m", messages=messages
            )
        except openai.AuthenticationError as refused:
            assert refused.status_code == 401
        else:
            raise AssertionError("a wrong key opened")


async def _openai_at_once() -> None:
    with check("openai: sixteen questions at once"):
        client = openai.AsyncOpenAI(base_url=f"{ENDPOINT}/v1", api_key=KEY)
        async with client:
            answers = await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": f"Error {number}"}]
                    )
                    for number in range(16)
                )
            )
        assert all(answer.choices[0].finish_reason for answer in answers)


def _azure_ai_inference() -> None:
    with ChatCompletionsClient(ENDPOINT, AzureKeyCredential(KEY)) as client:
        messages = [SystemMessage("You are an Xbox support agent."), UserMessage(QUESTION)]
        with check("azure-ai-inference: an answer, and a stream"):
            whole = client.complete(messages=messages, temperature=0).choices[0].message.content
            stream = client.complete(messages=messages, temperature=0, stream=True)
            said = "".join(one.choices[0].delta.content or "" for one in stream if one.choices)
            assert said == whole
        with check("azure-ai-inference: get_model_info"):
            info = client.get_model_info()
            assert info.model_name and str(info.model_type) == "chat-completion"
        with check("azure-ai-inference: a harmful prompt is 400 content_filter"):
            try:
                client.complete(messages=[UserMessage(HARM)])
            except HttpResponseError as refused:
                assert refused.status_code == 400
                assert refused.error is not None and refused.error.code == "content_filter"
            else:
                raise AssertionError("a harmful prompt was answered")


async def _azure_ai_inference_aio() -> None:
    with check("azure-ai-inference: aiohttp"):
        async with AsyncChatCompletionsClient(ENDPOINT, AzureKeyCredential(KEY)) as client:
            answer = await client.complete(messages=[UserMessage(QUESTION)])
        assert answer.choices[0].message.content


def _langchain() -> None:
    model = ChatOpenAI(base_url=f"{ENDPOINT}/v1", api_key=KEY, model="m", temperature=0)
    with check("langchain-openai: invoke, and its usage"):
        answer = model.invoke([HumanMessage(QUESTION)])
        assert answer.content and answer.usage_metadata["total_tokens"] > 0
    with check("langchain-openai: stream says the same"):
        said = "".join(piece.content for piece in model.stream([HumanMessage(QUESTION)]))
        assert said == model.invoke([HumanMessage(QUESTION)]).content
    with check("langchain-openai: batch"):
        assert len(model.batch(["one", "two", "three"])) == 3
    with check("langchain-openai: with_structured_output"):
        schema = {
            "title": "Sorted",
            "type": "object",
            "properties": {"category": {"type": "string", "enum": ["hardware", "account"]}},
            "required": ["category"],
            "additionalProperties": False,
        }
        sorted_ = model.with_structured_output(schema, method="json_schema").invoke(QUESTION)
        assert sorted_["category"] in ("hardware", "account")


if __name__ == "__main__":
    main()
