"""The rows of a data file, each as the task has it; every mistake with its line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning import custom
from tuning.config import Config
from tuning.errors import Mistake, MistakesError

Row = dict[str, Any]
SHOWN = 20
"""Mistakes of one file that are told; then their number."""

SHAPES = {
    "chat": '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}',
    "text": '{"text": "…"} or {"prompt": "…", "completion": "…"}',
    "classification": '{"text": "…", "label": "…"}',
    "custom": "what `check` of the task's file takes",
    "preference": '{"prompt": "…" or […], "chosen": "…", "rejected": "…"}',
}
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Data:
    """What there is to learn from, and to measure with."""

    train: list[Row]
    validation: list[Row]


def read(config: Config) -> Data:
    """The rows of both files.

    Raises:
        MistakesError: rows that aren't the task's, with their lines.
    """
    mistakes: list[Mistake] = []
    train = _rows(Path(config.training_data), config, mistakes)
    validation: list[Row] = []
    if config.validation_data:
        validation = _rows(Path(config.validation_data), config, mistakes)
    if mistakes:
        raise MistakesError(mistakes)
    return Data(train, validation)


def _rows(file: Path, config: Config, mistakes: list[Mistake]) -> list[Row]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(str(file), f"{error}.", "Name a JSON Lines file in UTF-8."))
        return []
    rows: list[Row] = []
    wrong: list[Mistake] = []
    task = custom.task_of(config) if config.task == "custom" else None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            problem = _problem(row, config) or (task and custom.problem(task, row))
        except json.JSONDecodeError as error:
            row, problem = {}, f"{error.msg}."
        if problem:
            wrong.append(Mistake(f"{file}:{number}", problem, f"A row is {SHAPES[config.task]}."))
        rows.append(row)
    if len(wrong) > SHOWN:
        more = Mistake(str(file), f"{len(wrong) - SHOWN} more rows are wrong.", "Mend these first.")
        wrong = [*wrong[:SHOWN], more]
    mistakes += wrong
    if not rows:
        mistakes.append(Mistake(str(file), "no rows.", f"A row is {SHAPES[config.task]}."))
    return rows


def _problem(row: object, config: Config) -> str | None:
    """What is wrong with a row, if anything."""
    if not isinstance(row, dict):
        return "no object."
    if config.task == "custom":
        return None  # its own file is asked besides
    if config.task == "chat":
        return _of_messages(row.get("messages"), answered=True)
    if config.task == "text":
        if "text" in row and not config.loss.answers_only:
            return _of_texts(row, "text")
        return _of_texts(row, "prompt", "completion")
    if config.task == "classification":
        labels = config.layers.labels or []
        if row.get("label") not in labels:
            return f"the label {row.get('label')!r} is none of {', '.join(labels)}."
        return _of_texts(row, "text")
    if isinstance(row.get("prompt"), list):
        problem = _of_messages(row["prompt"], answered=False)
        return problem or _of_texts(row, "chosen", "rejected")
    problem = _of_texts(row, "prompt", "chosen", "rejected")
    same = row.get("chosen") == row.get("rejected")
    return problem or ("`chosen` and `rejected` are the same." if same else None)


def _of_texts(row: Row, *names: str) -> str | None:
    for name in names:
        if not isinstance(row.get(name), str) or not row[name].strip():
            return f"`{name}` is no text, or empty."
    return None


def _of_messages(messages: object, *, answered: bool) -> str | None:
    if not isinstance(messages, list) or not messages:
        return "`messages` is no list, or empty."
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            return f"message {number} has no text as `content`."
        if message.get("role") not in ROLES:
            return f"message {number} has the role {message.get('role')!r}."
    last = messages[-1]["role"]
    if answered and last != "assistant":
        return f"the last message is the {last}'s: nothing to learn."
    if not answered and last == "assistant":
        return "the prompt ends with an answer."
    return None
