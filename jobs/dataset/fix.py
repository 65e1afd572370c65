"""A cleaned copy of a file, and a list of what was done to it. The file itself is never touched.

Only what has one right answer is done: marks, line ends and blank lines, broken lines and repeats
out, known aliases of roles, a last question without an answer, prompt and completion as a
conversation. What needs a person (an empty answer in the middle, two users in a row) is left out
with a word, never guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
from xxhash import xxh3_64_intdigest

from jobs.dataset import explain
from jobs.dataset.lines import blocks
from jobs.dataset.lint import Task
from jobs.dataset.privacy import private_in
from jobs.dataset.remarks import Remarks
from jobs.errors import UsageError
from jobs.files import open_regular

ALIASES = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
}
"""Other formats' names of roles, which mean one thing only."""

PLACEHOLDERS = {
    "FT-D041": "<secret>",
    "FT-D042": "<email>",
    "FT-D043": "<phone>",
    "FT-D044": "<card>",
    "FT-D045": "<account>",
}


class Deed(NamedTuple):
    """One thing that was done."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a file."""

    read: int
    """Lines that were read."""
    written: int
    """Conversations that were written."""
    deeds: tuple[Deed, ...]


def fix_file(
    path: Path, target: Path, *, task: Task = "chat_completion", mask: bool = False
) -> Fixed:
    """Write a cleaned copy of `path` to `target`, which must not exist.

    Raises:
        UsageError: The target is there already, or can't be written.
        UnreadableFileError: The file can't be read.
    """
    with open_regular(path) as file:
        try:
            out = target.open("xb")
        except FileExistsError:
            raise UsageError(
                f"{target} is there already; nothing is overwritten.",
                next_step="Name another file, or remove that one.",
            ) from None
        except OSError as error:
            raise UsageError(f"{target} can't be written: {error.strerror}.") from error
        with out:
            return _fix(file, out, task, mask=mask)


def _fix(file: BinaryIO, out: BinaryIO, task: Task, *, mask: bool) -> Fixed:
    deeds: list[Deed] = []
    first_met: dict[int, int] = {}
    read = written = 0
    for block in blocks(file):
        if block.too_long:
            deeds.append(Deed(block.first_line, f"left out: {block.too_long:,} bytes in one line"))
            read = block.first_line
            continue
        for number, line in _lines(block.data, block.first_line, deeds):
            read = number
            for cleaned in _clean(line, number, task, deeds, mask=mask):
                digest = xxh3_64_intdigest(msgspec.json.encode(cleaned))
                if digest in first_met:
                    deeds.append(Deed(number, f"left out: repeats line {first_met[digest]}"))
                    continue
                first_met[digest] = number
                out.write(msgspec.json.encode(cleaned) + b"\n")
                written += 1
    return Fixed(read, written, tuple(deeds))


def _lines(data: bytes, first: int, deeds: list[Deed]) -> Iterator[tuple[int, bytes]]:
    if first == 1 and data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        deeds.append(Deed(1, "removed the byte order mark"))
    for number, line in enumerate(data.split(b"\n"), first):
        if line.endswith(b"\r"):
            if not any(deed.what == _CRLF for deed in deeds):
                deeds.append(Deed(number, _CRLF))
            line = line.rstrip(b"\r")
        yield number, line


_CRLF = "wrote \\n for \\r\\n, here and on"


def _clean(
    line: bytes, number: int, task: Task, deeds: list[Deed], *, mask: bool
) -> Iterator[dict[str, Any]]:
    """The line as it should be; nothing if there is no telling."""
    remarks = Remarks()
    if not line.strip():
        deeds.append(Deed(number, "left out: a blank line"))
        return
    if task == "text_completion":
        pair = explain.text_line(remarks, line, number)
        if pair is None:
            deeds.append(Deed(number, _left_out(remarks)))
            return
        value: dict[str, Any] = {"prompt": pair[0], "completion": pair[1]}
        yield _masked(value, number, deeds) if mask else value
        return
    value = _mended(line, number, deeds)
    explain.whole(remarks, msgspec.json.encode(value) if value else line, number)
    if remarks.counts or not value:
        deeds.append(Deed(number, _left_out(remarks)))
        return
    yield _masked(value, number, deeds) if mask else value


def _mended(line: bytes, number: int, deeds: list[Deed]) -> dict[str, Any]:
    """The line with everything put right that has one right answer; empty if it is no object."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    if not isinstance(value, dict):
        return {}
    conversation = cast("dict[str, Any]", value)
    for prompt, completion in (("prompt", "completion"), ("text", "ground_truth")):
        asked, answered = conversation.get(prompt), conversation.get(completion)
        if "messages" not in conversation and isinstance(asked, str) and isinstance(answered, str):
            deeds.append(Deed(number, f"wrote {prompt} and {completion} as a conversation"))
            return {
                "messages": [
                    {"role": "user", "content": asked},
                    {"role": "assistant", "content": answered},
                ]
            }
    messages = conversation.get("messages")
    if not isinstance(messages, list):
        return conversation
    turns = [
        cast("dict[str, Any]", turn)
        for turn in cast("list[Any]", messages)
        if isinstance(turn, dict)
    ]
    if len(turns) != len(cast("list[Any]", messages)):
        return conversation
    for index, turn in enumerate(turns):
        role = turn.get("role")
        meant = ALIASES.get(role.lower()) if isinstance(role, str) else None
        if meant:
            deeds.append(Deed(number, f"messages[{index}].role: '{role}' is '{meant}'"))
            turn["role"] = meant
    while turns and turns[-1].get("role") in ("user", "system"):
        deeds.append(Deed(number, f"cut the last message, which is the {turns[-1]['role']}'s"))
        turns.pop()
    return {**conversation, "messages": turns}


def _masked(value: dict[str, Any], number: int, deeds: list[Deed]) -> dict[str, Any]:
    """The conversation with secrets and personal data replaced in every text."""
    if isinstance(value.get("messages"), list):
        return {
            **value,
            "messages": [
                {**turn, "content": _without(turn["content"], number, deeds)}
                if isinstance(turn.get("content"), str)
                else turn
                for turn in value["messages"]
            ],
        }
    return {key: _without(text, number, deeds) for key, text in value.items()}


def _without(text: str, number: int, deeds: list[Deed]) -> str:
    data = text.encode("utf-8", "surrogatepass")
    end = len(data)
    for item in sorted(set(private_in(data)), key=lambda item: -item.start):
        if item.end > end:
            continue  # overlaps one that is gone already
        data = data[: item.start] + PLACEHOLDERS[item.rule].encode() + data[item.end :]
        end = item.start
        deeds.append(Deed(number, f"put {PLACEHOLDERS[item.rule]} in the place of {item.kind}"))
    return data.decode("utf-8", "surrogatepass")


def _left_out(remarks: Remarks) -> str:
    first = remarks.kept[0] if remarks.kept else None
    if first is None:
        return "left out: no conversation"
    where = f"{first.path}: " if first.path else ""
    return f"left out: {where}{first.message.rstrip('.')} ({first.rule})"
