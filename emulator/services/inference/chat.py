"""A chat request: read, validated, and refused the way the route it came by refuses.

`/chat/completions` is Azure's Model Inference API: what it doesn't take is 422 with a `detail`
that points at the parameter. `/v1/chat/completions` is the model's own OpenAI-style server: there
the same mistakes are 400 with an `error` object. Both shapes: Azure's reference of the Model
Inference API (ai-studio/reference/reference-model-inference-api.md) and the openai client.
"""

from dataclasses import dataclass
from typing import Any, cast

ROLES = ("system", "developer", "user", "assistant")
# The API leaves the default to the model; an untrained stand-in would never stop by itself.
DEFAULT_MAX_TOKENS = 256
MAX_STOP_SEQUENCES = 4

# Parameters of the API that a small stand-in can't honour. Their neutral value is accepted, any
# other is refused by name: ignoring one would let a caller believe it had an effect.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ("text", {"type": "text"}),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "modalities": (["text"],),
}
_KNOWN = {
    "messages", "model", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "seed", "stream", "stream_options", "user", "store", "metadata",
}  # fmt: skip


class InvalidRequestError(Exception):
    """A request the endpoint can't take: which parameter, and why."""

    def __init__(self, message: str, *, parameter: str, value: Any = None, unknown: bool = False):
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.value = value
        self.unknown = unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A request whose every field is usable; None leaves the choice to the model."""

    messages: tuple[dict[str, str], ...]
    max_tokens: int
    temperature: float | None
    top_p: float | None
    stop: tuple[str, ...]
    seed: int | None
    stream: bool
    include_usage: bool


def parse(body: Any, *, extra_parameters: str = "error") -> ChatRequest:
    """Read a decoded JSON body; `extra_parameters` is the header of the Model Inference API."""
    if not isinstance(body, dict):
        raise InvalidRequestError("The body must be a JSON object.", parameter="body")
    fields = cast("dict[str, Any]", body)
    _refuse_what_has_no_effect(fields, extra_parameters)
    limit = _integer(fields, "max_tokens", minimum=1)
    limit = limit or _integer(fields, "max_completion_tokens", minimum=1)
    options: Any = fields.get("stream_options") or {}
    return ChatRequest(
        messages=_messages(fields.get("messages")),
        max_tokens=limit or DEFAULT_MAX_TOKENS,
        temperature=_number(fields, "temperature", maximum=2.0),
        top_p=_number(fields, "top_p", maximum=1.0),
        stop=_stop(fields.get("stop")),
        seed=_integer(fields, "seed"),
        stream=_boolean(fields, "stream"),
        include_usage=isinstance(options, dict)
        and bool(cast("dict[str, Any]", options).get("include_usage")),
    )


def refusal(
    problem: InvalidRequestError, *, model_inference_api: bool
) -> tuple[int, dict[str, Any]]:
    """The status and body with which the route says what is wrong."""
    if model_inference_api:
        return 422, {
            "status": 422,
            "code": "parameter_not_supported" if problem.unknown else "invalid_parameter",
            "message": "One of the parameters contain invalid values.",
            "detail": {
                "loc": ["body", problem.parameter],
                "input": problem.value,
                "msg": problem.message,
            },
        }
    return 400, {
        "error": {
            "message": problem.message,
            "type": "invalid_request_error",
            "param": problem.parameter,
            "code": "unsupported_parameter" if problem.unknown else "invalid_value",
        }
    }


def _refuse_what_has_no_effect(fields: dict[str, Any], extra_parameters: str) -> None:
    for name, value in fields.items():
        if name in _KNOWN or value is None:
            continue
        if name in _NEUTRAL:
            if value in _NEUTRAL[name]:
                continue
            message = f"'{name}' is not supported by this model; leave it out."
            raise InvalidRequestError(message, parameter=name, value=value, unknown=True)
        if extra_parameters == "error":
            message = f"'{name}' is not a parameter of this API."
            raise InvalidRequestError(message, parameter=name, value=value, unknown=True)


def _messages(value: Any) -> tuple[dict[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise InvalidRequestError(
            "'messages' must be a list with at least one message.",
            parameter="messages",
            value=value,
        )
    messages = [_message(index, item) for index, item in enumerate(cast("list[Any]", value))]
    if messages[-1]["role"] == "system":
        raise InvalidRequestError(
            "The last message must be a user's or an assistant's, not the system's.",
            parameter="messages",
        )
    return tuple(messages)


def _message(index: int, item: Any) -> dict[str, str]:
    where = f"messages.{index}"
    if not isinstance(item, dict):
        raise InvalidRequestError(f"'{where}' must be an object.", parameter=where, value=item)
    fields = cast("dict[str, Any]", item)
    role = fields.get("role")
    if role not in ROLES:
        raise InvalidRequestError(
            f"'{where}.role' must be one of {', '.join(ROLES)}; it is {role!r}.",
            parameter=f"{where}.role",
            value=role,
        )
    content = _text(fields.get("content"), f"{where}.content")
    return {"role": "system" if role == "developer" else role, "content": content}


def _text(content: Any, where: str) -> str:
    """A message's text: a string, or the API's list of text parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts: list[str] = []
        for part in cast("list[Any]", content):
            fields: Any = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
            if fields.get("type") != "text" or not isinstance(fields.get("text"), str):
                raise InvalidRequestError(
                    f"'{where}' may hold text parts only; this model takes no images or audio.",
                    parameter=where,
                    unknown=True,
                )
            texts.append(fields["text"])
        return "".join(texts)
    raise InvalidRequestError(f"'{where}' must be a string.", parameter=where, value=content)


def _integer(fields: dict[str, Any], name: str, *, minimum: int | None = None) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    wrong_type = not isinstance(value, int) or isinstance(value, bool)
    if wrong_type or (minimum is not None and value < minimum):
        least = "" if minimum is None else f" of at least {minimum}"
        raise InvalidRequestError(
            f"'{name}' must be an integer{least}.", parameter=name, value=value
        )
    return value


def _number(fields: dict[str, Any], name: str, *, maximum: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
        raise InvalidRequestError(
            f"'{name}' must be a number from 0 to {maximum:g}.", parameter=name, value=value
        )
    return float(value)


def _boolean(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidRequestError(f"'{name}' must be true or false.", parameter=name, value=value)


def _stop(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    sequences = [value] if isinstance(value, str) else value
    if (
        not isinstance(sequences, list)
        or len(cast("list[Any]", sequences)) > MAX_STOP_SEQUENCES
        or not all(isinstance(item, str) and item for item in cast("list[Any]", sequences))
    ):
        raise InvalidRequestError(
            f"'stop' must be a string or up to {MAX_STOP_SEQUENCES} strings, none empty.",
            parameter="stop",
            value=value,
        )
    return tuple(cast("list[str]", sequences))
