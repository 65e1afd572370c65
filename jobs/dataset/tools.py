"""Calls of tools in a conversation: whether they have the form that a chat template writes out."""

from collections.abc import Generator, Iterator
from typing import Any, cast

import msgspec

Problem = tuple[str, str]
"""A path, and what is wrong there."""


def tool_problems(conversation: dict[str, Any]) -> Iterator[Problem]:
    """Path and words for everything wrong with the tools of a conversation and its calls of them.

    The form is that of OpenAI's chat completions, which the models' templates were written for.
    """
    declared = yield from _declared(conversation)
    messages: object = conversation.get("messages")
    known: set[str] = set()
    for index, message in enumerate(cast("list[Any]", messages)):
        if not isinstance(message, dict):
            continue
        fields = cast("dict[str, Any]", message)
        path = f"messages[{index}]"
        if "tool_calls" in fields:
            yield from _calls(fields, path, declared, known)
        if fields.get("role") == "tool":
            answered = fields.get("tool_call_id")
            if answered is not None and answered not in known:
                yield f"{path}.tool_call_id", "answers no call that came before it."


def _declared(conversation: dict[str, Any]) -> Generator[Problem, None, set[str] | None]:
    """The names of the functions that may be called; None where none are declared."""
    tools = conversation.get("tools")
    if tools is None:
        return None
    if not isinstance(tools, list):
        yield "tools", "no list of functions."
        return None
    names: set[str] = set()
    for index, tool in enumerate(cast("list[Any]", tools)):
        function = cast("dict[str, Any]", tool).get("function") if isinstance(tool, dict) else None
        name = cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name:
            names.add(name)
        else:
            yield f"tools[{index}]", "no function with a name."
    return names


def _calls(
    fields: dict[str, Any], path: str, declared: set[str] | None, known: set[str]
) -> Iterator[Problem]:
    calls = fields["tool_calls"]
    if calls is None:
        return
    if not isinstance(calls, list):
        yield f"{path}.tool_calls", "no list of calls."
        return
    if fields.get("role") != "assistant":
        yield f"{path}.tool_calls", "only the assistant calls tools."
    if not calls:
        yield f"{path}.tool_calls", "is empty; leave it out where nothing is called."
    for index, call in enumerate(cast("list[Any]", calls)):
        place = f"{path}.tool_calls[{index}]"
        if not isinstance(call, dict):
            yield place, "no call: an object with 'id', 'type' and 'function' is expected."
            continue
        given = cast("dict[str, Any]", call)
        if isinstance(given.get("id"), str):
            known.add(given["id"])
        if given.get("type", "function") != "function":
            yield f"{place}.type", "is not 'function', the only kind there is."
        yield from _function(given.get("function"), f"{place}.function", declared)


def _function(function: Any, path: str, declared: set[str] | None) -> Iterator[Problem]:
    if not isinstance(function, dict):
        yield path, "is missing; it has the 'name' and the 'arguments'."
        return
    fields = cast("dict[str, Any]", function)
    name, arguments = fields.get("name"), fields.get("arguments")
    if not isinstance(name, str) or not name:
        yield f"{path}.name", "is missing; nothing is called."
    elif declared is not None and name not in declared:
        yield f"{path}.name", f"'{name[:40]}' is not among the conversation's tools."
    if not isinstance(arguments, str):
        yield f"{path}.arguments", "must be JSON as text, in quotes."
        return
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        yield f"{path}.arguments", "is no JSON, so the call can't be made."
        return
    if not isinstance(value, dict):
        yield f"{path}.arguments", "is no JSON object of arguments."
