"""Rows of other tools' formats: what they are called, and what conversation each is.

Only formats that mean one thing are conversations; of a preference a person chooses.
"""

from typing import Any, cast

ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "developer": "system",
}
"""Other formats' names of roles, which mean one thing only."""
ROLES = ("system", "user", "assistant", "tool")

_PAIRS = (("prompt", "completion"), ("text", "ground_truth"))


def role_of(name: object) -> str | None:
    """The role that is meant by another name for it; None if it is right, or no role at all."""
    if not isinstance(name, str) or name in ROLES:
        return None
    lower = name.strip().lower()
    return lower if lower in ROLES else ALIASES.get(lower)


def format_of(row: object) -> str:
    """The name of a row's format; empty where it is a conversation, or nothing that is known."""
    if isinstance(row, str):
        return "JSON in JSON" if row.lstrip().startswith("{") else ""
    if isinstance(row, list):
        return "lists of messages" if _are_messages(cast("list[Any]", row)) else ""
    if not isinstance(row, dict):
        return ""
    fields = cast("dict[str, Any]", row)
    if isinstance(messages := fields.get("messages"), list):
        return "roles by other names" if _renamed(cast("list[Any]", messages)) else ""
    if isinstance(messages, str) and messages.lstrip().startswith("["):
        return "JSON in JSON"
    if "chosen" in fields and "rejected" in fields:
        return "preferences"
    if isinstance(fields.get("conversations"), list):
        return "ShareGPT"
    if isinstance(fields.get("instruction"), str) and isinstance(fields.get("output"), str):
        return "Alpaca"
    for asked, answered in _PAIRS:
        if isinstance(fields.get(asked), str) and isinstance(fields.get(answered), str):
            return f"{asked} and {answered}"
    return ""


def conversation_of(row: object) -> dict[str, Any] | None:
    """The row as a conversation; None where its format is none that means one thing."""
    from msgspec import DecodeError, json

    name = format_of(row)
    if name == "JSON in JSON":
        try:
            inner = json.decode(row if isinstance(row, str) else cast("Any", row)["messages"])
        except (DecodeError, RecursionError):
            return None
        if isinstance(row, dict):
            inner = {**cast("dict[str, Any]", row), "messages": inner}
        if not isinstance(inner, dict):
            return None
        return conversation_of(cast("object", inner)) or cast("dict[str, Any]", inner)
    if name == "lists of messages":
        return {"messages": _messages(cast("list[Any]", row), "role", "content")}
    if not name or name == "preferences":
        return None
    fields = cast("dict[str, Any]", row)
    if name == "roles by other names":
        return {**fields, "messages": _messages(fields["messages"], "role", "content")}
    if name == "ShareGPT":
        turns = _messages(fields["conversations"], "from", "value")
        system = fields.get("system")
        return {"messages": _with_system(system, turns), **_tools(fields)}
    if name == "Alpaca":
        more = fields.get("input")
        asked = fields["instruction"] + (f"\n\n{more}" if isinstance(more, str) and more else "")
        turns = pair(asked, fields["output"])["messages"]
        return {"messages": _with_system(fields.get("system"), turns)}
    asked, answered = name.split(" and ")
    return pair(fields[asked], fields[answered])


def pair(asked: str, answered: str, system: str = "") -> dict[str, Any]:
    """One question and its answer as a conversation."""
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return {"messages": _with_system(system, turns)}


def _with_system(system: object, turns: list[Any]) -> list[Any]:
    is_prompt = isinstance(system, str) and system.strip()
    return [{"role": "system", "content": system}, *turns] if is_prompt else turns


def _tools(fields: dict[str, Any]) -> dict[str, Any]:
    return {"tools": fields["tools"]} if isinstance(fields.get("tools"), list) else {}


def _messages(turns: list[Any], role: str, content: str) -> list[Any]:
    """The turns with this format's names of fields and roles; what is no turn stays as it is."""
    found: list[Any] = []
    for turn in turns:
        if not isinstance(turn, dict):
            found.append(turn)
            continue
        fields = cast("dict[str, Any]", turn)
        kept = {key: value for key, value in fields.items() if key not in (role, content)}
        said = {"content": fields[content]} if content in fields else {}
        name = fields.get(role)
        found.append({"role": role_of(name) or name, **said, **kept})
    return found


def _are_messages(row: list[Any]) -> bool:
    return bool(row) and all(isinstance(one, dict) and "role" in one for one in row)


def _renamed(messages: list[Any]) -> bool:
    turns = [cast("dict[str, Any]", one) for one in messages if isinstance(one, dict)]
    return any(role_of(turn.get("role")) for turn in turns)
