"""Splits a file into training and validation: the same way every time, and without leakage.

What belongs together stays together: near-duplicates, and lines that share a `group_by` value. The
kinds of conversations (labels where answers are labels, else system prompt and script) are on both
sides in the same shares. The seed and the texts decide, not the order of the lines.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxhash import xxh3_64_intdigest

from jobs.dataset.conversations import Conversation, Task, fields_of, read_conversations
from jobs.dataset.layout import NO_SENSE, layout_of, looks_foreign
from jobs.dataset.lint import Tally, Wish
from jobs.dataset.parallel import lint_file
from jobs.dataset.scripts import characters, dominant
from jobs.dataset.surveyor import survey
from jobs.errors import InvalidInputError
from jobs.files import refuse_existing, whole_file
from jobs.findings import Finding

_LABEL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Split:
    """What was put where."""

    training: int
    validation: int
    groups: int
    """Sets of lines that had to stay together, of two lines and more."""
    grouped: int
    """Lines in them."""
    strata: int
    """Kinds of conversations that both sides got their share of."""
    seed: int
    left_out: tuple[Finding, ...]
    """Why lines went to neither side."""
    lines_left_out: int

    @property
    def share(self) -> float:
        """The share that was held out."""
        return self.validation / ((self.training + self.validation) or 1)

    @property
    def tells(self) -> str:
        """What the validation set is able to tell, in a sentence."""
        if not self.validation:
            return "Nothing was held out, so nothing can be told."
        # A share of 50 % has the widest 95 % interval; two models are told apart at 1.4 times that.
        points = 98 / math.sqrt(self.validation)
        return (
            f"A rate measured on {self.validation:,} conversations is right to about "
            f"±{points:.0f} points (95 %); two models have to differ by about {points * 1.41:.0f} "
            "points to be told apart."
        )


@dataclass(slots=True)
class _Row:
    line: int
    digest: int
    stratum: str
    group: str


def split_file(
    path: Path,
    training: Path,
    validation: Path,
    *,
    share: float,
    seed: int = 13,
    group_by: str | None = None,
    task: Task = "chat_completion",
    overwrite: bool = False,
) -> Split:
    """Write the lines of `path` to two files, in their order, unchanged.

    Lines that the service would skip go to neither, and are told.

    Raises:
        UnreadableFileError: The file can't be read.
        UsageError: One of the two is there already, or can't be written.
        InvalidInputError: The file has nothing to split, so nothing is written.
    """
    for target in (training, validation):
        refuse_existing(target, overwrite=overwrite)
    tally = lint_file(path, Wish(task=task, private=False, limit=20))
    left_out = _left_out(path, tally, task)
    rows, held_out, groups, grouped = _assign(path, share, seed, group_by, task)
    if not held_out:
        raise InvalidInputError(
            f"{path} has {len(rows)} conversations that can be used, which are no two sides; "
            "nothing is written.",
            findings=left_out,
        )
    with (
        whole_file(training, overwrite=overwrite) as kept,
        whole_file(validation, overwrite=overwrite) as out,
    ):
        for one in read_conversations(path, task):
            file = out if one.line in held_out else kept
            file.write(one.raw.rstrip(b"\r") + b"\n")
    return Split(
        training=len(rows) - len(held_out),
        validation=len(held_out),
        groups=groups,
        grouped=grouped,
        strata=len({row.stratum for row in rows}),
        seed=seed,
        left_out=left_out,
        lines_left_out=tally.lines - len(rows),
    )


def _left_out(path: Path, tally: Tally, task: Task) -> tuple[Finding, ...]:
    """What is wrong with the lines that can't be used; an error if it is the file as a whole."""
    layout = layout_of(path, task) if looks_foreign(tally) else None
    if layout is not None and layout.says:
        raise InvalidInputError(
            f"{path} is no file of conversations, one a line; nothing is written.",
            findings=[Finding(str(path), 0, 0, "", layout.says, "FT-D024", "error")],
            next_step=layout.advice.replace("FILE", str(path)),
        )
    unusable = [*NO_SENSE, "FT-D008", "FT-D013", "FT-D019"]
    found = tally.remarks.findings(str(path))
    return tuple(finding for finding in found if finding.rule in unusable)


def _assign(
    path: Path, share: float, seed: int, group_by: str | None, task: Task
) -> tuple[list[_Row], set[int], int, int]:
    stratum_of = _strata(path, task)
    rows = [
        _Row(
            one.line,
            xxh3_64_intdigest(
                "\0".join(m.content for m in one.messages).encode("utf-8", "replace")
            ),
            stratum_of(one),
            _group_value(one, group_by),
        )
        for one in read_conversations(path, task)
    ]
    together = _together(path, rows, task)
    held_out = _choose(rows, together, share, seed)
    sizes = [len(lines) for lines in together.values() if len(lines) > 1]
    return rows, held_out, len(sizes), sum(sizes)


def _choose(
    rows: Sequence[_Row], together: dict[int, list[int]], share: float, seed: int
) -> set[int]:
    """Lines to hold out: in each stratum whole groups, in an order that seed and text decide."""
    by_line = {row.line: row for row in rows}
    strata: dict[str, list[tuple[int, list[int]]]] = {}
    for lines in together.values():
        digest = min(by_line[line].digest for line in lines)
        key = xxh3_64_intdigest(digest.to_bytes(8, "little"), seed)
        strata.setdefault(by_line[lines[0]].stratum, []).append((key, lines))
    chosen: set[int] = set()
    owed = 0.0
    for stratum in sorted(strata):
        groups = sorted(strata[stratum])
        owed += share * sum(len(lines) for _, lines in groups)
        for _, lines in groups:
            if owed < len(lines) / 2:
                continue
            chosen.update(lines)
            owed -= len(lines)
            if owed <= 0:
                break
    if not chosen and len(together) > 1:
        chosen.update(min(together.values(), key=len))
    return chosen


def _strata(path: Path, task: Task) -> Callable[[Conversation], str]:
    """How to tell the kinds of conversations apart in this file."""
    found = survey(path, task)
    if found.has_labels:
        return lambda one: one.messages[-1].content.strip()[:_LABEL_LENGTH]
    common = {prompt for prompt, _ in found.system_prompts.most_common(20)}

    def stratum(one: Conversation) -> str:
        prompt = one.system if one.system in common else ""
        return f"{dominant(characters(one.turns))}\0{len(one.turns) > 2}\0{prompt}"

    return stratum


def _group_value(one: Conversation, field: str | None) -> str:
    if field is None:
        return ""
    value: Any = fields_of(one.raw).get(field)
    return "" if value is None else f"{type(value).__name__}:{value}"


def _together(path: Path, rows: Sequence[_Row], task: Task) -> dict[int, list[int]]:
    """Lines that have to stay on one side, by the first of them."""
    from jobs.dataset.near import near_pairs

    parent = {row.line: row.line for row in rows}

    def root(line: int) -> int:
        while parent[line] != line:
            parent[line] = parent[parent[line]]
            line = parent[line]
        return line

    def join(one: int, other: int) -> None:
        first, second = sorted((root(one), root(other)))
        parent[second] = first

    seen: dict[str | int, int] = {}
    for row in rows:
        join(row.line, seen.setdefault(row.digest, row.line))
        if row.group:
            join(row.line, seen.setdefault(row.group, row.line))
    for pair in near_pairs([path], task):
        join(pair.again[1], pair.first[1])
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(root(row.line), []).append(row.line)
    return groups
