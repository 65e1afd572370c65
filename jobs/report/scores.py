"""An evaluation told from kept answers: scores, intervals, differences, gates; nothing is asked."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.proof.against import absolute_miss, both, compared, held
from jobs.proof.answers import KeptAnswer, Subject
from jobs.proof.asking import Answered
from jobs.proof.evidence import interval
from jobs.proof.metrics import Question
from jobs.proof.scoring import Exam, known
from jobs.report.report import (
    SEVERITIES,
    Compared,
    Evaluated,
    Exchange,
    Ground,
    Said,
    Score,
    Side,
    Speaker,
)
from jobs.spec.gates import RelativeGate

_TAIL = 0.025
"""Of each end of a 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody's answers to every question, in their order."""

    speaker: Speaker
    identity: str
    words: frozenset[str]
    """What `compare_with` may call it."""
    answers: tuple[KeptAnswer, ...]

    @property
    def answered(self) -> Answered:
        """The same, as comparisons take it."""
        subject = Subject(model=self.speaker.label, filter="", identity=self.identity)
        return Answered(subject=subject, endpoint="", answers=self.answers, asked=0)


def measured(
    name: str,
    exam: Exam,
    ours: Party,
    others: Sequence[Party],
    looks: Mapping[str, int],
    judge: Sequence[str] = (),
) -> Evaluated:
    """What an evaluation comes to; `looks` is, by identity, the how-manieth look this one was.

    `judge` is what the verdicts come to, in sentences.
    """
    parties = (ours, *others)
    means = [exam.means(party.answered.replies) for party in parties]
    return Evaluated(
        name=name,
        models=tuple(party.speaker for party in parties),
        scores={
            metric: tuple(
                _score(exam, metric, party, found[metric])
                for party, found in zip(parties, means, strict=True)
            )
            for metric in exam.measured
        },
        comparisons=tuple(_comparisons(exam, ours, others)),
        gates=tuple(_gates(exam, means[0], ours, others, looks)),
        confusion=exam.confusion(ours.answered.replies),
        exchanges=tuple(_exchanges(exam.questions, parties)),
        judge=tuple(judge),
        rests_on=_rests_on(name, ours),
    )


def severities(answers: Sequence[KeptAnswer]) -> dict[tuple[str, Side], dict[str, int]]:
    """How often the filter gave each category each severity: of refused prompts, and of answers."""
    counts: dict[tuple[str, Side], dict[str, int]] = {}
    for answer in answers:
        side: Side = "prompt" if answer.refused == "prompt" else "completion"
        for category, severity in answer.severities.items():
            if severity in SEVERITIES:
                found = counts.setdefault((category, side), {})
                found[severity] = found.get(severity, 0) + 1
    return counts


def _score(exam: Exam, metric: str, party: Party, value: float) -> Score:
    if metric not in exam.shares or not party.answers:
        return Score(value)
    values = known(exam.each(metric, party.answered.replies))
    return Score(value, *interval(values, _TAIL)) if values else Score(value)


def _comparisons(exam: Exam, ours: Party, others: Sequence[Party]) -> Iterator[Compared]:
    for other in others:
        for one in compared(exam, ours.answered, other.speaker.label, other.answered):
            yield Compared(
                metric=one.metric,
                reference=other.speaker.label,
                difference=one.difference,
                slices={by: found for by, found in one.slices.items() if found},
            )


def _gates(
    exam: Exam,
    means: Mapping[str, float],
    ours: Party,
    others: Sequence[Party],
    looks: Mapping[str, int],
) -> Iterator[Ground]:
    for gate in exam.gates:
        if isinstance(gate, RelativeGate):
            yield _relative(exam, gate, ours, others, looks)
            continue
        value = means.get(gate.metric, math.nan)
        if math.isnan(value):
            yield Ground(None, f"{gate}: no verdicts on these answers are kept")
            continue
        miss = absolute_miss(exam, gate, value, ours.answered.replies)
        yield Ground(not miss, miss or f"{gate} (it is {value:.3f})")


def _relative(
    exam: Exam, gate: RelativeGate, ours: Party, others: Sequence[Party], looks: Mapping[str, int]
) -> Ground:
    """A relative gate as it was held: against that reference, by that look."""
    for other in others:
        if (
            gate.against in other.words
            and other.identity in looks
            and _both(exam, gate, ours, other)
        ):
            look = looks[other.identity]
            decision = held(exam, gate, ours.answered, other.answered, look)
            return Ground(decision.promoted, str(decision))
    return Ground(None, f"{gate}: it was not held against anybody whose answers are kept")


def _both(exam: Exam, gate: RelativeGate, ours: Party, other: Party) -> bool:
    """Whether a gate's metric can be told of both."""
    return gate.metric in exam.measured and bool(
        both(exam, gate.metric, ours.answered, other.answered)[2]
    )


def _exchanges(questions: Sequence[Question], parties: Sequence[Party]) -> Iterator[Exchange]:
    for at, question in enumerate(questions):
        yield Exchange(
            number=at + 1,
            messages=tuple((str(m["role"]), _text(m)) for m in question.messages),
            expected=question.expected or _calls(question.calls),
            said=tuple(_said(party.answers[at]) for party in parties),
        )


def _said(answer: KeptAnswer) -> Said:
    return Said(answer.answer or _calls(answer.tool_calls), answer.refused or "")


def _text(message: Mapping[str, Any]) -> str:
    return str(message.get("content") or "") or _calls(message.get("tool_calls") or ())


def _calls(calls: Sequence[Mapping[str, Any]]) -> str:
    functions: list[dict[str, Any]] = [call.get("function") or {} for call in calls]
    return "\n".join(f"{one.get('name', '')}({one.get('arguments', '')})" for one in functions)


def _rests_on(name: str, ours: Party) -> str:
    stand_ins = sorted({one.fingerprint for one in ours.answers if one.fingerprint})
    said = f" system_fingerprint: {', '.join(stand_ins[:3])}." if stand_ins else ""
    return (
        f"From answers kept in data asset {name}-answers; nobody was asked for this report. "
        "Intervals of scores hold for few questions too, those of differences are a paired "
        f"bootstrap's.{said}"
    )
