"""A cleaned copy of a file, and a list of what was done to it. The file itself is never touched.

Only what has one right answer is done: marks, line ends and blank lines, broken lines and repeats
out, known aliases of roles, a last question without an answer, other tools' formats and codings as
conversations in UTF-8. What needs a person (an empty answer in the middle, two users in a row) is
left out with a word, never guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
from xxhash import xxh3_64_intdigest

from jobs.dataset import explain
from jobs.dataset.conversations import Task
from jobs.dataset.formats import conversation_of, format_of, role_of
from jobs.dataset.layout import Columns, Record, layout_of, looks_foreign, table_rows
from jobs.dataset.lines import blocks
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import lint_file
from jobs.dataset.privacy import private_in
from jobs.dataset.remarks import Remarks
from jobs.errors import InvalidInputError
from jobs.files import open_regular, refuse_existing, whole_file
from jobs.findings import Finding
from jobs.rules import RULES

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
    """Rows that were read."""
    written: int
    """Conversations that were written."""
    deeds: tuple[Deed, ...]


def fix_file(
    path: Path,
    target: Path,
    *,
    task: Task = "chat_completion",
    mask: bool = False,
    columns: Columns | None = None,
    overwrite: bool = False,
) -> Fixed:
    """Write a cleaned copy of `path` to `target`; of a CSV file with these `columns`.

    Raises:
        UsageError: The target is there already, or can't be written.
        UnreadableFileError: The file can't be read.
        InvalidInputError: Nothing is left of it, so nothing is written.
    """
    refuse_existing(target, overwrite=overwrite)
    deeds: list[Deed] = []
    rows = _rows(path, task, columns, deeds)
    with whole_file(target, overwrite=overwrite) as out:
        fixed = _fix(rows, out, task, deeds, mask=mask)
        if not fixed.written:
            raise nothing_left(path, [_finding(path, deed) for deed in deeds[:_TOLD]])
    return fixed


def nothing_left(path: Path, findings: list[Finding]) -> InvalidInputError:
    """The error where a file has no conversation that could be written."""
    return InvalidInputError(
        f"{path} has no conversation that can be used; nothing is written.", findings=findings
    )


def _finding(path: Path, deed: Deed) -> Finding:
    return Finding(str(path), deed.line, 0, "", f"{deed.what}.", "FT-D002", "error")


_TOLD = 20
"""How many reasons are given where nothing is left."""


def _rows(
    path: Path, task: Task, columns: Columns | None, deeds: list[Deed]
) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, or what would be its lines if it had been written as lines."""
    if columns:
        deeds.append(Deed(1, "read as a table (CSV), a row a conversation"))
        return _encoded(table_rows(path, columns))
    tally = lint_file(path, Wish(task=task, private=False, limit=0))
    layout = layout_of(path, task) if looks_foreign(tally) else None
    if layout is None:
        return _plain(path, deeds)
    if not layout.rows:
        found = Finding(str(path), 0, 0, "", layout.says, "FT-D024", "error")
        raise InvalidInputError(
            f"{path} is no file of conversations; nothing is written.",
            findings=[found],
            next_step=layout.advice.replace("FILE", str(path)),
        )
    if layout.says:
        deeds.append(Deed(1, f"read as what it is: {layout.says.rstrip('.')}"))
    return _encoded(iter(layout.rows))


def _encoded(rows: Iterator[Record]) -> Iterator[tuple[int, bytes]]:
    for number, value in rows:
        yield number, value if isinstance(value, bytes) else msgspec.json.encode(value)


def _plain(path: Path, deeds: list[Deed]) -> Iterator[tuple[int, bytes]]:
    with open_regular(path) as file:
        for block in blocks(file):
            if block.too_long:
                what = f"left out: {block.too_long:,} bytes in one line"
                deeds.append(Deed(block.first_line, what))
                continue
            yield from _lines(block.data, block.first_line, deeds)


def _fix(
    rows: Iterator[tuple[int, bytes]], out: BinaryIO, task: Task, deeds: list[Deed], *, mask: bool
) -> Fixed:
    first_met: dict[int, int] = {}
    read = written = 0
    for number, line in rows:
        read += 1
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
    if not value or any(RULES[rule].severity == "error" for rule in remarks.counts):
        deeds.append(Deed(number, _left_out(remarks)))
        return
    yield _masked(value, number, deeds) if mask else value


def _mended(line: bytes, number: int, deeds: list[Deed]) -> dict[str, Any]:
    """The line with everything put right that has one right answer; empty if it is no object."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    if name := format_of(value):
        meant = conversation_of(value)
        if meant is None:
            return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if name == "roles by other names":
            _say_roles(value["messages"], number, deeds)
        else:
            deeds.append(Deed(number, f"wrote {name} as a conversation"))
        value = meant
    if not isinstance(value, dict):
        return {}
    conversation = cast("dict[str, Any]", value)
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
    while turns and turns[-1].get("role") in ("user", "system"):
        deeds.append(Deed(number, f"cut the last message, which is the {turns[-1]['role']}'s"))
        turns.pop()
    return {**conversation, "messages": turns}


def _say_roles(turns: list[Any], number: int, deeds: list[Deed]) -> None:
    for index, turn in enumerate(turns):
        role = cast("dict[str, Any]", turn).get("role") if isinstance(turn, dict) else None
        if meant := role_of(role):
            deeds.append(Deed(number, f"messages[{index}].role: '{role}' is '{meant}'"))


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
