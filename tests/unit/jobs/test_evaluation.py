"""The metrics and their gates, on examples worked out by hand."""

import json
import math
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InvalidInputError, PreflightError
from jobs.plan.desired import Measuring, OwnMetric
from jobs.proof.custom import scorer
from jobs.proof.evaluation import measure
from jobs.proof.labels import OTHER, confusion
from jobs.proof.metrics import Question, chrf, exact_match, normalize, questions, rouge_l, token_f1
from jobs.proof.scoring import Exam, Reply, perplexity_of_answers
from jobs.proof.tool_calls import tool_calls_match
from jobs.spec.gates import Gate, read_gates
from jobs.spec.models import Evaluation, Format, Metric


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


def test_chrf_counts_characters_in_any_script() -> None:
    assert chrf("नमस्ते साथी", "नमस्ते साथी") == 1
    assert 0 < chrf("नमस्कार साथी", "नमस्ते साथी") < 1
    assert chrf("", "something") == 0
    assert chrf("", "") == 1


def test_scores_are_means() -> None:
    assert scored(["a b", "x"], ["a b", "y"], "exact_match", "token_f1") == {
        "exact_match": 0.5,
        "token_f1": 0.5,
    }
    assert scored([], [], "exact_match", "latency_p95") == {"exact_match": 0, "latency_p95": 0}


def test_labels_are_right_or_wrong_and_a_rare_one_counts_as_much_as_a_common_one() -> None:
    expected = ["A", "A", "A", "B"]
    said = ["a.", "A", "B", "perhaps B"]
    assert scored(said, expected, "accuracy") == {"accuracy": 0.5}
    # A: 2 right of 2 said and 3 wanted, 4/5; B: none right
    assert scored(said, expected, "macro_f1") == {"macro_f1": pytest.approx(0.4)}
    assert confusion(said, expected, ["A", "B"]) == {
        ("A", "A"): 2,
        ("A", "B"): 1,
        ("B", OTHER): 1,
    }


def test_a_format_is_held_to_the_whole_answer() -> None:
    number = Format(matches="[0-9]{2}")
    said = ["12", " 34\n", "567", "no"]
    assert scored(said, said, "valid_format", format=number) == {"valid_format": 0.5}
    schema = Format(json_schema={"type": "object", "required": ["id"]})
    said = ['{"id": 1}', "{}", "id", "[" * 100_000]
    assert scored(said, said, "valid_format", format=schema) == {"valid_format": 0.25}


def test_refusals_time_length_and_tokens_are_told() -> None:
    replies = [Reply(text="abcd", seconds=n, tokens=10) for n in range(1, 20)]
    replies.append(Reply(text="", refused=True, seconds=20))
    spec = evaluation("refusal_rate", "length", "latency_p50", "latency_p95", "tokens_per_1000")
    assert exam(spec, ["x"] * 20).means(replies) == {
        "refusal_rate": 0.05,
        "length": pytest.approx(3.8),
        "latency_p50": 10,
        "latency_p95": 19,
        "tokens_per_1000": pytest.approx(9_500),
    }


def test_the_perplexity_of_answers_is_over_their_tokens_and_unknown_without_any() -> None:
    replies = [
        Reply(text="a b", logprob=math.log(0.5) + math.log(0.25), logprob_tokens=2),
        Reply(text="c", logprob=math.log(0.125), logprob_tokens=1),
        Reply(text="", refused=True),
    ]
    # (1/2 * 1/4 * 1/8) ^ (-1/3) = 64 ^ (1/3)
    assert perplexity_of_answers(replies) == pytest.approx(4)
    nothing = perplexity_of_answers(replies[2:])
    [gate] = read_gates({"perplexity_of_answers": "<= 1000000"})
    assert isinstance(gate, Gate)
    assert nothing == math.inf
    assert not gate.holds(nothing)
    assert perplexity_of_answers([Reply(text="x", logprob=-9999.0, logprob_tokens=1)]) == math.inf


