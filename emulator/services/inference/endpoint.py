"""`https://{endpoint}.{region}.models.ai.azure.com`: questions in, answers out.

`/chat/completions` is the Model Inference API, and the only route that the content filter guards;
`/v1/chat/completions` is the model's own and is never filtered. That is Azure's rule ("content
filtering isn't enabled" on other APIs), and it is kept here because a smoke test must know it.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.http.messages import Request, Response
from emulator.http.routing import Plane, Route, Router, render_json_error
from emulator.services.contentsafety.filter import (
    Judgement,
    detector,
    judge,
    neutralize_role_markers,
)
from emulator.services.inference import calls, limits
from emulator.services.inference.chat import ChatRequest, InvalidRequestError, parse, refusal
from emulator.services.inference.completion import DONE, Answer, event, refused_prompt, usage
from emulator.services.inference.models import Served, served_by
from emulator.services.inference.sign_in import sign_in
from emulator.services.machinelearningservices.endpoints import find_by_host
from emulator.state.errors import AzureError
from emulator.state.store import Resource

if TYPE_CHECKING:
    from emulator.training.inference import Piece

FILTER_HEADER = "x-foundry-emulator-filter"
# How much of an answer's end the filter looks at again with each new piece of a stream.
_WINDOW = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A request that may be answered: by whom, and whether the filter stands between."""

    request: Request
    endpoint: Resource
    served: Served
    chat: ChatRequest
    answer: Answer
    prompt: Judgement | None
    began: float
    """When it came in, on the machine's own clock: an answer takes real time."""

    def milliseconds(self) -> float:
        """Since it came in."""
        return (time.perf_counter() - self.began) * 1000


def _model_inference(request: Request) -> Response:
    return _chat(request, model_inference_api=True)


def _native(request: Request) -> Response:
    return _chat(request, model_inference_api=False)


def _chat(request: Request, *, model_inference_api: bool) -> Response:
    began = time.perf_counter()
    endpoint = _require_endpoint(request)
    sign_in(request, endpoint)
    limits.of(request.cloud).take(endpoint.id.key, request.cloud.clock.timestamp())
    extra = request.headers.get("extra-parameters", "error") if model_inference_api else "error"
    try:
        chat = parse(request.json(), extra_parameters=extra)
    except InvalidRequestError as problem:
        status, body = refusal(problem, model_inference_api=model_inference_api)
        calls.note(request.cloud, endpoint, status)
        return Response.json(body, status)
    filtered = model_inference_api and _filter_is_on(endpoint)
    prompt = judge(*(message["content"] for message in chat.messages)) if filtered else None
    if prompt is not None and prompt.blocked:
        calls.note(
            request.cloud,
            endpoint,
            400,
            streamed=chat.stream,
            is_checked=True,
            rejected="Prompt",
            category=prompt.gravest,
        )
        return Response.json(refused_prompt(prompt), 400, _filter_header(prompt))
    served = served_by(request.cloud, endpoint)
    question = _Question(
        request=request,
        endpoint=endpoint,
        served=served,
        chat=chat,
        prompt=prompt,
        began=began,
        answer=Answer(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(request.cloud.clock.timestamp()),
            model=served.name,
            fingerprint=served.model.fingerprint,
        ),
    )
    pieces = _pieces(question)
    if chat.stream:
        return Response.stream(
            _stream(question, pieces), "text/event-stream; charset=utf-8", _filter_header(prompt)
        )
    return _whole(question, pieces)


def _info(request: Request) -> Response:
    endpoint = _require_endpoint(request)
    sign_in(request, endpoint)
    served = served_by(request.cloud, endpoint)
    return Response.json(
        {
            "model_name": served.name,
            "model_type": "chat-completion",
            "model_provider_name": served.publisher,
        }
    )


def _require_endpoint(request: Request) -> Resource:
    name, region = request.parameters["endpoint"], request.parameters["region"]
    endpoint = find_by_host(request.cloud, name, region)
    if endpoint is None or endpoint.state in ("Creating", "Deleting"):
        raise AzureError(
            404,
            "EndpointNotFound",
            f"No serverless endpoint '{name}' serves in the region '{region}'.",
        )
    return endpoint


def _filter_is_on(endpoint: Resource) -> bool:
    return endpoint.properties["contentSafety"]["contentSafetyStatus"] == "Enabled"


