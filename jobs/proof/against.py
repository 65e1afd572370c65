"""A candidate against the models that `compare_with` names: what is told, which gates it misses."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.proof.asking import Answered
from jobs.proof.compare import ENOUGH, Difference, compare, compare_slices
from jobs.proof.evidence import lower_bound, upper_bound
from jobs.proof.promotion import Decision, decide
from jobs.proof.scoring import Exam, Reply, known
from jobs.proof.slices import slices
from jobs.read.fields import ALWAYS
from jobs.spec.gates import Gate, RelativeGate

_CLEAR = ("worse", "better")
LESS_IS_BETTER = frozenset({"refusal_rate"})


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
    def clear(self) -> Iterator[str]:
        """For each cut the slices that differ clearly, in words: `by length: better for …`."""
        for by, found in self.slices.items():
            words: dict[str, list[str]] = {}
            for name, difference in found.items():
                words.setdefault(difference.word, []).append(f"{name!r} {difference.mean:+.3f}")
            told = [f"{word} for {', '.join(words[word])}" for word in _CLEAR if word in words]
            if told:
                yield f"by {by}: {'; '.join(told)}"

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
    exam: Exam, candidate: Answered, word: str, reference: Answered
) -> Iterator[Comparison]:
    """Every metric that each question has a score of, as a whole and by slice."""
    rows = [question.row for question in exam.questions]
    cuts = {by: slices(rows, by) for by in dict.fromkeys((*ALWAYS, *exam.spec.slices))}
    for metric in exam.shares:
        ours, theirs, where = both(exam, metric, candidate, reference)
        if not where:
            continue
        less_is_better = metric in LESS_IS_BETTER
        yield Comparison(
            word=word,
            model=reference.subject.model,
            metric=metric,
            difference=compare(ours, theirs, less_is_better=less_is_better),
            slices={
                by: _cut(ours, theirs, [names[at] for at in where], less_is_better=less_is_better)
                for by, names in cuts.items()
            },
        )


def held(
    exam: Exam, gate: RelativeGate, candidate: Answered, reference: Answered, look: int
) -> Decision:
    """A relative gate, held by the `look`-th model against this reference."""
    ours, theirs, _ = both(exam, gate.metric, candidate, reference)
    return decide(gate, ours, theirs, alpha=exam.spec.alpha, look=look)


def both(
    exam: Exam, metric: str, candidate: Answered, reference: Answered
) -> tuple[list[float], list[float], list[int]]:
    """Both models' scores of the questions that both have one of, and which questions these are."""
    pairs = zip(
        exam.each(metric, candidate.replies), exam.each(metric, reference.replies), strict=True
    )
    there = [(at, pair) for at, pair in enumerate(pairs) if len(known(pair)) == len(pair)]
    return [pair[0] for _, pair in there], [pair[1] for _, pair in there], [at for at, _ in there]


def absolute_miss(exam: Exam, gate: Gate, value: float, replies: Sequence[Reply]) -> str:
    """How a metric of this value misses its gate, in words; empty where the gate holds."""
    end = value
    if exam.spec.confident:
        end = _surely(gate, known(exam.each(gate.metric, replies)), exam.spec.alpha)
    if gate.holds(end):
        return ""
    interval = f", its interval ends at {end:.3f}" if end != value else ""
    return f"{gate} (it is {value:.3f}{interval})"


def _surely(gate: Gate, values: Sequence[float], alpha: float) -> float:
    """The end of the mean's interval that a gate must be held by: it is wrong `alpha` at most."""
    if gate.comparison in ("<", "<="):
        return upper_bound(values, alpha)
    return lower_bound(values, alpha, floor=0)


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
