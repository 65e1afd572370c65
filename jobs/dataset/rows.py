"""Rows as the training program has them: a form for each task, what breaks it told by line.

The rules and their words are the program's (`training/tuning/rows.py`), which imports nothing of
ours: a test holds the two together, row by row.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.dataset.lines import blocks
from jobs.dataset.privacy import find_private
from jobs.dataset.remarks import Remark, Remarks
from jobs.files import open_regular
from jobs.findings import Finding
from jobs.values import mapping, sequence

Row = dict[str, Any]

SHAPES: Mapping[str, str] = {
    "chat": '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}',
    "text": '{"text": "…"} or {"prompt": "…", "completion": "…"}',
    "classification": '{"text": "…", "label": "…"}',
    "custom": "what `check` of the task's file takes",
    "preference": '{"prompt": "…" or […], "chosen": "…", "rejected": "…"}',
}
"""A row of each task."""
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Rows:
    """A file of a task's rows, looked at."""

    count: int
    longest: int
    """Bytes of the longest row: it has no more tokens than that, but for the template's marks."""
    labels: Counter[str]
    findings: tuple[Finding, ...]


def check_rows(
    path: Path,
    name: str,
    task: str,
    *,
    labels: Sequence[str] | None = None,
    answers_only: bool = False,
    also: Callable[[Row], str | None] = lambda _: None,
    limit: int = 20,
) -> Rows:
    """Everything that the program would refuse in a file, and what no file should hold.

    `labels` are those of the head; None where it isn't known. `answers_only`: with a loss over
    completions alone, where a text without one teaches nothing. `also` says what
    else is wrong with a row that is one of the task.

    Raises:
        UnreadableFileError: It can't be read.
    """
    remarks = Remarks(limit)
    found: Counter[str] = Counter()
    count = longest = 0
    with open_regular(path) as file:
        for block in blocks(file):
            if block.too_long:
                message = f"a line of {block.too_long:,} bytes; nobody writes such a row."
                remarks.add(Remark("FT-D006", block.first_line, "", message))
                continue
            find_private(block.data, block.first_line, remarks)
            for number, line in enumerate(block.data.split(b"\n"), block.first_line):
                if not line.strip():
                    continue
                count += 1
                longest = max(longest, len(line))
                row, wrong = _read(line)
                wrong = wrong or problem(row, task, labels=labels, answers_only=answers_only)
                fields = mapping(row) or {}
                if wrong:
                    said = f"{wrong} A row is {SHAPES[task]}."
                    remarks.add(Remark("FT-T004", number, "", said))
                elif said := also(fields):
                    remarks.add(Remark("FT-T004", number, "", said))
                elif task == "classification":
                    found[str(fields["label"])] += 1
    if not count:
        remarks.add(Remark("FT-D002", 0, "", f"no rows. A row is {SHAPES[task]}."))
    return Rows(count, longest, found, tuple(remarks.findings(name)))


def longest_row(path: Path) -> int:
    """Bytes of the longest line of a file.

    Raises:
        UnreadableFileError: It can't be read.
    """
    with open_regular(path) as file:
        lines = (line for block in blocks(file) for line in block.data.split(b"\n"))
        return max(map(len, lines), default=0)


def problem(
    row: object, task: str, *, labels: Sequence[str] | None = None, answers_only: bool = False
) -> str | None:
    """What is wrong with a row, if anything, in the program's words."""
    fields = mapping(row)
    if fields is None:
        return "no object."
    if task == "custom":
        return None  # the program asks the task's own file, whose code isn't run here
    if task == "chat":
        return _of_messages(fields.get("messages"), answered=True)
    if task == "text":
        if "text" in fields and not answers_only:
            return _of_texts(fields, "text")
        return _of_texts(fields, "prompt", "completion")
    if task == "classification":
        label = fields.get("label")
        if labels is None and (not isinstance(label, str) or not label.strip()):
            return "`label` is no text, or empty."
        if labels is not None and label not in labels:
            return f"the label {label!r} is none of {', '.join(labels)}."
        return _of_texts(fields, "text")
    if isinstance(fields.get("prompt"), list):
        wrong = _of_messages(fields["prompt"], answered=False)
        return wrong or _of_texts(fields, "chosen", "rejected")
    wrong = _of_texts(fields, "prompt", "chosen", "rejected")
    same = fields.get("chosen") == fields.get("rejected")
    return wrong or ("`chosen` and `rejected` are the same." if same else None)


def _read(line: bytes) -> tuple[object, str]:
    """A row, or what keeps it from being one."""
    try:
        return json.loads(line.decode("utf-8")), ""
    except json.JSONDecodeError as error:
        return None, f"{error.msg}."
    except UnicodeDecodeError:
        return None, "not UTF-8."
    except (RecursionError, ValueError):
        return None, "nested or numbered beyond reading."


def _of_texts(row: Row, *names: str) -> str | None:
    for name in names:
        if not isinstance(row.get(name), str) or not row[name].strip():
            return f"`{name}` is no text, or empty."
    return None


def _of_messages(messages: object, *, answered: bool) -> str | None:
    turns = sequence(messages)
    if not turns:
        return "`messages` is no list, or empty."
    role = None
    for number, message in enumerate(turns, 1):
        fields = mapping(message)
        if fields is None or not isinstance(fields.get("content"), str):
            return f"message {number} has no text as `content`."
        role = fields.get("role")
        if role not in ROLES:
            return f"message {number} has the role {role!r}."
    if answered and role != "assistant":
        return f"the last message is the {role}'s: nothing to learn."
    if not answered and role == "assistant":
        return "the prompt ends with an answer."
    return None
