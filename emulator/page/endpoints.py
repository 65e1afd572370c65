"""Serverless endpoints, and a chat with one: asked as an application asks it, filter and all."""

import json
from dataclasses import dataclass
from typing import Any, cast

from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.page import online
from emulator.page.asking import ask_with_key
from emulator.page.rendering import form, render
from emulator.page.resources import find
from emulator.services.machinelearningservices import deployed
from emulator.state.errors import bad_request
from emulator.state.json_text import Json, decode_json, encode_json
from emulator.state.store import Resource

_MOST_TURNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An endpoint, in words."""

    id: str
    name: str
    host: str
    state: str
    model: str
    filter: str
    sign_in: str

    @property
    def takes_keys(self) -> bool:
        """Whether it can be asked from here: the page is nobody, and has no token of Entra."""
        return self.sign_in != "AAD"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: str
    content: str


def listed(front: Front, request: Request) -> Response:
    """Every endpoint, of both kinds."""
    found = [_row(endpoint) for endpoint in front.cloud.resources.of_type(deployed.ENDPOINTS)]
    values = {"endpoints": found, "online": online.rows(front.cloud)}
    return render(front, request, "endpoints.html", values)


def one(front: Front, request: Request) -> Response:
    """An endpoint that nobody has asked yet."""
    return _shown(front, request, find(front.cloud, request, deployed.ENDPOINTS), [], "")


def ask(front: Front, request: Request) -> Response:
    """Put a question to it, with what was said before; the page keeps the conversation."""
    endpoint = find(front.cloud, request, deployed.ENDPOINTS)
    filled = form(request)
    said, question = _turns(filled.get("said", "[]")), filled.get("question", "").strip()
    if not question:
        return _shown(front, request, endpoint, said, "")
    asked = [*said, Turn("user", question)][-_MOST_TURNS:]
    answer, refusal = _answer(front, endpoint, asked)
    if refusal:
        # Not kept in what is said: a refused question would be refused with every later one.
        return _shown(front, request, endpoint, said, refusal, question)
    return _shown(front, request, endpoint, [*asked, Turn("assistant", answer)], "")


def _shown(
    front: Front,
    request: Request,
    endpoint: Resource,
    said: list[Turn],
    refusal: str,
    asked: str = "",
) -> Response:
    kept = encode_json([{"role": turn.role, "content": turn.content} for turn in said])
    values = {"endpoint": _row(endpoint), "said": said, "kept": kept}
    return render(front, request, "endpoint.html", values | {"refusal": refusal, "asked": asked})


def _turns(text: str) -> list[Turn]:
    try:
        turns: Any = json.loads(text)
        return [Turn(str(turn["role"]), str(turn["content"])) for turn in turns][-_MOST_TURNS:]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise bad_request("What was said before is not readable. Begin anew.") from error


def _answer(front: Front, endpoint: Resource, turns: list[Turn]) -> tuple[str, str]:
    """The answer, or why there is none."""
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    asked = encode_json({"messages": messages}).encode()
    response = ask_with_key(front, endpoint, _host(endpoint), "/chat/completions", asked)
    body: Json = decode_json(response.body) if isinstance(response.body, bytes) else {}
    if response.status == 200:
        choice: Json = body["choices"][0]
        text = str(choice["message"].get("content") or "")
        if choice.get("finish_reason") == "content_filter":
            return "", "The content filter stopped the answer."
        return text, ""
    error = cast("Json", body.get("error") or body)
    code, message = error.get("code", ""), error.get("message", "")
    return "", f"{response.status} {code}: {message}"


def _row(endpoint: Resource) -> Row:
    return Row(
        id=endpoint.id.text,
        name=endpoint.name,
        host=_host(endpoint),
        state=str(endpoint.properties.get("endpointState") or endpoint.state),
        model=deployed.model_id(endpoint),
        filter=str(endpoint.properties["contentSafety"]["contentSafetyStatus"]),
        sign_in=str(endpoint.properties["authMode"]),
    )


def _host(endpoint: Resource) -> str:
    return f"{endpoint.name}.{endpoint.location}.models.ai.azure.com".lower()
