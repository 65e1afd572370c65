"""A question that may be answered: whole or streamed, filtered where the filter stands between."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.http.messages import Request, Response
from emulator.services.contentsafety.filter import (
    Judgement,
    Unseen,
    detector,
    judge,
    neutralize_role_markers,
)
from emulator.services.inference import calls, limits
from emulator.services.inference.chat import ChatRequest
from emulator.services.inference.completion import DONE, Answer, Said, event, usage
from emulator.services.inference.models import Served
from emulator.state.errors import AzureError
from emulator.state.store import Resource

if TYPE_CHECKING:
    from emulator.training.inference import Piece

FILTER_HEADER = "x-foundry-emulator-filter"
# How much of an answer's end the filter looks at again with each new piece of a stream.
_WINDOW = 400
_SEED_STRIDE = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that may be answered: by whom, and whether the filter stands between."""

    request: Request
    endpoint: Resource
    served: Served
    chat: ChatRequest
    answer: Answer
    prompt: Judgement | None
    unseen: Sequence[Unseen] = ()
    """What a fault lets through the filter of its answer."""
    says: str | None = None
    """What a fault has the model say."""
    began: float
    """When it came in, on the machine's own clock: an answer takes real time."""

    def milliseconds(self) -> float:
        """Since it came in."""
        return (time.perf_counter() - self.began) * 1000


def answered(question: Question) -> Response:
    """The model's answer, whole or in a stream, behind the filter where it stands between."""
    pieces = _pieces(question)
    headers = filter_header(question.prompt)
    if question.chat.stream:
        stream = _stream(question, pieces)
        return Response.stream(stream, "text/event-stream; charset=utf-8", headers)
    return _whole(question, pieces, headers)


def filter_header(judgement: Judgement | None) -> dict[str, str]:
    """Which rules of the filter a prompt met, for whoever wonders why."""
    if judgement is None:
        return {FILTER_HEADER: "off"}
    matched = ", ".join(judgement.rules) or "no rule"
    return {FILTER_HEADER: f"{detector()}; prompt matched {matched}"}


def _pieces(question: Question) -> "list[Iterator[Piece]]":
    """The pieces of each choice; nothing is said until somebody listens."""
    from emulator.training.inference import ContextLengthError, Piece

    chat = question.chat
    if question.says is not None:
        piece = Piece(question.says, "stop", 0, len(question.says.split()))
        return [iter([piece]) for _ in range(chat.choices)]
    messages = [
        {"role": message["role"], "content": neutralize_role_markers(message["content"])}
        for message in chat.messages
    ]
    try:
        return [
            question.served.model.stream(
                messages,
                max_tokens=chat.max_tokens,
                temperature=chat.temperature,
                top_p=chat.top_p,
                # Each choice has chances of its own, and the first those of asking for one alone.
                seed=None if chat.seed is None else chat.seed + index * _SEED_STRIDE,
                stop=chat.stop,
                likeliest=chat.likeliest,
                form=chat.form,
            )
            for index in range(chat.choices)
        ]
    except ContextLengthError as error:
        raise AzureError(
            400,
            "context_length_exceeded",
            str(error),
            extra={"type": "invalid_request_error", "param": "messages"},
        ) from error


def _whole(
    question: Question, choices: "list[Iterator[Piece]]", headers: dict[str, str]
) -> Response:
    said: list[Said] = []
    read = written = 0
    for pieces in choices:
        one, read, tokens = _said(question, list(pieces))
        said.append(one)
        written += tokens
    counts = usage(read, written)
    _count(question, counts, question.milliseconds(), _gravest(one.judgement for one in said))
    body = question.answer.completion(said, counts, question.prompt)
    return Response.json(body, 200, headers)


def _said(question: Question, pieces: "list[Piece]") -> tuple[Said, int, int]:
    """A whole choice, and the tokens that it read and wrote."""
    content, last = "".join(piece.text for piece in pieces), pieces[-1]
    reason = last.finish_reason or "length"
    judgement = judge(content, unseen=question.unseen) if question.prompt is not None else None
    blocked = judgement is not None and judgement.blocked
    tokens = None
    if question.chat.likeliest is not None and not blocked:
        tokens = [token for piece in pieces for token in piece.tokens]
    said = Said(
        content="" if blocked else content,
        finish_reason="content_filter" if blocked else reason,
        judgement=judgement,
        tokens=tokens,
    )
    return said, last.prompt_tokens, last.completion_tokens


def _gravest(judgements: Iterable[Judgement | None]) -> Judgement | None:
    """One that blocked, where one did; else the last."""
    found: Judgement | None = None
    for judgement in judgements:
        if found is None or not found.blocked:
            found = judgement
    return found


def _stream(question: Question, choices: "list[Iterator[Piece]]") -> Iterator[bytes]:
    streams = [_Stream(question, index) for index in range(len(choices))]
    try:
        for stream, pieces in zip(streams, choices, strict=True):
            yield from stream.events(pieces)
        if question.chat.include_usage:
            yield event(question.answer.usage_chunk(_used(streams)))
    finally:  # also where the client hangs up: what was said until then counts
        first = next((one.first for one in streams if one.first), question.milliseconds())
        _count(question, _used(streams), first, _gravest(one.judgement for one in streams))
    yield DONE


class _Stream:
    """One choice on its way, piece by piece, and what is known of it so far."""

    def __init__(self, question: Question, index: int) -> None:
        self._question, self._index = question, index
        self.read = self.written = 0
        self.judgement: Judgement | None = None
        self.first: float | None = None
        """Milliseconds until its first piece."""

    def events(self, pieces: "Iterator[Piece]") -> Iterator[bytes]:
        """Its chunks, from the role to the finish reason."""
        question, answer = self._question, self._question.answer
        told = question.chat.likeliest is not None
        prompt = question.prompt if self._index == 0 else None
        yield event(answer.chunk(self._index, {"role": "assistant", "content": ""}, prompt=prompt))
        said, reason = "", "length"
        for piece in pieces:
            self.first = self.first or question.milliseconds()
            said = (said + piece.text)[-_WINDOW:]
            reason = piece.finish_reason or reason
            self.read, self.written = piece.prompt_tokens, piece.completion_tokens
            # Judged before it is sent: what blocks an answer never leaves in the piece that does.
            if question.prompt is not None:
                self.judgement = judge(said, unseen=question.unseen)
            if self.judgement is not None and self.judgement.blocked:
                reason = "content_filter"
                break
            if piece.text:
                chunk = answer.chunk(
                    self._index,
                    {"content": piece.text},
                    answer=self.judgement,
                    tokens=piece.tokens if told else None,
                )
                yield event(chunk)
        end = answer.chunk(self._index, {}, finish_reason=reason, answer=self.judgement)
        yield event(end)


def _used(streams: list[_Stream]) -> dict[str, int]:
    return usage(streams[0].read, sum(stream.written for stream in streams))


def _count(
    question: Question, counts: dict[str, Any], milliseconds: float, judgement: Judgement | None
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
