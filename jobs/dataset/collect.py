"""Answers that went wrong, and real questions, as rows for a person to review: the next data.

A row has `status: todo` until somebody has written the right answer and taken the word out; until
then every check refuses it (FT-D029). What is in the data already is left out, in other words too.
A question of the test set is not taken over, for that would be leakage: its row asks for one like
it, and has the question beside, where nobody trains on it.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, cast

import msgspec

from jobs.dataset.conversations import read_conversations
from jobs.dataset.lines import blocks
from jobs.files import open_regular, refuse_existing, whole_file

Score = Callable[[str, str], float]
"""How near an answer is to the expected one, from 0 to 1."""

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that became no row, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of a file of answers or questions."""

    read: int
    written: int
    alike: int
    """Rows that ask for a question like one of the test set."""
    good: int
    """Answers that others are worse than."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question with what was made of it."""

    line: int
    before: tuple[dict[str, str], ...]
    """What was said before the question: a system message, earlier turns."""
    question: str
    answer: str | None
    expected: str | None
    score: float | None

    @property
    def key(self) -> str:
        return _key(self.question)


def collect_file(
    path: Path,
    target: Path,
    *,
    known: Sequence[Path] = (),
    test: Sequence[Path] = (),
    worst: int,
    metric: str = "",
    score: Score | None = None,
    overwrite: bool = False,
) -> Collected:
    """Write rows to review to `target`: the `worst` scored answers, and all that nobody scored.

    `known` are training and validation files, `test` test files. Lines are scored by their `scores`
    (by `metric`, or all together), else by `score` where an answer and an expected one are there.

    Raises:
        UsageError: The target is there already, or can't be written.
        UnreadableFileError: A file can't be read.
    """
    refuse_existing(target, overwrite=overwrite)
    left_out: list[LeftOut] = []
    lines = list(_lines(path))
    asked = [one for line in lines if (one := _asked(*line, metric, score, left_out))]
    chosen, good = _worst(asked, worst)
    held_out = {_key(question) for file in test for question in _questions(file)}
    alike = [one for one in chosen if one.key in held_out and one.score is not None]
    others = [one for one in chosen if one.key not in held_out or one.score is None]
    fresh = _without_repeats(others, known, test, left_out)
    with whole_file(target, overwrite=overwrite) as out:
        asks_alike = {one.line for one in alike}
        taken = asks_alike | {one.line for one in fresh}
        for one in chosen:
            if one.line in taken:
                row = _row(one, alike=one.line in asks_alike)
                out.write(msgspec.json.encode(row) + b"\n")
    left_out.sort(key=lambda one: one.line)
    written = len(alike) + len(fresh)
    return Collected(len(lines), written, len(alike), good, tuple(left_out))


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with open_regular(path) as file:
        for block in blocks(file):
            data = b"" if block.too_long else block.data
            for number, line in enumerate(data.split(b"\n"), block.first_line):
                if block.too_long or line.strip():
                    yield number, line


def _asked(
    number: int, line: bytes, metric: str, score: Score | None, left_out: list[LeftOut]
) -> _Asked | None:
    try:
        value: Any = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        left_out.append(LeftOut(number, "not JSON, or too long"))
        return None
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    messages = _messages(fields)
    answer, expected = _text(fields.get("answer")), _text(fields.get("expected"))
    if messages and messages[-1]["role"] == "assistant":
        said = messages.pop()["content"]
        answer = said if answer is None else answer
    if not messages or messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        left_out.append(LeftOut(number, "no question: write 'question', or 'messages' up to it"))
        return None
    return _Asked(
        line=number,
        before=tuple(messages[:-1]),
        question=messages[-1]["content"],
        answer=answer,
        expected=expected,
        score=_score(fields.get("scores"), metric, answer, expected, score),
    )


def _messages(fields: dict[str, Any]) -> list[dict[str, str]]:
    """The conversation up to its question and perhaps an answer; none where it can't be read."""
    written = fields.get("messages")
    if not isinstance(written, list):
        question = fields.get("question")
        return [{"role": "user", "content": question}] if isinstance(question, str) else []
    found: list[dict[str, str]] = []
    for item in cast("list[Any]", written):
        message = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        role, content = message.get("role"), message.get("content")
        if role not in ROLES or not isinstance(content, str):
            return []
        found.append({"role": role, "content": content})
    return found


