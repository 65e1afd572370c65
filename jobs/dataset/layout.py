"""What a file is as a whole, where it isn't a conversation a line: its coding, and its layout.

Looked at only when the lines make no sense one by one: a good file costs nothing.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from jobs.dataset.conversations import Task
from jobs.dataset.formats import format_of, pair
from jobs.dataset.lint import Tally
from jobs.errors import InvalidInputError
from jobs.files import read_bounded

MAX_BYTES = 512 * 1000 * 1000
"""No more than the service takes is read as a whole."""


class Columns(NamedTuple):
    """Which columns of a table are what."""

    user: str
    assistant: str
    system: str = ""


class Record(NamedTuple):
    """One row of a file, and where it begins."""

    line: int
    value: Any
    """The JSON value, or the line as bytes where it is none."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written that isn't a conversation a line."""

    says: str
    """What it is, in a sentence."""
    rows: tuple[Record, ...] = ()
    """What is in it; empty where that can't be told without a word from a person."""
    is_guess: bool = False
    """Whether the coding was guessed from what the bytes may be."""
    advice: str = "`foundry-tune dataset fix` writes it as conversations."


def looks_foreign(tally: Tally) -> bool:
    """Whether so many lines make no sense that the file may be something else as a whole."""
    counts = tally.remarks.counts
    unread = sum(counts.get(rule, 0) for rule in NO_SENSE)
    return bool(counts.get("FT-D003")) or unread * 2 > tally.lines or not tally.conversations


NO_SENSE = ("FT-D003", "FT-D006", "FT-D009", "FT-D010", "FT-D011", "FT-D012")
"""What is said of lines that are read as conversations, and are none."""


def layout_of(path: Path, task: Task = "chat_completion") -> Layout | None:
    """What the file is as a whole; None where each line stands for itself.

    Raises:
        UnreadableFileError: It can't be read.
    """
    data = read_bounded(path, MAX_BYTES)
    text, coding = _decoded(data)
    if text is None:
        return None
    first_line = text.lstrip().partition("\n")[0]
    is_whole = "\n" in text and not _is_json(first_line.rstrip(" \t\r,"))
    found = _whole(text) if is_whole else None
    found = found or _one_list(text) or _lines(text, coding, task)
    if found is None and _is_table(path, first_line):
        return _table(first_line, coding)
    if found is None or not coding:
        return found
    says = f"{coding}; {found.says}" if found.says else f"{coding}, where UTF-8 is read."
    return replace(found, says=says, is_guess=coding == _GUESS)


def table_rows(path: Path, columns: Columns) -> Iterator[Record]:
    """The rows of a CSV file as conversations.

    Raises:
        UnreadableFileError: It can't be read.
        InvalidInputError: It is no table, or has no such column.
    """
    text, _ = _decoded(read_bounded(path, MAX_BYTES))
    if text is None:
        raise InvalidInputError(
            f"{path} is in no coding that is known.", next_step="Save it as UTF-8."
        )
    header = text.partition("\n")[0]
    csv.field_size_limit(MAX_BYTES)
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=_delimiter(header), strict=True)
    names = [name for name in (reader.fieldnames or []) if name]
    for column in filter(None, columns):
        if column not in names:
            raise InvalidInputError(
                f"{path}:1: has no column '{column}', but {', '.join(names) or 'none'}.",
                next_step="Name its columns: --user COLUMN --assistant COLUMN [--system COLUMN].",
            )
    line = 2
    try:
        for row in reader:
            system = row.get(columns.system) or "" if columns.system else ""
            value = pair(row[columns.user] or "", row[columns.assistant] or "", system)
            yield Record(line, value)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInputError(
            f"{path}:{reader.line_num}: is no CSV: {error}.",
            next_step="Close the quotes; write a quote inside of them twice.",
        ) from None


def _decoded(data: bytes) -> tuple[str | None, str]:
    """The text, and the name of its coding unless that is UTF-8."""
    for mark, coding, name in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(coding), name
            except UnicodeDecodeError:
                return None, ""
    if len(data) > 8 and not len(data) % 2 and data[1:200:2].count(0) * 4 > len(data[1:200:2]) * 3:
        try:
            return data.decode("utf-16-le"), "UTF-16"
        except UnicodeDecodeError:
            return None, ""
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        pass
    # Where a part of the file is UTF-8 it isn't Windows-1252: somebody has mixed two.
    if _MULTIBYTE.search(data) or _UNDEFINED.search(data) or b"\0" in data:
        return None, ""
    return data.decode("cp1252"), _GUESS


_GUESS = "Windows-1252"


