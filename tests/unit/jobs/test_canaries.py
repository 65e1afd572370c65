"""What canaries show: that a gate surely no longer holds, and not that a few answers were odd."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from jobs.files import read_unchanged
from jobs.foundry.inference import Answer, Messages, Refusal
from jobs.plan.desired import Measuring
from jobs.proof import canaries, metrics
from jobs.proof.answers import KeptAnswer, key_of
from jobs.proof.metrics import Question
from jobs.spec.models import Evaluation, Expectation, SmokeTest


class Says:
    """Answers with the next of its lines, the last one for ever."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def ask(self, messages: Messages, *, max_tokens: int, temperature: float) -> Answer | Refusal:
        assert messages
        assert (max_tokens, temperature) == (256, 0)
        text = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        return Answer(text=text, finish_reason="stop", fingerprint="", tokens=1)


def measuring(tmp_path: Path, count: int, **fields: Any) -> Measuring:
    path = tmp_path / "test.jsonl"
    lines = (
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"question {number}"},
                    {"role": "assistant", "content": "yes"},
                ]
            }
        )
        for number in range(count)
    )
    path.write_text("\n".join(lines), encoding="utf-8")
    spec = Evaluation(name="e", endpoint="x", data="test.jsonl", **fields)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Measuring(
        spec=spec, endpoint="x", references={}, path=path, sha256=digest, folder=tmp_path
    )


def test_a_smoke_test_that_passes_is_asked_once() -> None:
    test = SmokeTest(prompt="?", expect=Expectation(contains="yes"))
    [canary] = canaries.smoke_tests(Says("yes"), [test], "")
    assert (canary.state, canary.asked, canary.seen) == ("holds", 1, 1.0)
    assert canary.low < 0.5 < canary.high, "one answer shows little"


@pytest.mark.parametrize(
    ("lines", "state", "seen"),
    [
        (("no", "yes"), "unsure", 0.8),
        (("no", "no", "yes"), "unsure", 0.6),
        (("no", "no", "no", "yes"), "broken", 0.4),
        (("no",), "broken", 0.0),
    ],
)
def test_a_smoke_test_that_fails_is_asked_again_to_tell_drift_from_chance(
    lines: tuple[str, ...], state: str, seen: float
) -> None:
    test = SmokeTest(prompt="?", expect=Expectation(contains="yes"))
    [canary] = canaries.smoke_tests(Says(*lines), [test], "")
    assert (canary.state, canary.asked, canary.seen) == (state, 5, seen)
    assert canary.low <= seen <= canary.high
    assert "lacks 'yes'" in canary.words


@pytest.mark.parametrize(
    ("said", "gate", "count", "state"),
    [
        ("yes", ">= 0.9", 20, "holds"),
        ("no", ">= 0.9", 20, "broken"),
        ("no", ">= 0.9", 1, "unsure"),  # one odd answer shows nothing
        ("no", "<= 0.5", 20, "holds"),
        ("yes", "<= 0.5", 20, "broken"),
        ("yes", "== 0", 20, "broken"),
        ("no", "== 0", 20, "holds"),
    ],
)
def test_a_gate_is_broken_where_the_metric_is_surely_beyond_it(
    tmp_path: Path, said: str, gate: str, count: int, state: str
) -> None:
    held = measuring(tmp_path, 30, metrics=("exact_match",), gates={"exact_match": gate})
    [canary], _ = canaries.gates(Says(said), held, count)
    assert (canary.state, canary.asked) == (state, count)
    assert canary.low <= canary.seen <= canary.high


def test_gates_that_no_question_has_a_share_of_are_left_to_apply(tmp_path: Path) -> None:
    gates = {"latency_p95": "< 0", "macro_f1": ">= 1", "token_f1": ">= served"}
    fields: dict[str, Any] = {"gates": gates, "compare_with": ("served",)}
    assert canaries.gates(Says("yes"), measuring(tmp_path, 5, **fields), 5) == ([], [])
    nothing = measuring(tmp_path, 5, gates={"token_f1": ">= 1"})
    assert canaries.gates(Says("no"), nothing, 0) == ([], []), "nothing was asked"


@pytest.mark.parametrize(
    ("said", "changed", "word"), [("yes", 0, "can't tell"), ("no", 20, "worse")]
)
def test_answers_are_paired_with_those_that_were_kept(
    tmp_path: Path, said: str, changed: int, word: str
) -> None:
    held = measuring(tmp_path, 30, metrics=("exact_match",), gates={"exact_match": ">= 0.9"})
    questions = metrics.questions(read_unchanged(held.path, held.sha256))
    kept = {key_of(held.spec, question): answer_of(held, question, "yes") for question in questions}
    _, [since] = canaries.gates(Says(said), held, 20, kept)
    assert (since.asked, since.changed, since.worse) == (20, changed, changed)
    assert since.difference.word == word
    assert str(since).startswith(f"{changed} of 20 answers changed since they were kept, {changed}")
    _, none = canaries.gates(Says(said), held, 20, {})
    assert none == [], "nothing was kept to be paired with"


def answer_of(held: Measuring, question: Question, text: str) -> KeptAnswer:
    return KeptAnswer(
        question=key_of(held.spec, question),
        model="tiny:1",
        messages=[dict(one) for one in question.messages],
        max_tokens=held.spec.max_tokens,
        temperature=float(held.spec.temperature),
        tools=[],
        expected=question.expected,
        answer=text,
        tool_calls=[],
        refused=None,
        finish_reason="stop",
        seconds=0.1,
        tokens=1,
        prompt_tokens=1,
        severities={},
        fingerprint="",
    )


def test_the_same_questions_are_asked_each_time_whatever_order_they_stand_in() -> None:
    questions = [Question([{"role": "user", "content": str(n)}], "", {}) for n in range(50)]
    chosen = canaries.sample(questions, 7)
    assert canaries.sample(questions[::-1], 7) == chosen
    assert len(chosen) == 7
    assert chosen != questions[:7]
