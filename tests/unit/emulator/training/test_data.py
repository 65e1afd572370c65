"""The service's rules for training data."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emulator.training import data
from emulator.training.errors import UserError
from emulator.training.phi3 import IGNORED
from emulator.training.tokenizer import ChatTokenizer, Message

TOKENIZER = ChatTokenizer.trained_on([], 0)


def row(question: str = "Hi", answer: str = "Hello") -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def write(path: Path, rows: Sequence[Any]) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in rows]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_lines_that_the_service_cannot_use_are_skipped_and_counted(tmp_path: Path) -> None:
    bad = [
        "",
        "not json",
        "[]",
        "{}",
        '{"messages": "hi"}',
        '{"messages": []}',
        '{"messages": ["hi"]}',
        '{"messages": [{"content": "no role"}]}',
        '{"messages": [{"role": 7, "content": "x"}]}',
        '{"messages": [{"role": "user"}]}',
        '{"messages": [{"role": "user", "content": null}]}',
        '{"messages": [{"role": "user", "content": 7}]}',
        '{"messages": [{"role": "assistant", "tool_calls": {}}]}',
    ]
    file = write(tmp_path / "train.jsonl", [*bad, *[row()] * 10])
    dataset = data.read_dataset(file, write(tmp_path / "valid.jsonl", [row()]))
    assert len(dataset.training) == 10
    assert dataset.warnings == [
        "Total 13 json lines skipped in your dataset train.jsonl:"
        " blank, not JSON, or without usable messages."
    ]


def test_keys_that_are_null_and_other_columns_do_not_matter(tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "Hello", "tool_calls": None, "name": None}
    line = {"messages": [{"role": "user", "content": "Hi"}, answer], "prompt_id": "x"}
    conversations, skipped = data.read_conversations(write(tmp_path / "a.jsonl", [line]))
    assert conversations == [(Message("user", "Hi"), Message("assistant", "Hello"))]
    assert skipped == 0


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + (json.dumps(row()) + "\r\n").encode() * 2)
    conversations, skipped = data.read_conversations(file)
    assert (len(conversations), skipped) == (2, 0)


def test_a_list_of_text_parts_is_one_text(tmp_path: Path) -> None:
    line = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}]
    }
    conversations, _ = data.read_conversations(write(tmp_path / "a.jsonl", [line]))
    assert conversations == [(Message("user", "ab"),)]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "42"},
    ],
)
def test_what_the_stand_in_cannot_learn_is_refused_with_its_line(
    tmp_path: Path, message: dict[str, Any]
) -> None:
    file = write(tmp_path / "a.jsonl", [row(), {"messages": [message]}])
    with pytest.raises(UserError, match=r"a\.jsonl:2: .* supported by the stand-in"):
        data.read_conversations(file)


def test_fewer_than_ten_rows_are_refused_in_the_services_words(tmp_path: Path) -> None:
    file = write(tmp_path / "train.jsonl", [row()] * 9)
    with pytest.raises(UserError, match="has 9 non-null samples, which is fewer than 10 samples"):
        data.read_dataset(file, write(tmp_path / "valid.jsonl", [row()]))


def test_without_a_validation_file_the_last_fifth_validates_in_file_order(tmp_path: Path) -> None:
    file = write(tmp_path / "train.jsonl", [row(str(number)) for number in range(15)])
    dataset = data.read_dataset(file, None)
    assert [row[0].content for row in dataset.training] == [str(n) for n in range(12)]
    assert [row[0].content for row in dataset.validation] == ["12", "13", "14"]


def test_the_floor_of_ten_rows_counts_after_the_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 9 non-null samples"):
        data.read_dataset(write(tmp_path / "train.jsonl", [row()] * 11), None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.csv", b"a,b", r"train\.csv is not in list of supported file formats"),
        ("train.jsonl", b"\xff\xfe", r"train\.jsonl is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        data.read_conversations(tmp_path / name)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl can't be read: No such file"):
        data.read_conversations(tmp_path / "none.jsonl")


def test_the_targets_are_the_assistants_next_tokens() -> None:
    conversation = (Message("user", "Hi"), Message("assistant", "Ho"))
    [example], warnings = data.examples([conversation], TOKENIZER, 100)
    tokens, _ = TOKENIZER.conversation(conversation)
    assert example.tokens.tolist() == tokens[:-1]
    assert example.targets.tolist() == [IGNORED] * 4 + tokens[-3:]
    assert warnings == []


def test_long_rows_are_truncated_and_counted() -> None:
    long = (Message("user", "Hi"), Message("assistant", "x" * 50))
    late = (Message("user", "y" * 50), Message("assistant", "z"))
    found, warnings = data.examples([long, late], TOKENIZER, 20)
    assert [len(example.tokens) for example in found] == [19]
    assert warnings == [
        "2 rows are longer than 20 tokens and were truncated.",
        "1 rows have no assistant tokens to learn from and were dropped.",
    ]


def test_data_without_any_answer_is_refused() -> None:
    with pytest.raises(UserError, match="No assistant tokens found"):
        data.examples([(Message("user", "Hi"),)], TOKENIZER, 100)


def test_an_epoch_has_every_row_once_in_batches_of_the_asked_size() -> None:
    conversations = [
        (Message("user", "q"), Message("assistant", "a" * (number + 1))) for number in range(70)
    ]
    rows, _ = data.examples(conversations, TOKENIZER, 200)
    batches = list(data.shuffled_batches(rows, 4, seed=1, epoch=0))
    assert [len(tokens) for tokens, _ in batches].count(4) == 17
    lengths = [int((row != IGNORED).sum()) for _, targets in batches for row in targets]
    assert sorted(lengths) == list(range(2, 72))
    padding = sum(int((tokens == 0).sum()) for tokens, _ in batches)
    assert padding < 70 * 2


def test_the_order_is_the_seeds_and_differs_by_epoch() -> None:
    conversations = [
        (Message("user", str(number)), Message("assistant", "a")) for number in range(20)
    ]
    rows, _ = data.examples(conversations, TOKENIZER, 200)

    def order(seed: int, epoch: int) -> list[bytes]:
        return [tokens.tobytes() for tokens, _ in data.shuffled_batches(rows, 1, seed, epoch)]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_padding_is_on_the_right_and_not_learned() -> None:
    short = data.Example(np.array([5, 6]), np.array([IGNORED, 7]))
    long = data.Example(np.array([5, 6, 7]), np.array([6, 7, 8]))
    tokens, targets = data.padded([short, long])
    assert tokens.tolist() == [[5, 6, 0], [5, 6, 7]]
    assert targets.tolist() == [[IGNORED, 7, IGNORED], [6, 7, 8]]