_MARKS = (
    (b"\xff\xfe\0\0", "utf-32", "UTF-32"),
    (b"\0\0\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def _whole(text: str) -> Layout | None:
    """One JSON value over several lines, or several that are indented."""
    body = text.strip()
    if not body.startswith(("[", "{")):
        return None
    values = _values(text)
    if not values:
        return None
    if len(values) == 1 and isinstance(values[0].value, list):
        return _one_list(text)
    if not all(isinstance(row.value, dict) for row in values):
        return None
    if len(values) == 1:
        held = _held(values[0].value)
        if held:
            key, rows = held
            count = f"one JSON object whose '{key}' has {len(rows):,} rows{_named(rows)}."
            return Layout(count, tuple(Record(1, row) for row in rows))
    name = _named([row.value for row in values])
    return Layout(f"{len(values):,} JSON objects over several lines each{name}.", tuple(values))


def _one_list(text: str) -> Layout | None:
    """One JSON array, in one line or in many."""
    if not text.lstrip().startswith("["):
        return None
    values = _values(text)
    if len(values) != 1 or not isinstance(values[0].value, list):
        return None
    rows = cast("list[Any]", values[0].value)
    if not rows or not all(isinstance(row, dict) for row in rows) or format_of(rows):
        return None
    lines = _beginnings(text)
    numbers = lines if len(lines) == len(rows) else [1] * len(rows)
    says = f"one JSON array of {len(rows):,} rows{_named(rows)}, not one a line."
    return Layout(says, tuple(map(Record, numbers, rows)))


def _lines(text: str, coding: str, task: Task) -> Layout | None:
    """Lines that are right but for their ends, their coding or their format."""
    only_returns = "\n" not in text and text.count("\r") > 1
    lines = text.split("\r") if only_returns else text.split("\n")
    rows: list[Record] = []
    commas = False
    for number, line in enumerate(lines, 1):
        body = line.strip()
        if body.endswith(("},", "],")):
            body, commas = body[:-1], True
        if not body:
            continue
        if not _is_json(body):
            if not rows:
                return None
            rows.append(Record(number, line.encode("utf-8", "surrogatepass")))
            continue
        rows.append(Record(number, _value(body)))
    if not rows:
        return None
    odd: list[str] = []
    if only_returns:
        odd.append("lines end in CR alone, as on old Macs")
    if commas:
        odd.append("lines end in a comma")
    names = [format_of(row.value) for row in rows]
    if names[0] and task == "chat_completion":
        odd.append(f"rows are {_title(names[0])}")
    if not odd:
        return Layout("", tuple(rows)) if coding else None
    says = " and ".join(odd) + "."
    if names[0] == "preferences" and task == "chat_completion":
        return Layout(says, advice=_PREFERENCES)
    return Layout(says, tuple(rows))


_PREFERENCES = (
    "They are for preference tuning (DPO), which this service doesn't do for Phi: keep the chosen "
    "answer of each as a conversation."
)


def _is_table(path: Path, first_line: str) -> bool:
    if first_line.startswith(("{", "[")) or not first_line.strip():
        return False
    known = path.suffix.lower() in (".csv", ".tsv")
    return known or len(next(csv.reader([first_line], delimiter=_delimiter(first_line)))) > 1


def _table(header: str, coding: str) -> Layout:
    names = next(csv.reader([header.strip("\r")], delimiter=_delimiter(header)))
    some = ", ".join(f"'{name[:30]}'" for name in names[:6])
    says = f"{coding + '; ' if coding else ''}a table (CSV) with the columns {some}."
    advice = (
        "Say which columns are what: `foundry-tune dataset fix FILE --from csv --user COLUMN "
        "--assistant COLUMN`."
    )
    return Layout(says, advice=advice)


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _values(text: str) -> list[Record]:
    """The JSON values that a text is, one after the other; none where it is something else."""
    decode = json.JSONDecoder().raw_decode
    values: list[Record] = []
    position, line, counted = 0, 1, 0
    while match := _CONTENT.search(text, position):
        begin = match.start()
        line, counted = line + text.count("\n", counted, begin), begin
        try:
            value, position = decode(text, begin)
        except (ValueError, RecursionError):
            return []
        values.append(Record(line, value))
    return values


_CONTENT = re.compile(r"[^\s,\ufeff]")


def _beginnings(text: str) -> list[int]:
    """The lines on which an array's objects begin; counted by brackets outside of texts."""
    depth, line, found = 0, 1, list[int]()
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark == "\n":
            line += 1
        elif mark in "{[":
            depth += 1
            if depth == 2 and mark == "{":
                found.append(line)
        elif mark in "}]":
            depth -= 1
    return found


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]\n]')


def _held(value: dict[str, Any]) -> tuple[str, list[Any]] | None:
    for key in ("data", "train", "rows", "examples", "items", "samples"):
        rows = value.get(key)
        if isinstance(rows, list) and rows:
            return key, cast("list[Any]", rows)
    return None


def _named(rows: list[Any]) -> str:
    name = format_of(rows[0])
    return f" in the format of {_title(name)}" if name else ""


def _title(name: str) -> str:
    words = {"roles by other names": "conversations with other names of roles"}
    return words.get(name, name)


def _is_json(text: str) -> bool:
    return _value(text) is not _NO_VALUE


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return _NO_VALUE


_NO_VALUE = object()
