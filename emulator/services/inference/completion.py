"""Bodies of the answer: a completion, its stream of chunks, and Azure's content-filter refusal."""

import json
from dataclasses import dataclass
from typing import Any

from emulator.services.contentsafety.filter import Judgement, detector


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every body of one answer has in common."""

    id: str
    created: int
    model: str
    fingerprint: str

    def completion(
        self,
        *,
        content: str,
        finish_reason: str,
        usage: dict[str, int],
        prompt: Judgement | None,
        answer: Judgement | None,
    ) -> dict[str, Any]:
        """The whole answer at once. Without judgements (the unfiltered route): no annotations."""
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": finish_reason,
            "message": {"role": "assistant", "content": content, "tool_calls": []},
            "logprobs": None,
        }
        if answer is not None:
            choice["content_filter_results"] = answer.annotations(prompt=False)
        body = self._body("chat.completion", choice, usage)
        if prompt is not None:
            body["prompt_filter_results"] = _prompt_results(prompt)
        return body

    def chunk(
        self,
        delta: dict[str, Any],
        *,
        finish_reason: str | None = None,
        prompt: Judgement | None = None,
        answer: Judgement | None = None,
    ) -> dict[str, Any]:
        """One piece of a stream; the first carries the role, the last the finish reason."""
        choice: dict[str, Any] = {
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": None,
        }
        if answer is not None:
            choice["content_filter_results"] = answer.annotations(prompt=False)
        body = self._body("chat.completion.chunk", choice, None)
        if prompt is not None:
            body["prompt_filter_results"] = _prompt_results(prompt)
        return body

    def usage_chunk(self, usage: dict[str, int]) -> dict[str, Any]:
        """The chunk without choices that `stream_options.include_usage` asks for."""
        return {**self._body("chat.completion.chunk", None, usage), "choices": []}

    def _body(
        self, kind: str, choice: dict[str, Any] | None, usage: dict[str, int] | None
    ) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": [] if choice is None else [choice],
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


def _prompt_results(judgement: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "prompt_index": 0,
            "content_filter_results": judgement.annotations(prompt=True),
            "detector": detector(),
        }
    ]
