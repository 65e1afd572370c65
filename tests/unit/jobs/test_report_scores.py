"""An evaluation told from kept answers: what is paired, held, counted, and what is left open."""

import json
import math
from collections.abc import Sequence

import pytest

from jobs.proof.answers import KeptAnswer, question_hash
from jobs.proof.metrics import Question, questions
from jobs.proof.scoring import Exam, Reply
from jobs.report.report import Speaker
from jobs.report.scores import Party, measured, severities
from jobs.spec.judge import Judge, JudgeMetric
from jobs.spec.models import Evaluation

ASKED = [f"What is {number}?" for number in range(12)]


def exam(**written: object) -> Exam:
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": asked},
                    {"role": "assistant", "content": f"It is {number}."},
                ]
            }
        )
        for number, asked in enumerate(ASKED)
    ]
    spec = Evaluation(name="e", endpoint="x", data="test.jsonl", **written)  # pyright: ignore[reportArgumentType]
    return Exam(spec=spec, questions=questions("\n".join(lines).encode()), own={})


def kept(
    question: Question, answer: str, refused: str | None = None, **severity: str
) -> KeptAnswer:
    messages = [dict(message) for message in question.messages]
    return KeptAnswer(
        question=question_hash(messages, 8, 0.0),
        model="x:1",
        messages=messages,
        max_tokens=8,
        temperature=0.0,
        tools=[],
        expected=question.expected,
        answer=answer,
        tool_calls=[],
        refused=refused,
        finish_reason="stop",
        seconds=0.1,
        tokens=3,
        prompt_tokens=4,
        severities=severity,
        fingerprint="stand-in",
    )


def party(paper: Exam, label: str, *, is_right: bool, word: str = "") -> Party:
    said = [one.expected if is_right else "no idea" for one in paper.questions]
    return Party(
        speaker=Speaker(label=label, role=word or "this revision"),
        identity=label,
        words=frozenset({word} if word else ()),
        answers=tuple(kept(*pair) for pair in zip(paper.questions, said, strict=True)),
    )


def test_scores_have_intervals_where_they_are_means_over_questions() -> None:
    paper = exam(metrics=("exact_match", "length"))
    told = measured("e", paper, party(paper, "x:1", is_right=True), [], {})
    [exact], [length] = told.scores["exact_match"], told.scores["length"]
    assert exact.value == 1
    assert exact.low is not None
    assert 0.5 < exact.low < 1
    assert exact.high == 1
    assert (length.value, length.low, length.high) == (pytest.approx(8.2, abs=0.1), None, None)


def test_answers_are_paired_by_question_and_told_side_by_side() -> None:
    paper = exam(metrics=("exact_match",))
    base = party(paper, "Phi", is_right=False, word="base")
    told = measured("e", paper, party(paper, "x:1", is_right=True), [base], {})
    [compared] = told.comparisons
    assert (compared.reference, compared.difference.mean) == ("Phi", 1)
    assert [one.number for one in told.exchanges] == list(range(1, 13))
    first = told.exchanges[0]
    assert first.messages == (("user", "What is 0?"),)
    assert [said.text for said in first.said] == ["It is 0.", "no idea"]
    assert first.has_changed
    assert "system_fingerprint: stand-in." in told.rests_on


def test_an_absolute_gate_is_told_as_it_holds_on_the_answers() -> None:
    paper = exam(metrics=("exact_match",), gates={"exact_match": ">= 0.9"})
    [held] = measured("e", paper, party(paper, "x:1", is_right=True), [], {}).gates
    [missed] = measured("e", paper, party(paper, "x:1", is_right=False), [], {}).gates
    assert (held.held, held.text) == (True, "exact_match >= 0.9 (it is 1.000)")
    assert (missed.held, missed.text) == (False, "exact_match >= 0.9 (it is 0.000)")


def test_a_relative_gate_is_told_only_where_it_was_held() -> None:
    gates = {"exact_match": "> base"}
    paper = exam(metrics=("exact_match",), gates=gates, compare_with=("base",))
    ours = party(paper, "x:1", is_right=True)
    base = party(paper, "Phi", is_right=False, word="base")
    [held] = measured("e", paper, ours, [base], {"Phi": 1}).gates
    assert held.held
    assert held.text.startswith("passes exact_match > base: the difference is +1.000")
    [stale] = measured("e", paper, ours, [base], {"another": 1}).gates
    [alone] = measured("e", paper, ours, [], {"Phi": 1}).gates
    assert stale == alone
    assert stale.held is None


def test_severities_are_counted_by_category_and_side() -> None:
    question = exam().questions[0]
    answers = [
        kept(question, "a", hate="safe", violence="low"),
        kept(question, "b", hate="safe"),
        kept(question, "", "prompt", violence="high"),
        kept(question, "", "answer", hate="medium"),
        kept(question, "c", hate="a word that nobody knows"),
    ]
    assert severities(answers) == {
        ("hate", "completion"): {"safe": 2, "medium": 1},
        ("violence", "completion"): {"low": 1},
        ("violence", "prompt"): {"high": 1},
    }


def test_a_judge_is_told_only_of_those_whose_verdicts_are_kept() -> None:
    judge = JudgeMetric(judge=Judge(endpoint="judge", rubric="rubric.md"))
    gates = {"judge": ">= 0.5"}
    paper = exam(metrics=("exact_match", judge), gates=gates, compare_with=("base",))
    ours = party(paper, "x:1", is_right=True)
    base = party(paper, "Phi", is_right=False, word="base")
    told = measured("e", paper, ours, [base], {})
    assert list(told.scores) == ["exact_match"]
    [gate] = told.gates
    assert (gate.held, gate.text) == (None, "judge >= 0.5: no verdicts on these answers are kept")

    def only_ours(replies: Sequence[Reply]) -> list[float]:
        return [0.75 if reply.text != "no idea" else math.nan for reply in replies]

    told = measured("e", paper.judged_by(only_ours), ours, [base], {}, ["agrees"])
    known, unknown = told.scores["judge"]
    assert (known.value, known.low is not None) == (0.75, True)
    assert math.isnan(unknown.value)
    assert [one.metric for one in told.comparisons] == ["exact_match"]
    assert told.gates[0].held
    assert told.judge == ("agrees",)
