"""Training data: JSONL conversations, by the rules of Azure's service, as batches of tokens.

The rules are those of the service's own data import (azureml-acft-contrib-hf-nlp 0.0.91): a line it
can't use is skipped and counted, not fatal; then too few rows are.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from emulator.training.architecture import Integers
from emulator.training.errors import UserError
from emulator.training.phi3 import IGNORED
from emulator.training.tokenizer import ChatTokenizer, Message

MIN_TRAINING_ROWS = 10

Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is trained on, what is only measured, and what was noticed while reading."""

    training: list[Conversation]
    validation: list[Conversation]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation's tokens, and what has to follow each of them (or IGNORED)."""

    tokens: Integers
    targets: Integers


def read_dataset(training: Path, validation: Path | None) -> Dataset:
    """Reads the files; with no validation file, the training file's last fifth validates.

    Raises:
        UserError: a file can't be read, or too few rows are left to train on.
    """
    rows, skipped = read_conversations(training)
    warnings = _skipped(training, skipped)
    if validation is not None:
        measured, skipped = read_conversations(validation)
        warnings += _skipped(validation, skipped)
        if not measured:
            raise UserError("Validation dataset has no row that can be used.")
    else:
        # In file order, not shuffled, as the service does (finetune/preprocess.py).
        split = round(len(rows) * 0.8)
        rows, measured = rows[:split], rows[split:]
    if len(rows) < MIN_TRAINING_ROWS:
        raise UserError(
            f"Training dataset has {len(rows)} non-null samples, which is fewer than"
            f" {MIN_TRAINING_ROWS} samples, which is the min required to finetune. Add rows, or"
            " provide a validation dataset (training dataset will be split if no validation"
            " dataset)."
        )
    return Dataset(rows, measured, warnings)


def read_conversations(path: Path) -> tuple[list[Conversation], int]:
    """Gives a file's conversations, and how many lines were skipped."""
    if path.suffix != ".jsonl":
        raise UserError(
            f"{path.name} is not in list of supported file formats."
            " Supported file formats: ['.jsonl']"
        )
    conversations: list[Conversation] = []
    skipped = 0
    try:
        # utf-8-sig: the service accepts a byte-order mark, and its documentation asks for one.
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                messages = _messages(line)
                if messages is None:
                    skipped += 1
                else:
                    conversations.append(_conversation(messages, f"{path.name}:{number}"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8: {error.reason}.") from error
    except OSError as error:
        raise UserError(f"{path.name} can't be read: {error.strerror}.") from error
    return conversations, skipped


def examples(
    conversations: Iterable[Conversation], tokenizer: ChatTokenizer, max_length: int
) -> tuple[list[Example], list[str]]:
    """Gives what the loss is taken over: the assistant's tokens only, of rows cut to `max_length`.

    Raises:
        UserError: nowhere is a token of the assistant's left.
    """
    found: list[Example] = []
    cut = dropped = 0
    for conversation in conversations:
        tokens, written = tokenizer.conversation(conversation)
        cut += len(tokens) > max_length
        ids = np.array(tokens[:max_length], np.int64)
        targets = np.where(written[1:max_length], ids[1:], IGNORED)
        if (targets == IGNORED).all():
            dropped += 1
        else:
            found.append(Example(ids[:-1], targets))
    if not found:
        raise UserError("No assistant tokens found after preprocessing.")
    warnings: list[str] = []
    if cut:
        warnings.append(f"{cut} rows are longer than {max_length} tokens and were truncated.")
    if dropped:
        warnings.append(f"{dropped} rows have no assistant tokens to learn from and were dropped.")
    return found, warnings


def shuffled_batches(
    rows: Sequence[Example], batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[Integers, Integers]]:
    """Gives every row once, in batches of `batch_size` (the last may be smaller), in random order.

    Rows of like length share a batch, for less padding: out of 32 batches drawn at random, as
    Hugging Face's group_by_length does. One row a batch is a plain shuffle.
    """

    def length(index: int) -> int:
        return len(rows[index].tokens)

    draw = np.random.default_rng([seed, epoch])
    order: list[int] = draw.permutation(len(rows)).tolist()
    pool = 32 * batch_size
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    ordered = [index for chosen in pools for index in sorted(chosen, key=length)]
    batches = [ordered[at : at + batch_size] for at in range(0, len(ordered), batch_size)]
    turns: list[int] = draw.permutation(len(batches)).tolist()
    for index in turns:
        yield padded([rows[row] for row in batches[index]])


def padded(rows: Sequence[Example]) -> tuple[Integers, Integers]:
    """Gives tokens and targets, (rows, longest), padded on the right."""
    longest = max(len(row.tokens) for row in rows)
    tokens = np.zeros((len(rows), longest), np.int64)
    targets = np.full((len(rows), longest), IGNORED, np.int64)
    for index, row in enumerate(rows):
        tokens[index, : len(row.tokens)] = row.tokens
        targets[index, : len(row.targets)] = row.targets
    return tokens, targets


def _skipped(path: Path, count: int) -> list[str]:
    if not count:
        return []
    return [
        f"Total {count} json lines skipped in your dataset {path.name}:"
        " blank, not JSON, or without usable messages."
    ]


def _messages(line: str) -> list[dict[str, Any]] | None:
    """Gives a line's messages without keys that are null, or None where the line is skipped."""
    try:
        row: Any = json.loads(line)
    except ValueError:
        return None
    messages: Any = cast("dict[str, Any]", row).get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages:
        return None
    kept: list[dict[str, Any]] = []
    for message in cast("list[Any]", messages):
        if not isinstance(message, dict):
            return None
        named = cast("dict[str, Any]", message)
        kept.append({key: value for key, value in named.items() if value is not None})
        if not _is_usable(kept[-1]):
            return None
    return kept


def _is_usable(message: dict[str, Any]) -> bool:
    if not isinstance(message.get("role"), str):
        return False
    if "content" not in message and "tool_calls" not in message:
        return False
    return isinstance(message.get("content", ""), str | list) and isinstance(
        message.get("tool_calls", []), list
    )


def _conversation(messages: list[dict[str, Any]], where: str) -> Conversation:
    for message in messages:
        if "tool_calls" in message or message["role"] == "tool":
            raise UserError(f"{where}: tool calls are not supported by the stand-in trainer.")
    return tuple(
        Message(message["role"], text_of(message["content"], where)) for message in messages
    )


def text_of(content: str | list[Any], where: str) -> str:
    """Gives a message's text, joining the parts of a content list.

    Raises:
        UserError: a part is not text.
    """
    if isinstance(content, str):
        return content
    for part in content:
        if not isinstance(part, dict) or not isinstance(cast("Any", part).get("text"), str):
            raise UserError(f"{where}: only text content is supported by the stand-in trainer.")
    return "".join(part["text"] for part in content)
