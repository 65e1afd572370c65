"""A candidate against the models that `compare_with` names: what is told, which gates it misses."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.proof.asking import Answered
from jobs.proof.compare import ENOUGH, Difference, compare, compare_slices
from jobs.proof.metrics import Question
from jobs.proof.promotion import Decision, decide
from jobs.proof.scoring import per_question
from jobs.proof.slices import slices
from jobs.spec.gates import PER_QUESTION, RelativeGate
from jobs.spec.models import Evaluation

LESS_IS_BETTER = frozenset({"refusal_rate"})
ALWAYS_CUT_BY = ("system", "language", "label", "length")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric of the candidate beside a reference's."""

    word: str
    """What `compare_with` calls the reference."""
    model: str
    metric: str
    difference: Difference
    slices: Mapping[str, Mapping[str, Difference]]
    """By what, then by slice: those with enough questions to say something of."""

    @property
    def clear(self) -> Iterator[tuple[str, str, Difference]]:
        """The slices that differ clearly: by what, which, how."""
        for by, found in self.slices.items():
            for name, difference in found.items():
                if difference.word != "can't tell":
                    yield by, name, difference

    @property
    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it."""
        return {
            "with": self.word,
            "model": self.model,
            "metric": self.metric,
            **_as_dict(self.difference),
            "slices": [
                {"by": by, "slice": name, **_as_dict(difference)}
                for by, found in self.slices.items()
                for name, difference in found.items()
            ],
        }


def compared(
    spec: Evaluation,
    questions: Sequence[Question],
    candidate: Answered,
    word: str,
    reference: Answered,
) -> Iterator[Comparison]:
    """Every metric that each question has a score of, as a whole and by slice."""
    rows = [question.row for question in questions]
    for metric in spec.metrics:
        if metric not in PER_QUESTION:
            continue
        ours, theirs = (scores(spec, metric, one, questions) for one in (candidate, reference))
        less_is_better = metric in LESS_IS_BETTER
        yield Comparison(
            word=word,
            model=reference.subject.model,
            metric=metric,
            difference=compare(ours, theirs, less_is_better=less_is_better),
            slices={
                by: _cut(ours, theirs, slices(rows, by), less_is_better=less_is_better)
                for by in dict.fromkeys((*ALWAYS_CUT_BY, *spec.slices))
            },
        )


def held(
    spec: Evaluation,
    questions: Sequence[Question],
    gate: RelativeGate,
    candidate: Answered,
    reference: Answered,
    look: int,
) -> Decision:
    """A relative gate, held by the `look`-th model against this reference."""
    return decide(
        gate,
        scores(spec, gate.metric, candidate, questions),
        scores(spec, gate.metric, reference, questions),
        alpha=spec.alpha,
        look=look,
    )


def scores(
    spec: Evaluation, metric: str, answered: Answered, questions: Sequence[Question]
) -> list[float]:
    """One score a question."""
    replies = [answer.reply for answer in answered.answers]
    return per_question(spec, metric, replies, [question.expected for question in questions])


def _cut(
    ours: Sequence[float], theirs: Sequence[float], names: Sequence[str], *, less_is_better: bool
) -> dict[str, Difference]:
    counts = Counter(names)
    large = [i for i, name in enumerate(names) if ENOUGH <= counts[name] < len(names)]
    return compare_slices(
        [ours[i] for i in large],
        [theirs[i] for i in large],
        [names[i] for i in large],
        less_is_better=less_is_better,
    )


def _as_dict(difference: Difference) -> dict[str, Any]:
    return {
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "word": difference.word,
        "questions": difference.questions,
        "detectable": difference.detectable,
    }
