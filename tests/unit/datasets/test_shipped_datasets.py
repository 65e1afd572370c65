"""What the READMEs of the shipped data sets promise, measured on the files themselves."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import msgspec
import pytest

DATASETS = Path(__file__).parents[3] / "datasets"
FILES: tuple[str, ...] = ("train", "validation", "test")
FLOORS = {
    "nepali-helpdesk": {"train": 160, "validation": 30, "test": 30},
    "xbox-support": {"train": 240, "validation": 40, "test": 40},
}
NEAR_DUPLICATE = 0.7


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    role: str
    content: str


class Conversation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A row of a README's table: a subject is known by how its answer begins."""

    name: str
    answer_begins: str
    counts: dict[str, int]


every_dataset = pytest.mark.parametrize("name", sorted(FLOORS))


def test_every_shipped_dataset_is_tested_here() -> None:
    shipped = {path.name for path in DATASETS.iterdir() if path.is_dir()}
    assert shipped == set(FLOORS)


@every_dataset
def test_files_are_utf8_jsonl_without_bom_and_with_unix_line_ends(name: str) -> None:
    for file in FILES:
        content = (DATASETS / name / f"{file}.jsonl").read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in content
        assert content.endswith(b"}\n")
        assert b"\n\n" not in content
        text = content.decode("utf-8")
        assert unicodedata.is_normalized("NFC", text)


@every_dataset
def test_there_are_enough_conversations(name: str) -> None:
    for file, floor in FLOORS[name].items():
        assert len(conversations(name, file)) >= floor


@every_dataset
def test_a_system_message_opens_and_user_and_assistant_alternate(name: str) -> None:
    for file in FILES:
        for conversation in conversations(name, file):
            roles = [message.role for message in conversation.messages]
            exchanges = (len(roles) - 1) // 2
            assert 1 <= exchanges <= 3
            assert roles == ["system", *("user", "assistant") * exchanges]
            for message in conversation.messages:
                assert message.content
                assert message.content == message.content.strip()


@every_dataset
def test_the_system_message_is_the_same_everywhere(name: str) -> None:
    messages = {
        conversation.messages[0].content
        for file in FILES
        for conversation in conversations(name, file)
    }
    assert len(messages) == 1


@every_dataset
def test_subjects_are_balanced_and_answered_by_one_text_each(name: str) -> None:
    training = Counter(last_answer(row) for row in conversations(name, "train"))
    assert min(training.values()) >= 8
    assert max(training.values()) <= 14
    for file in ("validation", "test"):
        assert {last_answer(row) for row in conversations(name, file)} == set(training)
    every_answer = {
        message.content
        for file in FILES
        for row in conversations(name, file)
        for message in row.messages
        if message.role == "assistant"
    }
    assert every_answer == set(training)


@every_dataset
def test_answers_are_short_and_hold_no_address_or_number_to_call(name: str) -> None:
    for answer in {last_answer(row) for row in conversations(name, "train")}:
        assert 20 <= len(answer.split()) <= 45
        assert not re.search(r"https?:|www\.|@|\d{5}", answer)


@every_dataset
def test_some_training_conversations_have_several_exchanges(name: str) -> None:
    rows = conversations(name, "train")
    longer = sum(len(row.messages) > 3 for row in rows)
    assert 0.10 <= longer / len(rows) <= 0.20


@every_dataset
def test_no_conversation_is_there_twice(name: str) -> None:
    everything = [row for file in FILES for row in conversations(name, file)]
    assert len(everything) == len(set(everything))


@every_dataset
@pytest.mark.parametrize("width", ["characters", "words"])
def test_held_out_questions_are_no_near_duplicates_of_training_questions(
    name: str, width: str
) -> None:
    turns = {file: user_turns(name, file) for file in FILES}
    pairs = [
        *product(turns["train"], turns["validation"]),
        *product(turns["train"], turns["test"]),
        *product(turns["validation"], turns["test"]),
        *(pair for file in FILES for pair in combinations(turns[file], 2)),
    ]
    shingled = {turn: shingles(turn, width) for file in FILES for turn in turns[file]}
    too_close = [
        (one, other)
        for one, other in pairs
        if jaccard(shingled[one], shingled[other]) >= NEAR_DUPLICATE
    ]
    assert not too_close


@every_dataset
def test_a_split_in_file_order_has_every_subject_on_both_sides(name: str) -> None:
    answers = [last_answer(row) for row in conversations(name, "train")]
    cut = int(len(answers) * 0.8)
    assert set(answers[:cut]) == set(answers[cut:])


@every_dataset
def test_the_readmes_table_matches_the_files(name: str) -> None:
    subjects, totals = readme_table(name)
    for file in FILES:
        rows = conversations(name, file)
        assert totals[file] == len(rows)
        counted = Counter(subject_of(last_answer(row), subjects).name for row in rows)
        assert counted == {subject.name: subject.counts[file] for subject in subjects}


def test_the_guides_question_is_trained_and_the_demos_held_out_question_is_not() -> None:
    trained = user_turns("xbox-support", "train")
    assert "I'm having trouble connecting my Xbox to the Wi-Fi." in trained
    held_out = "My controller keeps disconnecting. What should I do?"
    assert held_out in user_turns("xbox-support", "test")
    assert held_out not in trained


def test_nepali_answers_are_in_devanagari_with_nepali_digits_and_danda() -> None:
    for row in conversations("nepali-helpdesk", "train"):
        for message in row.messages:
            letters = [char for char in message.content if char.isalpha()]
            devanagari = sum("DEVANAGARI" in unicodedata.name(char) for char in letters)
            assert devanagari / len(letters) >= 0.6
            assert not re.search(r"[0-9|.]", message.content)
            if message.role != "user":
                assert message.content.endswith("।")


def conversations(name: str, file: str) -> list[Conversation]:
    lines = (DATASETS / name / f"{file}.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Conversation) for line in lines]


def last_answer(conversation: Conversation) -> str:
    return conversation.messages[-1].content


def user_turns(name: str, file: str) -> list[str]:
    return [
        message.content
        for row in conversations(name, file)
        for message in row.messages
        if message.role == "user"
    ]


def readme_table(name: str) -> tuple[list[Subject], dict[str, int]]:
    """The README's rows, and its bold line of totals."""
    text = (DATASETS / name / "README.md").read_text(encoding="utf-8")
    subjects: list[Subject] = []
    totals: dict[str, int] = {}
    for line in text.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 6 or not cells[-1].isdigit():
            continue
        counts = dict(zip(FILES, map(int, cells[3:]), strict=True))
        if cells[0] == "all":
            totals = counts
        else:
            subjects.append(Subject(cells[0], cells[2].removesuffix(" …"), counts))
    return subjects, totals


def subject_of(answer: str, subjects: list[Subject]) -> Subject:
    (subject,) = (each for each in subjects if answer.startswith(each.answer_begins))
    return subject


def shingles(text: str, width: str) -> set[tuple[str, ...]]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(map(folded_character, folded)).split()
    units = words if width == "words" else list(" ".join(words))
    return {tuple(units[start : start + 3]) for start in range(max(1, len(units) - 2))}


def folded_character(char: str) -> str:
    """Vowel signs are kept, or Devanagari words fall together; joiners inside a word go."""
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return char if category[0] in "LMN" else " "


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other)
