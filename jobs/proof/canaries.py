"""Canaries: what an endpoint was promoted by, asked again, so that drift is seen and not guessed.

Three kinds, all on the filtered route: the content filter's probes, the spec's smoke tests, and a
few questions of each evaluation, the same ones each time. Some answers are not all answers, so what
is seen is told with what the truth surely is (`evidence.interval`: right for few questions, and
for whoever looks every night an alarm is false at most `alpha` of the nights).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.foundry.inference import Answer
from jobs.plan.desired import Measuring
from jobs.proof import smoke
from jobs.proof.against import LESS_IS_BETTER
from jobs.proof.answers import KeptAnswer, key_of
from jobs.proof.compare import Difference, compare
from jobs.proof.custom import exam_of
from jobs.proof.evidence import interval
from jobs.proof.metrics import Question
from jobs.proof.questions import questions_of
from jobs.proof.safety import Asks
from jobs.proof.scoring import Reply
from jobs.side_by_side import Pool
from jobs.spec.gates import PER_QUESTION, Gate, read_gates
from jobs.spec.models import SmokeTest

ALPHA = 0.05
AGAIN = 4
"""How often a smoke test that failed is asked again: once may be chance, five times is not."""
_AT_ONCE = 4
_WITH_TOOLS = frozenset({"tool_calls"})
"""Metrics of questions that bring tools: left to `apply`, which knows who takes them."""

State = Literal["holds", "broken", "unsure"]

_TOLD: dict[State, str] = {
    "holds": "holds",
    "broken": "no longer holds",
    "unsure": "is missed, which may be chance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """What became of one smoke test or gate."""

    kind: Literal["smoke test", "gate"]
    name: str
    state: State
    """`unsure`: what was seen neither holds nor shows that it doesn't."""
    asked: int
    seen: float
    """The share of passes, or the metric's mean."""
    low: float
    high: float
    """What the truth is surely between."""
    words: str


def smoke_tests(chat: Asks, tests: Sequence[SmokeTest], system: str) -> list[Canary]:
    """Every smoke test once; one that fails a few times more, to tell drift from chance."""
    return [_smoke(chat, number, test, system) for number, test in enumerate(tests, start=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What became of an evaluation's answers since they were kept, question by question."""

    evaluation: str
    metric: str
    asked: int
    changed: int
    """Answers that are other texts, or refused, or no longer so."""
    worse: int
    """Questions that score less now."""
    difference: Difference

    def __str__(self) -> str:
        return (
            f"{self.changed} of {self.asked} answers changed since they were kept, {self.worse} "
            f"score less: {self.metric} {self.difference}"
        )


def gates(
    chat: Asks, measuring: Measuring, count: int, kept: Mapping[str, KeptAnswer] | None = None
) -> tuple[list[Canary], list[Since]]:
    """The gates of an evaluation, held by at most `count` of its questions.

    `kept` is what the model answered before, by question: what is answered now is paired with it.

    A gate is broken where the metric is surely beyond it, not where a few questions happen to be.
    Gates that say nothing question by question (times, lengths, macro-F1), or compare with another
    model, are left to `apply`.
    """
    spec = measuring.spec
    questions = sample(questions_of(measuring), count)
    held = [
        gate
        for gate in read_gates(spec.gates, spec.compare_with, spec.own_shares)
        if isinstance(gate, Gate)
        and (gate.metric in PER_QUESTION - _WITH_TOOLS or gate.metric in spec.custom_metrics)
    ]
    if not held or not questions:
        return [], []
    replies = _ask(chat, measuring, questions)
    exam = exam_of(measuring, questions)
    # Each gate may be wrong, so each gets its share of how often any may be.
    alpha = spec.alpha / len(held)
    found = [_gate(measuring.name, gate, exam.each(gate.metric, replies), alpha) for gate in held]
    return found, _since(measuring, held, questions, replies, kept or {})


def sample(questions: Sequence[Question], count: int) -> list[Question]:
    """Some of the questions, always the same ones, whatever order they stand in."""

    def key(question: Question) -> bytes:
        return hashlib.sha256(json.dumps(list(question.messages)).encode()).digest()

    return sorted(questions, key=key)[:count]


def _since(
    measuring: Measuring,
    held: Sequence[Gate],
    questions: Sequence[Question],
    replies: Sequence[Reply],
    kept: Mapping[str, KeptAnswer],
) -> list[Since]:
    keys = [key_of(measuring.spec, question) for question in questions]
    both = [place for place, key in enumerate(keys) if key in kept]
    if not both:
        return []
    exam = exam_of(measuring, [questions[place] for place in both])
    now, then = [replies[place] for place in both], [kept[keys[place]].reply for place in both]
    changed = sum(
        (a.text, a.refused) != (b.text, b.refused) for a, b in zip(now, then, strict=True)
    )
    found: list[Since] = []
    for metric in dict.fromkeys(gate.metric for gate in held):
        less_is_better = metric in LESS_IS_BETTER
        ours, theirs = exam.each(metric, now), exam.each(metric, then)
        sign = -1 if less_is_better else 1
        worse = sum(sign * (a - b) < 0 for a, b in zip(ours, theirs, strict=True))
        found.append(
            Since(
                evaluation=measuring.name,
                metric=metric,
                asked=len(both),
                changed=changed,
                worse=worse,
                difference=compare(ours, theirs, less_is_better=less_is_better),
            )
        )
    return found


def _smoke(chat: Asks, number: int, test: SmokeTest, system: str) -> Canary:
    results = smoke.run(chat, [test], system)
    if not results[0].passed:
        results += smoke.run(chat, [test] * AGAIN, system)
    passed = [float(result.passed) for result in results]
    low, high = interval(passed, ALPHA)
    problems = "; ".join(next((r.problems for r in results if not r.passed), ()))
    failed = len(passed) - round(sum(passed))
    words = "passes"
    if failed:
        words = (
            f"fails {failed} of {len(passed)} times (surely at least {1 - high:.0%} of the time): "
            f"{problems}"
        )
    return Canary(
        kind="smoke test",
        name=str(number),
        state="holds" if not failed else "broken" if 2 * failed > len(passed) else "unsure",
        asked=len(passed),
        seen=sum(passed) / len(passed),
        low=low,
        high=high,
        words=words,
    )


def _gate(evaluation: str, gate: Gate, values: Sequence[float], alpha: float) -> Canary:
    mean = sum(values) / len(values)
    low, high = interval(values, alpha)
    possible = low <= gate.threshold <= high or gate.holds(low) or gate.holds(high)
    state: State = "broken" if not possible else "holds" if gate.holds(mean) else "unsure"
    return Canary(
        kind="gate",
        name=f"{evaluation}.{gate.metric}",
        state=state,
        asked=len(values),
        seen=mean,
        low=low,
        high=high,
        words=f"{gate} {_TOLD[state]}: {mean:.2f} of {len(values)} questions, surely {low:.2f} "
        f"to {high:.2f}",
    )


def _ask(chat: Asks, measuring: Measuring, questions: Sequence[Question]) -> list[Reply]:
    def ask(question: Question) -> Reply:
        said = chat.ask(
            question.messages,
            max_tokens=measuring.spec.max_tokens,
            temperature=measuring.spec.temperature,
        )
        if isinstance(said, Answer):
            return Reply(text=said.text, tokens=said.tokens)
        return Reply(text="", refused=True)

    with Pool(_AT_ONCE) as pool:
        return pool.map(ask, questions)