def test_tool_calls_match_by_name_and_arguments_in_any_order() -> None:
    weather = {"id": "1", "function": {"name": "weather", "arguments": '{"at": "Pune", "h": 3}'}}
    same = {"id": "2", "function": {"name": "weather", "arguments": '{"h":3,"at":"Pune"}'}}
    clock = {"id": "3", "function": {"name": "clock", "arguments": ""}}
    broken = {"id": "4", "function": {"name": "weather", "arguments": '{"h":'}}
    assert tool_calls_match([weather, clock], [clock, same]) == 1
    assert tool_calls_match([weather], [weather, clock]) == 0
    assert tool_calls_match([broken], [weather]) == 0
    assert tool_calls_match([], []) == 1


def test_calls_of_tools_are_scored_question_by_question_and_a_refusal_is_no_match() -> None:
    call = {"function": {"name": "stock", "arguments": '{"part": "disc"}'}}
    questions = [Question([], "", {}, [call]), Question([], "In words.", {}), Question([], "", {})]
    spec = evaluation("tool_calls")
    replies = [
        Reply(text="", tool_calls=[call]),
        Reply(text="In words."),
        Reply(text="", refused=True),
    ]
    taken = Exam(spec=spec, questions=questions, own={})
    assert taken.each("tool_calls", replies) == [1, 1, 0]
    assert taken.each("tool_calls", [replies[1], replies[0], replies[2]]) == [0, 0, 0]


def test_questions_are_read_with_their_tools_and_the_calls_that_are_expected() -> None:
    call = {"id": "a", "function": {"name": "stock", "arguments": "{}"}}
    row = {
        "tools": [{"type": "function", "function": {"name": "stock"}}],
        "messages": [
            {"role": "user", "content": "Any discs?"},
            {"role": "assistant", "content": None, "tool_calls": [call], "weight": 0},
            {"role": "tool", "content": "3", "tool_call_id": "a"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
    }
    [question] = questions(json.dumps(row).encode())
    assert (question.expected, list(question.calls), question.tools) == ("", [call], row["tools"])
    assert question.messages == [
        {"role": "user", "content": "Any discs?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "a"},
    ]


def test_whoever_is_to_be_asked_and_is_not_there_is_told_and_no_gate_passes_by_it() -> None:
    spec = Evaluation(
        name="e", endpoint="e", data="d", compare_with=("base",), gates={"token_f1": "> base"}
    )
    measuring = Measuring(
        spec=spec, endpoint="e", references={}, path=Path("d"), sha256="", folder=Path()
    )
    nobody: Any = None
    with pytest.raises(PreflightError, match="there is nobody to ask as base"):
        measure(nobody, nobody, measuring, nobody, {})


def test_a_custom_metric_is_called_once_an_answer(tmp_path: Path) -> None:
    file = tmp_path / "metrics.py"
    file.write_text(
        "calls = []\ndef brief(a, e, m):\n    calls.append(a)\n    return len(calls) / 9\n"
    )
    own = OwnMetric(path=file, function="brief", sha256=sha256(file.read_bytes()).hexdigest())
    give = scorer("brief", own, [Question([], "x", {}), Question([], "y", {})])
    replies = [Reply(text="a"), Reply(text="a")]
    assert give(replies) == give(replies) == [1 / 9, 2 / 9]
    file.write_text("def brief(a, e, m): return 1.0\n")
    with pytest.raises(InvalidInputError, match="changed after it was checked"):
        scorer("brief", own, [])


def evaluation(*metrics: Metric, format: Format | None = None) -> Evaluation:  # noqa: A002
    return Evaluation(name="e", endpoint="e", data="d.jsonl", metrics=metrics, format=format)


def scored(
    said: list[str],
    expected: list[str],
    *metrics: Metric,
    format: Format | None = None,  # noqa: A002
) -> dict[str, float]:
    spec = evaluation(*metrics, format=format)
    return exam(spec, expected).means([Reply(text=text) for text in said])


def exam(spec: Evaluation, expected: list[str]) -> Exam:
    questions = [Question([], answer, {}) for answer in expected]
    return Exam(spec=spec, questions=questions, own={})


def test_gates_are_read_in_every_spelling() -> None:
    written = {"token_f1": ">= 0.60", "exact_match": "0.5", "rouge_l": "> 40%"}
    read = {gate.metric: gate for gate in read_gates(written) if isinstance(gate, Gate)}
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
        ({"length": "< 60 %"}, "no share"),
        ({"token_f1": "> served"}, "not in compare_with"),
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
