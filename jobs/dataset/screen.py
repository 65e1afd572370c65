"""Harm in training data, conversation by conversation: by whoever judges texts, or a few rules."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.dataset.conversations import Conversation, read_conversations
from jobs.dataset.lint import Task
from jobs.dataset.remarks import Remark, Remarks
from jobs.findings import Finding
from jobs.side_by_side import Pool

Judge = Callable[[str], Mapping[str, int]]
"""The severity of each harm category in a text, where it is above 0: 2 low, 4 medium, 6 high."""

RULES = Path(__file__).with_name("harm.yaml")
FROM = 4
"""The severity that is told: medium, from which on Azure's filter would refuse the text."""

_WORDS = {2: "low", 4: "medium", 6: "high"}
_AT_ONCE = 4
_BATCH = 64


def count(path: Path, task: Task) -> int:
    """How many conversations there are to judge."""
    return sum(1 for _ in read_conversations(path, task))


def screen(
    path: Path, name: str, judge: Judge, *, by: str, task: Task, tell: Callable[[int], None]
) -> list[Finding]:
    """A finding for each conversation with harm of medium severity or more; never its words.

    `by` is who judges, as findings say it. `tell` hears how many were judged so far.

    Raises:
        UnreadableFileError: The file can't be read.
    """
    remarks = Remarks()
    done = 0
    conversations = read_conversations(path, task)
    while batch := list(islice(conversations, _BATCH)):
        with Pool(_AT_ONCE) as pool:
            found = pool.map(lambda one: judge(_text(one)), batch)
        for one, severities in zip(batch, found, strict=True):
            if words := _words(severities):
                remarks.add(Remark("FT-D046", one.line, "", f"{words}, says {by}."))
        done += len(batch)
        tell(done)
    return remarks.findings(name)


def by_rules(text: str) -> dict[str, int]:
    """What the built-in rules find; they miss most of what was not written into them."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    found: dict[str, int] = {}
    for category, severity, pattern in _rules():
        if severity > found.get(category, 0) and pattern.search(plain):
            found[category] = severity
    return found


def _text(one: Conversation) -> str:
    return "\n".join(message.content for message in one.messages)


def _words(severities: Mapping[str, int]) -> str:
    grave = sorted((-level, category) for category, level in severities.items() if level >= FROM)
    return ", ".join(
        f"{category.replace('_', '-')} of {_WORDS.get(-level, str(-level))} severity"
        for level, category in grave
    )


@cache
def _rules() -> Sequence[tuple[str, int, re.Pattern[str]]]:
    import yaml

    rows: list[dict[str, Any]] = yaml.load(
        RULES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
    )
    return [(row["category"], row["severity"], re.compile(row["pattern"])) for row in rows]
