"""A chat request: read, validated, and refused the way the route it came by refuses.

`/chat/completions` is Azure's Model Inference API: what it doesn't take is 422 with a `detail`
that points at the parameter. `/v1/chat/completions` is the model's own OpenAI-style server: there
the same mistakes are 400 with an `error` object. Both shapes: Azure's reference of the Model
Inference API (ai-studio/reference/reference-model-inference-api.md) and the openai client.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

from emulator.grammar import Node
from emulator.services.inference import response_format
from emulator.services.inference.response_format import UnsupportedFormatError

ROLES = ("system", "developer", "user", "assistant")
# The API leaves the default to the model; an untrained stand-in would never stop by itself.
DEFAULT_MAX_TOKENS = 256
MAX_STOP_SEQUENCES = 4
MAX_CHOICES = 16
MAX_TOP_LOGPROBS = 20

ExtraParameters = Literal["error", "drop", "pass-through", "known"]
"""What becomes of parameters that the Model Inference API hasn't: its header's three words, and
`known` on the model's own route, where they are like any other."""

_EXTRA: dict[str, tuple[Any, ...]] = {"n": (1,), "logprobs": (False,), "top_logprobs": (0,)}
"""Microsoft's pages on Phi list these as extra parameters
(ai-foundry/how-to/deploy-models-phi-4.md, "Pass extra parameters to the model"). Their neutral
value changes nothing, so it is taken anywhere."""

# Parameters of the API that a small stand-in can't honour. Their neutral value is accepted, any
# other is refused by name: ignoring one would let a caller believe it had an effect.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "modalities": (["text"],),
}
_KNOWN = {
    "messages", "model", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "seed", "stream", "stream_options", "user", "store", "metadata", "response_format",
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
    choices: int
    likeliest: int | None
    """How many of the likeliest tokens are told beside each; None: no likelihoods at all."""
    form: Node | None
    """What the answer must be like; None is any text."""


def parse(body: Any, *, extra_parameters: ExtraParameters = "known") -> ChatRequest:
    """Read a decoded JSON body."""
    if not isinstance(body, dict):
        raise InvalidRequestError("The body must be a JSON object.", parameter="body")
    fields = cast("dict[str, Any]", body)
    _refuse_what_has_no_effect(fields, extra_parameters)
    if extra_parameters == "drop":
        fields = {name: value for name, value in fields.items() if name not in _EXTRA}
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
        choices=_integer(fields, "n", minimum=1, maximum=MAX_CHOICES) or 1,
        likeliest=_likeliest(fields),
        form=_form(fields.get("response_format")),
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


def _refuse_what_has_no_effect(fields: dict[str, Any], extra_parameters: ExtraParameters) -> None:
    for name, value in fields.items():
        if name in _KNOWN or value is None:
            continue
        if name in _EXTRA:
            if extra_parameters != "error" or value in _EXTRA[name]:
                continue
            message = (
                f"'{name}' is not a parameter of this API but one of the model's. Send the header "
                "'extra-parameters: pass-through' with it."
            )
            raise InvalidRequestError(message, parameter=name, value=value, unknown=True)
        if name in _NEUTRAL:
            if value in _NEUTRAL[name]:
                continue
            message = (
                f"'{name}' is not supported by foundry-emulator's stand-in for the model (its "
                "limit, not Azure's); leave it out."
            )
            raise InvalidRequestError(message, parameter=name, value=value, unknown=True)
        if extra_parameters in ("error", "known"):
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


def _likeliest(fields: dict[str, Any]) -> int | None:
    """How many likelihoods each token is told with."""
    count = _integer(fields, "top_logprobs", minimum=0, maximum=MAX_TOP_LOGPROBS)
    if _boolean(fields, "logprobs"):
        return count or 0
    if count:
        raise InvalidRequestError(
            "'top_logprobs' needs 'logprobs' to be true.", parameter="top_logprobs", value=count
        )
    return None


def _form(written: Any) -> Node | None:
    try:
        return response_format.read(written)
    except UnsupportedFormatError as error:
        raise InvalidRequestError(
            str(error), parameter="response_format", value=written, unknown=True
        ) from error


def _integer(
    fields: dict[str, Any], name: str, *, minimum: int | None = None, maximum: int | None = None
) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    wrong_type = not isinstance(value, int) or isinstance(value, bool)
    low = minimum is not None and not wrong_type and value < minimum
    high = maximum is not None and not wrong_type and value > maximum
    if wrong_type or low or high:
        least = "" if minimum is None else f" of at least {minimum}"
        within = least if maximum is None else f" from {minimum} to {maximum}"
        raise InvalidRequestError(
            f"'{name}' must be an integer{within}.", parameter=name, value=value
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