def _score(
    written: Any, metric: str, answer: str | None, expected: str | None, score: Score | None
) -> float | None:
    scores = cast("dict[str, Any]", written) if isinstance(written, dict) else {}
    numbers = [
        float(value)
        for name, value in scores.items()
        if isinstance(value, int | float) and isfinite(value) and (not metric or name == metric)
    ]
    if numbers:
        return sum(numbers) / len(numbers)
    if metric or score is None or answer is None or expected is None:
        return None
    return score(answer, expected)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# ── choosing ────────────────────────────────────────────────────────────────────────────────────


def _worst(asked: Sequence[_Asked], count: int) -> tuple[list[_Asked], int]:
    """The worst answers first, then what nobody scored; and how many answers were good enough."""
    scored = sorted(
        ((one.score, one.line, one) for one in asked if one.score is not None),
        key=lambda item: item[:2],
    )
    worse = [one for value, _, one in scored if value < 1][:count]
    return [*worse, *(one for one in asked if one.score is None)], len(scored) - len(worse)


def _without_repeats(
    asked: Sequence[_Asked], known: Sequence[Path], test: Sequence[Path], left_out: list[LeftOut]
) -> list[_Asked]:
    """Those whose question is nowhere yet, in these words or nearly."""
    from jobs.dataset.near import near_pairs

    files = [*test, *known]
    met = {_key(question): file for file in reversed(files) for question in _questions(file)}
    fresh: dict[str, _Asked] = {}
    for one in asked:
        if one.key in met:
            left_out.append(LeftOut(one.line, _why(met[one.key], test)))
        elif one.key in fresh:
            left_out.append(LeftOut(one.line, f"asks the same as line {fresh[one.key].line}"))
        else:
            fresh[one.key] = one
    if not fresh:
        return []
    own = list(fresh.values())
    with tempfile.TemporaryDirectory(prefix="foundry-tune-") as folder:
        copies = [Path(folder, str(index)) for index in range(len(files) + 1)]
        for copy, file in zip(copies, files, strict=False):
            _write_questions(copy, _questions(file))
        _write_questions(copies[-1], (one.question for one in own))
        near = {
            pair.again[1]: pair.first for pair in near_pairs(copies) if pair.again[0] == len(files)
        }
    for line, (file, other) in near.items():
        why = (
            _why(files[file], test, nearly=True)
            if file < len(files)
            else f"asks nearly the same as line {own[other - 1].line}"
        )
        left_out.append(LeftOut(own[line - 1].line, why))
    return [one for index, one in enumerate(own, start=1) if index not in near]


def _why(file: Path, test: Sequence[Path], *, nearly: bool = False) -> str:
    same = "nearly the same question" if nearly else "the same question"
    return f"{same} is in {file}" + (" (leakage)" if file in test else "")


def _questions(file: Path) -> Iterator[str]:
    """The last question of each conversation."""
    for one in read_conversations(file):
        asked = [message.content for message in one.messages if message.role == "user"]
        if asked:
            yield asked[-1]


def _write_questions(path: Path, questions: Iterator[str]) -> None:
    """Questions alone, in the form of conversations: so questions are compared, and no answers."""
    with path.open("wb") as file:
        for question in questions:
            asked = {"messages": [{"role": "user", "content": question}]}
            file.write(msgspec.json.encode(asked) + b"\n")


def _key(question: str) -> str:
    return " ".join(question.casefold().split())


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def _row(one: _Asked, *, alike: bool) -> dict[str, Any]:
    before = [message for message in one.before if not alike or message["role"] == "system"]
    question, right = ("", "") if alike else (one.question, one.expected or "")
    row: dict[str, Any] = {
        "messages": [
            *before,
            {"role": "user", "content": question},
            {"role": "assistant", "content": right},
        ],
        "status": "todo",
    }
    notes = {
        "like": one.question if alike else None,
        "answer": one.answer,
        "expected": one.expected if alike else None,
        "score": one.score,
    }
    return row | {name: value for name, value in notes.items() if value is not None}
