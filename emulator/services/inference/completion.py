"""Bodies of the answer: a completion, its stream of chunks, and Azure's content-filter refusal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.services.contentsafety.filter import Judgement, detector

if TYPE_CHECKING:
    from emulator.training.likelihood import Likelihood, SaidToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One choice of an answer. Without a judgement (the unfiltered route): no annotations."""

    content: str
    finish_reason: str
    judgement: Judgement | None
    tokens: "Sequence[SaidToken] | None"
    """With their likelihoods, where they were asked for and the filter blocked nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every body of one answer has in common."""

    id: str
    created: int
    model: str
    fingerprint: str

    def completion(
        self, choices: Sequence[Said], usage: dict[str, int], prompt: Judgement | None
    ) -> dict[str, Any]:
        """The whole answer at once."""
        body = self._body(
            "chat.completion", [_choice(index, said) for index, said in enumerate(choices)], usage
        )
        if prompt is not None:
            body["prompt_filter_results"] = _prompt_results(prompt)
        return body

    def chunk(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish_reason: str | None = None,
        prompt: Judgement | None = None,
        answer: Judgement | None = None,
        tokens: "Sequence[SaidToken] | None" = None,
    ) -> dict[str, Any]:
        """One piece of a choice; its first carries the role, its last the finish reason."""
        choice: dict[str, Any] = {
            "index": index,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": _logprobs(tokens),
        }
        if answer is not None:
            choice["content_filter_results"] = answer.annotations(prompt=False)
        body = self._body("chat.completion.chunk", [choice], None)
        if prompt is not None:
            body["prompt_filter_results"] = _prompt_results(prompt)
        return body

    def usage_chunk(self, usage: dict[str, int]) -> dict[str, Any]:
        """The chunk without choices that `stream_options.include_usage` asks for."""
        return self._body("chat.completion.chunk", [], usage)

    def _body(
        self, kind: str, choices: list[dict[str, Any]], usage: dict[str, int] | None
    ) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
            "usage": usage,
        }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Token counts as the API reports them."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def refused_prompt(judgement: Judgement) -> dict[str, Any]:
    """The body of the 400 that answers a blocked prompt.

    `content_filter_result` is singular here, and `self_harm` has an underscore: so bodies observed
    from the service have them (compl-ai/compl-ai#20, microsoft/TinyTroupe#85), unlike its docs.
    """
    return {
        "error": {
            "message": (
                "The response was filtered due to the prompt triggering Microsoft's content "
                "management policy. Please modify your prompt and retry."
            ),
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": judgement.annotations(prompt=True),
                "detector": detector(),
            },
        }
    }


def event(body: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def _choice(index: int, said: Said) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "index": index,
        "finish_reason": said.finish_reason,
        "message": {"role": "assistant", "content": said.content, "tool_calls": []},
        "logprobs": _logprobs(said.tokens),
    }
    if said.judgement is not None:
        choice["content_filter_results"] = said.judgement.annotations(prompt=False)
    return choice


def _logprobs(tokens: "Sequence[SaidToken] | None") -> dict[str, Any] | None:
    """The likelihoods of a choice's tokens, in OpenAI's form."""
    if tokens is None:
        return None
    return {
        "content": [
            {**_likelihood(one.said), "top_logprobs": [_likelihood(it) for it in one.likeliest]}
            for one in tokens
        ],
        "refusal": None,
    }


def _likelihood(one: "Likelihood") -> dict[str, Any]:
    return {
        "token": one.text,
        "logprob": one.logprob,
        "bytes": None if one.content is None else list(one.content),
    }


def _prompt_results(judgement: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "prompt_index": 0,
            "content_filter_results": judgement.annotations(prompt=True),
            "detector": detector(),
        }
    ]
