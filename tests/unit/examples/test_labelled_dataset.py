"""What the README of the labelled messages promises, measured on the files."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "intents"
FILES = ("train", "test")


def rows(name: str) -> list[tuple[str, str]]:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["text"], row["label"]) for row in map(json.loads, lines)]


@pytest.mark.parametrize("name", FILES)
def test_files_are_clean_jsonl_of_a_text_and_a_label(name: str) -> None:
    content = (FOLDER / f"{name}.jsonl").read_bytes()
    assert content.endswith(b"}\n")
    assert b"\r" not in content
    assert unicodedata.is_normalized("NFC", content.decode("utf-8"))
    for line in content.splitlines():
        row = json.loads(line)
        assert list(row) == ["text", "label"]
        assert row["text"] == row["text"].strip() != ""


def test_no_message_is_there_twice_whatever_its_case_and_punctuation() -> None:
    folded = [
        " ".join(re.findall(r"\w+", text.casefold())) for name in FILES for text, _ in rows(name)
    ]
    assert len(folded) == len(set(folded))


@pytest.mark.parametrize("name", FILES)
def test_lines_go_round_the_labels(name: str) -> None:
    labels = [label for _, label in rows(name)]
    rounds = {tuple(labels[start : start + 6]) for start in range(0, len(labels), 6)}
    assert rounds == {("billing", "outage", "speed", "setup", "moving", "cancel")}


def test_the_readmes_table_matches_the_files() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    told = {
        found[1]: (int(found[2]), int(found[3]))
        for found in re.finditer(r"^\| (\w+) \| .+? \| (\d+) \| (\d+) \|$", text, re.M)
    }
    train, test = (Counter(label for _, label in rows(name)) for name in FILES)
    assert told == {label: (train[label], test[label]) for label in train}
    assert f"**{train.total()}** | **{test.total()}**" in text
