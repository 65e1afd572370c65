"""The three metrics and their gates, on examples worked out by hand."""

import json
from pathlib import Path

import pytest

from jobs.errors import InvalidInputError
from jobs.proof.metrics import exact_match, normalize, questions, rouge_l, score, token_f1
from jobs.spec.gates import read_gates


def test_exact_match_looks_past_case_punctuation_and_articles() -> None:
    assert exact_match("The console, restarted!", "a console restarted") == 1
    assert exact_match("restart the console", "restart your console") == 0


def test_token_f1_counts_words_as_often_as_they_are_there() -> None:
    # 2 words in common of 3 said and 4 wanted: 2 * 2 / (3 + 4)
    assert token_f1("hold pair button", "hold button ten seconds") == pytest.approx(4 / 7)
    # "go" counts once, though it is said three times
    assert token_f1("go go go", "go home") == pytest.approx(2 / 5)


def test_rouge_l_wants_the_order_too() -> None:
    # longest common subsequence "the cat the mat": 4 of 5 and 6 words
    assert rouge_l("the cat sat the mat", "the cat lay on the mat") == pytest.approx(8 / 11)
    assert rouge_l("b a", "a b") == pytest.approx(0.5)


def test_silence_matches_only_silence() -> None:
    for metric in (token_f1, rouge_l):
        assert metric("", "") == 1
        assert metric("", "something") == 0
        assert metric("something", "") == 0


def test_devanagari_words_stay_whole() -> None:
    assert rouge_l("नमस्ते साथी", "नमस्ते साथी") == 1
    assert rouge_l("नमस्ते", "नमन") == 0
    assert normalize("धन्यवाद।") == "धन्यवाद"


def test_scores_are_means() -> None:
    scored = score(["a b", "x"], ["a b", "y"], ["exact_match", "token_f1"])
    assert scored == {"exact_match": 0.5, "token_f1": 0.5}


def test_gates_are_read_in_every_spelling() -> None:
    written = {"token_f1": ">= 0.60", "exact_match": "0.5", "rouge_l": "> 40%"}
    read = {gate.metric: gate for gate in read_gates(written)}
    assert read["token_f1"].holds(0.6)
    assert not read["token_f1"].holds(0.59)
    assert read["exact_match"].holds(0.5)
    assert not read["rouge_l"].holds(0.4)
    assert str(read["token_f1"]) == "token_f1 >= 0.6"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"token_f1": "about 0.6"}, "can't be held"),
        ({"bleu": ">= 0.6"}, "is no metric"),
        ({"token_f1": ">= 60"}, "out of reach"),
    ],
)
def test_a_gate_that_means_nothing_is_refused(written: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        read_gates(written)


def test_the_last_answer_is_what_is_expected(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "a2"},
    ]
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"messages": turns}) + "\n\n", encoding="utf-8")
    [question] = questions(path.read_bytes())
    assert question.expected == "a2"
    assert [message["content"] for message in question.messages] == ["q1", "a1", "q2"]
