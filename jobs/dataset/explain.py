"""Says in words what is odd about a line. Slow, and only called for lines that are.

Each function adds to the remarks of a pass. What the service does with such a line is known from
its own code (azureml-acft-contrib-hf-nlp 0.0.91): it skips the line with a warning nobody reads.
"""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from jobs.dataset.formats import ROLES, format_of, role_of
from jobs.dataset.lines import MAX_LINE_BYTES
from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.tools import tool_problems
from jobs.suggestions import did_you_mean
from jobs.terminal.output import printable

MESSAGE_FIELDS = (
    "role",
    "content",
    "name",
    "weight",
    "tool_calls",
    "tool_call_id",
    "function_call",
)
CONVERSATION_FIELDS = ("messages", "tools", "functions", "parallel_tool_calls")


def line(remarks: Remarks, text: bytes, number: int) -> bool:
    """Everything wrong with a line that did not decode; whether it can be trained on at all."""
    if not text.strip():
        remarks.add(Remark("FT-D008", number, "", "a blank line; the service skips it."))
        return False
    conversation = _parsed(remarks, text, number)
    if conversation is None or _is_unreviewed(remarks, conversation, number):
        return False
    messages = conversation.get("messages")
    if not isinstance(messages, list):
        _no_messages(remarks, conversation, number)
        return False
    before = _errors(remarks)
    for index, message in enumerate(cast("list[Any]", messages)):
        _message(remarks, message, index, number)
    for path, said in tool_problems(conversation):
        remarks.add(Remark("FT-D018", number, path, said))
    if not messages:
        remarks.add(Remark("FT-D010", number, "messages", "is empty; nothing is said."))
    sound = before == _errors(remarks)
    roles = _roles(cast("list[Any]", messages))
    if roles:
        order(remarks, roles, number)
    return sound


def _errors(remarks: Remarks) -> int:
    """How much was said that makes the service skip a line."""
    return sum(count for rule, count in remarks.counts.items() if rule not in _STILL_READ)


_STILL_READ = ("FT-D018", "FT-D025", "FT-D026", "FT-D027")
"""Rules about lines that the service takes as they are."""


def whole(remarks: Remarks, text: bytes, number: int) -> None:
    """Everything wrong with a line, whether or not it decodes: its parts, its order, its texts."""
    if not line(remarks, text, number):
        return
    messages = msgspec.json.decode(text)["messages"]
    said = [message.get("content") for message in messages]
    texts(remarks, [content if isinstance(content, str) else "-" for content in said], number)


def _roles(messages: list[Any]) -> tuple[str, ...]:
    """Who speaks, in order; nothing where one of them can't be told, for no order can either."""
    found = [
        cast("dict[str, Any]", message).get("role") if isinstance(message, dict) else None
        for message in messages
    ]
    return tuple(str(role) for role in found) if all(role in ROLES for role in found) else ()


def order(remarks: Remarks, roles: tuple[str, ...], number: int) -> bool:
    """What is wrong with the order of the roles; whether nothing is."""
    problems = order_problems(roles)
    for rule, path, message in problems:
        remarks.add(Remark(rule, number, path, message))
    return not problems


