"""Conversations of a file as text, for what has to read them and not only check their form."""

import json
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, cast

import msgspec

from jobs.dataset import explain
from jobs.dataset.lines import blocks
from jobs.dataset.remarks import Remarks
from jobs.files import open_regular

Task = Literal["chat_completion", "text_completion"]
Role = Literal["system", "user", "assistant", "tool"]


class Message(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """One turn."""

    role: Role
    content: str


class Conversation(NamedTuple):
    """A line that can be trained on."""

    line: int
    messages: Sequence[Message]
    raw: bytes
    """The line as it is in the file; `lint` leaves it out where it says no more than messages."""

    @property
    def system(self) -> str | None:
        """The system prompt, if there is one."""
        first = self.messages[0]
        return first.content if first.role == "system" else None

    @property
    def beyond_texts(self) -> str:
        """What else is sent of it: tools, calls of them, names; as the JSON that it is."""
        if b'"tool' not in self.raw and b'"name"' not in self.raw:
            return ""
        fields = fields_of(self.raw)
        parts: list[Any] = [fields["tools"]] if fields.get("tools") else []
        for message in fields.get("messages", ()):
            parts += [message[key] for key in ("name", "tool_calls") if message.get(key)]
        return "\n".join(msgspec.json.encode(part).decode() for part in parts)

    @property
    def turns(self) -> list[str]:
        """What user and assistant say, without the system prompt that many lines share."""
        return [message.content for message in self.messages if message.role != "system"]


class _Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    messages: list[Message]


class _LooseMessage(msgspec.Struct, gc=False):
    role: Role
    content: str


class _LooseLine(msgspec.Struct, gc=False):
    messages: list[_LooseMessage]


_decode_strictly = msgspec.json.Decoder(_Line).decode
_decode_loosely = msgspec.json.Decoder(_LooseLine).decode


def read_conversations(
    path: str | os.PathLike[str],
    task: Task = "chat_completion",
    *,
    only: Container[int] | None = None,
) -> Iterator[Conversation]:
    """The usable conversations of a file, in order; what `lint` refuses is left out.

    `only` names the lines that are wanted; the others are not decoded.

    Text completion reads as one user turn and one assistant turn.

    Raises:
        UnreadableFileError: The file can't be opened.
    """
    with open_regular(path) as file:
        for block in blocks(file):
            if block.too_long:
                continue
            data = block.data
            if block.first_line == 1 and data.startswith(b"\xef\xbb\xbf"):
                data = data[3:]
            for number, line in enumerate(data.split(b"\n"), block.first_line):
                if only is not None and number not in only:
                    continue
                messages = messages_of(line, number, task)
                if messages:
                    yield Conversation(number, messages, line)


def messages_of(line: bytes, number: int, task: Task) -> Sequence[Message]:
    """The messages of a line; none if it is no usable conversation."""
    if task == "chat_completion":
        return _chat(line)
    pair = explain.text_line(Remarks(0), line, number)
    return as_messages(pair) if pair else ()


def as_messages(pair: tuple[str, str]) -> Sequence[Message]:
    """Text completion's prompt and completion as a conversation."""
    return Message("user", pair[0]), Message("assistant", pair[1])


def fields_of(line: bytes) -> dict[str, Any]:
    """All fields of a line that was read as a conversation.

    A number that no double holds is text here; the service reads it, and so must we.
    """
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return json.loads(line, parse_int=str, parse_float=str)


def batches(conversations: Iterable[Conversation]) -> Iterator[list[Conversation]]:
    """The conversations in lists of some hundred, or of fewer that together have a megabyte."""
    batch: list[Conversation] = []
    size = 0
    for one in conversations:
        batch.append(one)
        size += len(one.raw)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


BATCH = 256
BATCH_BYTES = 1 << 20
"""What is made of a batch should fit the processor's cache, and has to fit memory."""


def _chat(line: bytes) -> list[Message]:
    try:
        return _decode_strictly(line).messages
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    if b'"status"' in line and not explain.line(Remarks(0), line, 1):
        return []
    try:
        line.decode()  # msgspec skips the fields that it isn't asked for, whatever bytes they are
        return [Message(m.role, m.content) for m in _decode_loosely(line).messages]
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _with_tools(line) if explain.line(Remarks(0), line, 1) else []


def _with_tools(line: bytes) -> list[Message]:
    """A conversation whose contents are missing (a tool is called) or in parts."""
    messages: list[Message] = []
    for message in fields_of(line)["messages"]:
        content = message.get("content")
        if isinstance(content, list):
            parts = cast("list[dict[str, str]]", content)
            content = " ".join(part.get("text", "") for part in parts)
        messages.append(Message(message["role"], content or ""))
    return messages
