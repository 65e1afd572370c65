"""Asking an endpoint, with the openai client, on the route that Azure filters.

Only Azure's Model Inference API (`{endpoint}/chat/completions`) passes the content filter;
`/v1/chat/completions` goes straight to the model. So the client's base URL is the endpoint itself.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from jobs.errors import FoundryTuneError, RefusedError, RemoteError, SignInError, UnreachableError
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.pace import Pace, ThrottledError, asked_to_wait
from jobs.foundry.refusals import refusal, translated
from jobs.foundry.session import Session

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam


ROUTE = "/chat/completions"
"""The filtered route; the reports of probes and smoke tests name it."""

API_VERSION = "2024-05-01-preview"
TOKEN_SCOPE = "https://ml.azure.com/.default"
"""What callers without a key ask Entra ID for; azure-ai-inference's default."""

_CATEGORIES = ("hate", "self_harm", "sexual", "violence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """What the content filter saw, whether or not it refused; None where Azure doesn't say."""

    prompt: Mapping[str, str] | None = None
    """The severity of each harm category in the question."""
    answer: Mapping[str, str] | None = None
    """The same in the answer."""
    jailbreak: bool | None = None
    """Whether the question tries to talk the model out of its rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said."""

    text: str
    finish_reason: str
    fingerprint: str
    """Azure's `system_fingerprint`: a stand-in says so here."""
    tokens: int
    prompt_tokens: int = 0
    annotations: Annotations = field(default_factory=Annotations)
    seconds: float = 0.0
    """To the whole answer, without waiting for the rate limit."""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    """As the chat completions API has them."""
    logprobs: Sequence[float] | None = None
    """The natural logarithm of each of its tokens' probability; None where the endpoint gives none,
    or nobody asked."""

    @property
    def severities(self) -> Mapping[str, str]:
        """What the content filter made of the answer, by category, where Azure says."""
        said = self.annotations.answer or {}
        return {category: severity for category, severity in said.items() if severity}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the content filter said instead of the model."""

    code: str
    where: str
    """`prompt` or `answer`."""
    severities: Mapping[str, str]
    """The categories that were filtered, with their severity, where Azure says."""
    seconds: float = 0.0
    """To the refusal, without waiting for the rate limit."""
    annotations: Annotations = field(default_factory=Annotations)


class ParameterRefusedError(RefusedError):
    """The endpoint doesn't take a parameter; nothing was answered, so nothing was paid."""

    parameter: str


Messages = Sequence[Mapping[str, Any]]

# The Model Inference API has no log probabilities of its own: it hands parameters that it doesn't
# know on to the model where it is told to (ai-foundry/how-to/deploy-models-phi-4.md, "Pass extra
# parameters to the model", which lists logprobs for Phi).
_HANDED_ON = {"extra-parameters": "pass-through"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked, and how it is to be answered."""

    messages: Messages
    max_tokens: int
    temperature: float
    tools: Sequence[Any]
    logprobs: bool
    seed: int | None
    form: Mapping[str, Any] | None


class Chat:
    """A conversation partner behind one endpoint."""

    def __init__(
        self,
        uri: str,
        key: str,
        *,
        retries: int = 2,
        timeout: float = 60.0,
        pace: Pace | None = None,
    ) -> None:
        from openai import DefaultHttpxClient, OpenAI

        self._pace = pace or Pace()
        self._takes_no_form = False
        self._client = OpenAI(
            base_url=uri,
            api_key=key,
            max_retries=retries,
            timeout=timeout,
            default_query={"api-version": API_VERSION},
            http_client=DefaultHttpxClient(event_hooks={"response": [_leave_waiting_to_us]}),
        )

    def ask(
        self,
        messages: Messages,
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        tools: Sequence[Any] = (),
        logprobs: bool = False,
        seed: int | None = None,
        form: Mapping[str, Any] | None = None,
    ) -> Answer | Refusal:
        """One answer, whole; a refusal of the content filter is a value, not an error.

        `form` is a `response_format` to keep to for an endpoint that takes one; by Microsoft's
        pages Phi has no JSON mode, so the messages have to ask for it too.

        Raises:
            ParameterRefusedError: The endpoint takes no tools, or gives no log probabilities.
        """
        wanted = _Wanted(messages, max_tokens, temperature, tools, logprobs, seed, form)
        return self._pace.keep(lambda: self._timed(wanted))

    def _timed(self, wanted: "_Wanted") -> Answer | Refusal:
        began = time.monotonic()
        said = self._as_it_takes(wanted)
        return replace(said, seconds=round(time.monotonic() - began, 6))

    def _as_it_takes(self, wanted: "_Wanted") -> Answer | Refusal:
        """The answer in the form that is wanted, or in none where the endpoint takes none."""
        if wanted.form is None or self._takes_no_form:
            return self._ask(replace(wanted, form=None))
        try:
            return self._ask(wanted)
        except ParameterRefusedError as refused:
            if refused.parameter != "response_format":
                raise
            self._takes_no_form = True
            return self._ask(replace(wanted, form=None))

    def _ask(self, wanted: "_Wanted") -> Answer | Refusal:
        from openai import omit

        try:
            with _translated():
                reply = self._client.chat.completions.create(
                    model="default",
                    messages=cast("list[ChatCompletionMessageParam]", list(wanted.messages)),
                    max_tokens=wanted.max_tokens,
                    temperature=wanted.temperature,
                    tools=list(wanted.tools) or omit,
                    logprobs=True if wanted.logprobs else omit,
                    seed=omit if wanted.seed is None else wanted.seed,
                    response_format=cast("Any", wanted.form) or omit,
                    extra_headers=_HANDED_ON if wanted.logprobs else None,
                )
                choice = reply.choices[0]
                seen = _annotated(
                    getattr(reply, "prompt_filter_results", None),
                    getattr(choice, "content_filter_results", None),
                )
                if choice.finish_reason == "content_filter":
                    return Refusal(
                        code="content_filter",
                        where="answer",
                        severities=_filtered(getattr(choice, "content_filter_results", None)),
                        annotations=seen,
                    )
                return Answer(
                    text=_text(choice.message.content),
                    finish_reason=_text(choice.finish_reason),
                    fingerprint=_text(reply.system_fingerprint),
                    tokens=reply.usage.completion_tokens if reply.usage else 0,
                    prompt_tokens=reply.usage.prompt_tokens if reply.usage else 0,
                    annotations=seen,
                    tool_calls=_calls(choice.message.tool_calls),
                    logprobs=_logprobs(choice.logprobs) if wanted.logprobs else None,
                )
        except _FilteredError as filtered:
            return filtered.refusal

    def stream(
        self,
        messages: Messages,
        say: Callable[[str], None],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
    ) -> Answer | Refusal:
        """The same, piece by piece to `say` as the model speaks."""
        return self._pace.keep(lambda: self._stream(messages, say, max_tokens, temperature))

    def _stream(
        self,
        messages: Messages,
        say: Callable[[str], None],
        max_tokens: int,
        temperature: float,
    ) -> Answer | Refusal:
        pieces: list[str] = []
        finish_reason = fingerprint = ""
        prompt_results: Any = None
        results: Any = None
        try:
            with _translated():
                for chunk in self._client.chat.completions.create(
                    model="default",
                    messages=cast("list[ChatCompletionMessageParam]", list(messages)),
                    max_tokens=max_tokens,
                    temperature=temperature,
                    stream=True,
                ):
                    fingerprint = chunk.system_fingerprint or fingerprint
                    prompt_results = getattr(chunk, "prompt_filter_results", None) or prompt_results
                    for choice in chunk.choices:
                        # Each piece's results are of all that was said until then.
                        results = getattr(choice, "content_filter_results", None) or results
                        finish_reason = str(choice.finish_reason or finish_reason)
                        if choice.delta.content:
                            pieces.append(choice.delta.content)
                            say(choice.delta.content)
        except _FilteredError as filtered:
            return filtered.refusal
        seen = _annotated(prompt_results, results)
        if finish_reason == "content_filter":
            return Refusal(
                code="content_filter",
                where="answer",
                severities=_filtered(results),
                annotations=seen,
            )
        if not finish_reason:
            raise _unusable("it broke off before its end" if pieces else "nothing came")
        return Answer(
            text="".join(pieces),
            finish_reason=finish_reason,
            fingerprint=fingerprint,
            tokens=len(pieces),
            annotations=seen,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


class _FilteredError(Exception):
    """Carries a refusal of the content filter out of the client's call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class _translated:  # noqa: N801 - reads as the verb it is
    """The openai client's errors as ours, by status and code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        import openai

        if error is None:
            return
        if isinstance(error, openai.APIStatusError):
            body: Any = error.body
            fields = _inner(body)
            if error.status_code == 400 and fields.get("code") == "content_filter":
                raise _FilteredError(_refusal(fields)) from error
            if error.status_code == 401:
                raise SignInError(
                    "The endpoint doesn't accept its key.",
                    next_step="Was it regenerated just now? Run the same command again.",
                ) from error
            refused = refusal(
                error.status_code,
                str(fields.get("code") or ""),
                _words(fields),
                "ask the endpoint",
            )
            if error.status_code in (400, 422) and (parameter := _parameter(fields)):
                refused = _without(refused, parameter)
            if error.status_code == 429:
                refused = ThrottledError(refused.message, next_step=refused.next_step)
                refused.seconds = asked_to_wait(error.response.headers)
            raise refused from error
        if isinstance(error, openai.APIConnectionError):
            raise UnreachableError(
                "The endpoint could not be reached.",
                next_step="Check the network and HTTPS_PROXY, then run the same command again.",
            ) from error
        if isinstance(error, openai.OpenAIError):
            raise _unusable(type(error).__name__) from error
        if isinstance(error, (ValueError, TypeError, AttributeError, KeyError, IndexError)):
            # The client builds its objects from whatever JSON comes, and fails where they are used.
            raise _unusable("it is not what a chat completion looks like") from error


def _leave_waiting_to_us(response: Any) -> None:
    """Have the openai client not repeat a 429 by itself: it would wait without a word."""
    if response.status_code == 429:
        response.headers["x-should-retry"] = "false"


def _unusable(why: str) -> RemoteError:
    return RemoteError(
        f"The endpoint's answer could not be used: {why}.", next_step="Run the same command again."
    )


def _text(value: object) -> str:
    """A field that may be nothing, and is text otherwise.

    Raises:
        TypeError: It is something else; the client doesn't look.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value or ""


def _words(fields: dict[str, Any]) -> str:
    """What is wrong; Azure's Model Inference API says which parameter beside the message."""
    detail: Any = fields.get("detail")
    said: Any = cast("dict[str, Any]", detail).get("msg") if isinstance(detail, dict) else None
    return str(said or fields.get("message") or "")


def _parameter(fields: dict[str, Any]) -> str:
    """Which parameter an endpoint doesn't take, in the words of either of its routes."""
    detail: Any = fields.get("detail")
    place: Any = cast("dict[str, Any]", detail).get("loc") if isinstance(detail, dict) else None
    steps = [str(step) for step in cast("list[Any]", place)] if isinstance(place, list) else []
    named = [step for step in steps if step != "body"]
    return named[0] if named else str(fields.get("param") or "")


def _without(refused: FoundryTuneError, parameter: str) -> ParameterRefusedError:
    named = ParameterRefusedError(refused.message, next_step=refused.next_step)
    named.parameter = parameter
    return named


def _logprobs(given: Any) -> list[float] | None:
    """The log probabilities of an answer's tokens; an answer that only calls tools has none."""
    if given is None:
        return None
    found = [float(token.logprob) for token in given.content or ()]
    if any(math.isnan(one) or one > 0 for one in found):
        raise ValueError("a logarithm of a probability is above 0")
    return found


def _calls(calls: Any) -> list[dict[str, Any]]:
    """The calls of functions in an answer, as plain values."""
    return [
        {
            "function": {
                "name": _text(call.function.name),
                "arguments": _text(call.function.arguments),
            }
        }
        for call in calls or ()
    ]


def _inner(body: Any) -> dict[str, Any]:
    """The error object, bare as the openai client gives it or wrapped as Azure sends it."""
    if not isinstance(body, dict):
        return {}
    fields = cast("dict[str, Any]", body)
    inner = fields.get("error")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else fields


def _refusal(fields: dict[str, Any]) -> Refusal:
    inner: dict[str, Any] = fields.get("innererror") or {}
    # Singular is what the service sends, plural what its documents show: both are read.
    results = inner.get("content_filter_result") or inner.get("content_filter_results")
    return Refusal(
        code="content_filter",
        where="prompt",
        severities=_filtered(results),
        annotations=_annotated([{"content_filter_results": results}], None),
    )


def _filtered(results: Any) -> dict[str, str]:
    if not isinstance(results, dict):
        return {}
    said = cast("dict[str, Any]", results)
    return {
        category: str(said[category].get("severity") or "")
        for category in _CATEGORIES
        if isinstance(said.get(category), dict) and said[category].get("filtered")
    }


def _annotated(prompt_results: Any, answer_results: Any) -> Annotations:
    """The filter's results in Azure's shapes: of the first prompt, and of the one choice."""
    listed = cast("list[Any]", prompt_results) if isinstance(prompt_results, list) else []
    first = listed[0] if listed else None
    of_prompt = (
        cast("dict[str, Any]", first).get("content_filter_results")
        if isinstance(first, dict)
        else None
    )
    prompt = cast("dict[str, Any]", of_prompt) if isinstance(of_prompt, dict) else {}
    jailbreak: Any = prompt.get("jailbreak")
    return Annotations(
        prompt=_severities(of_prompt),
        answer=_severities(answer_results),
        jailbreak=bool(cast("dict[str, Any]", jailbreak).get("detected"))
        if isinstance(jailbreak, dict)
        else None,
    )


def _severities(results: Any) -> dict[str, str] | None:
    if not isinstance(results, dict):
        return None
    said = cast("dict[str, Any]", results)
    found = {
        category: str(said[category].get("severity") or "")
        for category in _CATEGORIES
        if isinstance(said.get(category), dict)
    }
    return found or None


def open_chat(
    session: Session, endpoint: Endpoint, pause: Callable[[float], None] = time.sleep
) -> Chat:
    """Somebody to ask, behind an endpoint; the key is fetched now and kept nowhere."""
    pace = Pace(session.arm.tell, pause)
    if endpoint.auth_mode == "AAD":
        with translated("sign in to the endpoint"):
            token = session.arm.credential.get_token(TOKEN_SCOPE).token
            return Chat(endpoint.uri, token, pace=pace)
    return Chat(endpoint.uri, endpoints.key(session, endpoint.name), pace=pace)