def _filter_header(judgement: Judgement | None) -> dict[str, str]:
    if judgement is None:
        return {FILTER_HEADER: "off"}
    matched = ", ".join(judgement.rules) or "no rule"
    return {FILTER_HEADER: f"{detector()}; prompt matched {matched}"}


def _pieces(question: _Question) -> "Iterator[Piece]":
    from emulator.training.inference import ContextLengthError

    chat = question.chat
    messages = [
        {"role": message["role"], "content": neutralize_role_markers(message["content"])}
        for message in chat.messages
    ]
    try:
        return question.served.model.stream(
            messages,
            max_tokens=chat.max_tokens,
            temperature=chat.temperature,
            top_p=chat.top_p,
            seed=chat.seed,
            stop=chat.stop,
        )
    except ContextLengthError as error:
        raise AzureError(
            400,
            "context_length_exceeded",
            str(error),
            extra={"type": "invalid_request_error", "param": "messages"},
        ) from error


def _whole(question: _Question, pieces: "Iterator[Piece]") -> Response:
    content, reason, counts = "", "length", usage(0, 0)
    for piece in pieces:
        content += piece.text
        reason = piece.finish_reason or reason
        counts = usage(piece.prompt_tokens, piece.completion_tokens)
    judgement = judge(content) if question.prompt is not None else None
    if judgement is not None and judgement.blocked:
        content, reason = "", "content_filter"
    _count(question, counts, question.milliseconds(), judgement)
    body = question.answer.completion(
        content=content,
        finish_reason=reason,
        usage=counts,
        prompt=question.prompt,
        answer=judgement,
    )
    return Response.json(body, 200, _filter_header(question.prompt))


def _stream(question: _Question, pieces: "Iterator[Piece]") -> Iterator[bytes]:
    answer, filtered = question.answer, question.prompt is not None
    yield event(answer.chunk({"role": "assistant", "content": ""}, prompt=question.prompt))
    said, reason, counts = "", "length", usage(0, 0)
    judgement: Judgement | None = None
    first: float | None = None
    try:
        for piece in pieces:
            first = first or question.milliseconds()
            said = (said + piece.text)[-_WINDOW:]
            reason = piece.finish_reason or reason
            counts = usage(piece.prompt_tokens, piece.completion_tokens)
            # Judged before it is sent: what blocks an answer never leaves in the piece that does.
            judgement = judge(said) if filtered else None
            if judgement is not None and judgement.blocked:
                reason = "content_filter"
                break
            if piece.text:
                yield event(answer.chunk({"content": piece.text}, answer=judgement))
        yield event(answer.chunk({}, finish_reason=reason, answer=judgement))
        if question.chat.include_usage:
            yield event(answer.usage_chunk(counts))
    finally:  # also where the client hangs up: what was said until then counts
        _count(question, counts, first or question.milliseconds(), judgement)
    yield DONE


def _count(
    question: _Question, counts: dict[str, Any], milliseconds: float, judgement: Judgement | None
) -> None:
    cloud, blocked = question.request.cloud, judgement is not None and judgement.blocked
    limits.of(cloud).used_tokens(
        question.endpoint.id.key, counts["total_tokens"], cloud.clock.timestamp()
    )
    calls.note(
        cloud,
        question.endpoint,
        200,
        streamed=question.chat.stream,
        tokens=(counts["prompt_tokens"], counts["completion_tokens"]),
        milliseconds=milliseconds,
        is_checked=question.prompt is not None,
        rejected="Completion" if blocked else "",
        category=judgement.gravest if judgement is not None and blocked else "",
    )


def _failed(request: Request, error: AzureError) -> Response:
    """A refusal, counted where it was an endpoint's: also what a fault answers in its place."""
    if request.path.rstrip("/").endswith("/chat/completions"):
        parameters = request.parameters
        endpoint = find_by_host(request.cloud, parameters["endpoint"], parameters["region"])
        if endpoint is not None:
            calls.note(request.cloud, endpoint, error.status)
    return render_json_error(request, error)


PLANE = Plane(
    "{endpoint}.{region}.models.ai.azure.com",
    Router(
        (
            Route("POST", "/chat/completions", _model_inference),
            Route("POST", "/v1/chat/completions", _native),
            Route("GET", "/info", _info),
        )
    ).handle,
    _failed,
)