def order_problems(roles: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Rule, path and words for each thing wrong with an order of roles."""
    if not roles:
        return [("FT-D010", "messages", "is empty; nothing is said.")]
    problems: list[tuple[str, str, str]] = []
    expected = "user"
    for index, role in enumerate(roles):
        path = f"messages[{index}].role"
        if role == "system":
            if index:
                text = "a system message belongs first, and once."
                problems.append(("FT-D014", path, text))
        elif role == "tool":
            if index == 0 or roles[index - 1] not in ("assistant", "tool"):
                problems.append(("FT-D015", path, "a tool answers an assistant's call only."))
            expected = "assistant"
        else:
            if role != expected:
                previous = roles[index - 1] if index else ""
                said = (
                    "the assistant speaks before any user has."
                    if role == "assistant" and previous in ("", "system")
                    else f"'{role}' twice in a row; user and assistant take turns."
                )
                problems.append(("FT-D015", path, said))
            expected = "assistant" if role == "user" else "user"
    if roles[-1] != "assistant":
        text = f"the last message must come from the assistant, not the {roles[-1]}."
        problems.append(("FT-D016", f"messages[{len(roles) - 1}].role", text))
    return problems


def texts(remarks: Remarks, contents: Sequence[str], number: int) -> None:
    """Which of the contents are empty, or hold what is no character."""
    for index, text in enumerate(contents):
        path = f"messages[{index}].content"
        if not text.strip():
            remarks.add(Remark("FT-D013", number, path, _EMPTY))
        elif control := _CONTROL.search(text):
            said = f"holds the control character U+{ord(control[0]):04X}."
            remarks.add(Remark("FT-D019", number, path, said))


def too_long(remarks: Remarks, number: int, length: int) -> None:
    """A line that is too long to be looked at."""
    text = f"{length:,} bytes in one line; more than {MAX_LINE_BYTES:,} is not looked at."
    remarks.add(Remark("FT-D006", number, "", text))


def carriage_returns(remarks: Remarks, lines: Sequence[bytes], first_line: int) -> None:
    """Windows line ends, said once for a file."""
    if "FT-D005" in remarks.counts:
        return
    for offset, text in enumerate(lines):
        if text.endswith(b"\r"):
            message = "lines end in CRLF, as Windows writes them."
            remarks.add(Remark("FT-D005", first_line + offset, "", message))
            return


def text_line(remarks: Remarks, text: bytes, number: int) -> tuple[str, str] | None:
    """Prompt and completion of a text-completion line, or everything wrong with it."""
    if not text.strip():
        remarks.add(Remark("FT-D008", number, "", "a blank line; the service skips it."))
        return None
    value = _parsed(remarks, text, number)
    if value is None or _is_unreviewed(remarks, value, number):
        return None
    for prompt, completion in (("prompt", "completion"), ("text", "ground_truth")):
        if prompt in value or completion in value:
            break
    else:
        found = ", ".join(printable(key, 20) for key in list(value)[:5])
        message = (
            f"has neither 'prompt' and 'completion' nor 'text' and 'ground_truth', but {found}."
        )
        remarks.add(Remark("FT-D010", number, "", message))
        return None
    said: list[str] = []
    for key in (prompt, completion):
        item = value.get(key)
        if not isinstance(item, str):
            remarks.add(Remark("FT-D012", number, key, f"{_kind(item)} where text is expected."))
        elif not item.strip():
            remarks.add(Remark("FT-D013", number, key, _EMPTY))
        else:
            said.append(item)
    return (said[0], said[1]) if len(said) == 2 else None


def _is_unreviewed(remarks: Remarks, value: dict[str, Any], number: int) -> bool:
    """Whether a line waits for a person; nothing else is said of it then."""
    if value.get("status") != "todo":
        return False
    remarks.add(Remark("FT-D029", number, "status", "nobody has written the right answer yet."))
    return True


def _parsed(remarks: Remarks, text: bytes, number: int) -> dict[str, Any] | None:
    try:
        text.decode()
        value = msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        message = f"not UTF-8: the byte 0x{text[error.start]:02x} at position {error.start + 1}."
        remarks.add(Remark("FT-D003", number, "", message))
        return None
    except RecursionError:
        remarks.add(Remark("FT-D009", number, "", "nested too deep to be a conversation."))
        return None
    except msgspec.DecodeError as error:
        if _HALF_SURROGATE.search(text):
            remarks.add(Remark("FT-D019", number, "", _HALF))
        else:
            remarks.add(Remark("FT-D009", number, "", _json_words(str(error))))
        return None
    if not isinstance(value, dict):
        message = f"{_kind(value)} where an object with 'messages' is expected."
        remarks.add(Remark("FT-D010", number, "", message))
        return None
    return cast("dict[str, Any]", value)


def _no_messages(remarks: Remarks, conversation: dict[str, Any], number: int) -> None:
    if "messages" in conversation:
        message = f"{_kind(conversation['messages'])} where a list of messages is expected."
        remarks.add(Remark("FT-D010", number, "messages", message))
        return
    if name := format_of(conversation):
        message = f"no 'messages': this is {name}. `foundry-tune dataset fix` writes conversations."
        if name == "preferences":
            message = "no 'messages': this is a preference. Keep the chosen answer of it."
    else:
        keys = [key for key in conversation if key]
        hint = next((key for key in keys if did_you_mean(key, ["messages"])), "")
        message = "no 'messages'."
        message += f" Is '{printable(hint)}' meant to be it?" if hint else ""
    remarks.add(Remark("FT-D010", number, "", message))


def _message(remarks: Remarks, message: Any, index: int, number: int) -> None:
    path = f"messages[{index}]"
    if not isinstance(message, dict):
        text = f"{_kind(message)} where a message is expected."
        remarks.add(Remark("FT-D012", number, path, text))
        return
    fields = cast("dict[str, Any]", message)
    role = fields.get("role")
    if not isinstance(role, str):
        hint = next((f" Is '{printable(k)}' it?" for k in fields if did_you_mean(k, ["role"])), "")
        text = "is missing." if "role" not in fields else f"{_kind(role)} where a role is expected."
        remarks.add(Remark("FT-D012", number, f"{path}.role", text + hint))
    elif role not in ROLES:
        meant = role_of(role)
        hint = f" Did you mean '{meant}'?" if meant else did_you_mean(role, ROLES)
        text = f"'{printable(role)}' is not a role.{hint}"
        remarks.add(Remark("FT-D011", number, f"{path}.role", text))
    if "content" not in fields and "tool_calls" not in fields:
        near = next((key for key in fields if did_you_mean(key, ["content"])), "")
        text = f"is missing. Is '{printable(near)}' it?" if near else "is missing."
        remarks.add(Remark("FT-D012", number, f"{path}.content", text))
    elif fields.get("content") is not None or "tool_calls" not in fields:
        _content(remarks, fields.get("content"), f"{path}.content", number)
    if isinstance(content := fields.get("content"), str):
        _meant(remarks, content, f"{path}.content", number)
    if role == "assistant" and fields.get("weight") == 0:
        text = "is 0, and the service doesn't weigh: the model learns this answer too."
        remarks.add(Remark("FT-D027", number, f"{path}.weight", text))


def _meant(remarks: Remarks, text: str, path: str, number: int) -> None:
    """What a text says that was hardly meant to be learnt."""
    if token := TEMPLATE_TOKEN.search(text):
        said = f"holds '{token[0]}', which the chat template writes itself, and would twice."
        remarks.add(Remark("FT-D025", number, path, said))
    if text.strip() in _NOTHING:
        said = f"is the word '{text.strip()}', which a program writes for nothing."
        remarks.add(Remark("FT-D026", number, path, said))


TEMPLATE_TOKEN = re.compile(
    r"<\|(?:user|assistant|system|tool|end|endoftext|im_start|im_end|im_sep|start_header_id"
    r"|end_header_id|eot_id|begin_of_text|end_of_text|tool_call|tool_response)\|>"
    r"|\[/?INST\]|<</?SYS>>|</?s>"
)
_NOTHING = ("null", "None", "undefined", "NaN", "nan")


def _content(remarks: Remarks, content: Any, path: str, number: int) -> None:
    if isinstance(content, str):
        if not content.strip():
            remarks.add(Remark("FT-D013", number, path, _EMPTY))
        return
    if isinstance(content, list) and content:
        for index, part in enumerate(cast("list[Any]", content)):
            kind = cast("dict[str, Any]", part).get("type") if isinstance(part, dict) else None
            if kind != "text":
                text = f"a part of type '{kind}'; this fine-tuning learns from text only."
                remarks.add(Remark("FT-D012", number, f"{path}[{index}]", text))
        return
    remarks.add(Remark("FT-D012", number, path, f"{_kind(content)} where text is expected."))


_EMPTY = "is empty; there is nothing to learn from it."
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HALF = "half of a surrogate pair (\\ud800 to \\udfff alone) is no character."
_HALF_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_POSITION = re.compile(r"\(byte (\d+)\)")


def _json_words(error: str) -> str:
    place = _POSITION.search(error)
    where = f" at position {int(place[1]) + 1}" if place else ""
    what = _POSITION.sub("", error).replace("JSON is malformed:", "").strip(" .:-")
    if "truncated" in what:
        return "not valid JSON: the line ends in the middle."
    return f"not valid JSON: {what}{where}."


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
