"""Running an evaluation: ask the held-out questions, score the answers, compare, hold the gates."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs import revision
from jobs.errors import QualityError
from jobs.files import read_unchanged
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.plan.desired import Measuring
from jobs.proof import labels, metrics
from jobs.proof.against import Comparison, compared, held, scores
from jobs.proof.archive import TAG_LOOK, Archive
from jobs.proof.asking import Answered, Asking
from jobs.proof.metrics import Question
from jobs.proof.scoring import score
from jobs.spec.gates import Gate, RelativeGate, read_gate
from jobs.spec.models import Evaluation
from jobs.terminal.progress import Reporter

SERVED = "served"
"""The word of `compare_with` for what is in force; the first model has nothing to beat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an evaluation found."""

    evaluation: str
    model: str
    questions: int
    asked: int
    """How many questions were sent to the model; what it had answered before was kept."""
    answers: str
    """The data asset's version that has the answers."""
    scores: Mapping[str, float]
    comparisons: tuple[Comparison, ...] = ()
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """How often each label (first) was answered with each (second)."""
    gates: tuple[str, ...] = ()
    """What relative gates say."""
    missed: tuple[str, ...] = ()

    @property
    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it."""
        return {
            "name": self.evaluation,
            "model": self.model,
            "questions": self.questions,
            "asked": self.asked,
            "answers": self.answers,
            "scores": dict(self.scores),
            "comparisons": [one.as_dict for one in self.comparisons],
            "confusion": [
                {"expected": truth, "answered": said, "count": count}
                for (truth, said), count in sorted(self.confusion.items())
            ],
            "gates": list(self.gates),
            "missed": list(self.missed),
        }


def measure(
    session: Session,
    endpoint: Endpoint,
    measuring: Measuring,
    report: Reporter,
    others: Mapping[str, Endpoint] | None = None,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Ask, keep, score, compare, report; mark the endpoint where every gate holds.

    `others` are the endpoints that the words of `compare_with` mean. Without `served` nothing was
    served before, so there is nothing to hold gates on it against: they pass, and that is told.

    Raises:
        QualityError: A gate doesn't hold.
    """
    content = read_unchanged(measuring.path, measuring.sha256)
    asking = Asking(
        session=session,
        measuring=measuring,
        questions=metrics.questions(content),
        report=report,
        pause=pause,
    )
    archive = asking.archive
    candidate = asking.ask(endpoint, archive)
    references = {
        word: asking.ask(others[word], archive)
        for word in measuring.spec.compare_with
        if others and word in others
    }
    if SERVED in references and references[SERVED].subject == candidate.subject:
        del references[SERVED]  # it is in force already: there is nothing to promote
    looks = _keep(archive, measuring, candidate, references)
    outcome = _outcome(asking, archive, candidate, references, looks)
    _tell(outcome, report)
    if outcome.missed:
        raise QualityError(
            f"Evaluation '{measuring.name}' misses {'; '.join(outcome.missed)}.",
            next_step=f"The endpoint is up and filtered. Train longer or on more data, change the "
            f"gate, or take it down: foundry-tune down {endpoint.name}",
        )
    mark = measuring.mark(endpoints.serves(endpoint))
    endpoints.tag(session, endpoint, {f"{revision.TAG_EVALUATION}.{measuring.name}": mark})
    return outcome


def _keep(
    archive: Archive,
    measuring: Measuring,
    candidate: Answered,
    references: Mapping[str, Answered],
) -> dict[str, int]:
    """Register every answer; the how-manieth model this is against each reference.

    The count is written before a gate is held: a run that is killed in between has looked.
    """
    looks = {
        gate.against: archive.look(candidate.subject, references[gate.against].subject)
        for gate in _gates(measuring.spec)
        if isinstance(gate, RelativeGate) and gate.against in references
    }
    if not candidate.answers:
        return looks
    for reference in references.values():
        archive.keep(reference.subject, reference.endpoint, reference.answers)
    tags = {
        f"{TAG_LOOK}.{references[word].subject.identity}": str(look) for word, look in looks.items()
    }
    tags[revision.TAG_EVALUATION] = measuring.mark(candidate.subject.model)
    archive.keep(candidate.subject, candidate.endpoint, candidate.answers, tags)
    return looks


# ── what it comes to ────────────────────────────────────────────────────────────────────────────


def _outcome(
    asking: Asking,
    archive: Archive,
    candidate: Answered,
    references: Mapping[str, Answered],
    looks: Mapping[str, int],
) -> Outcome:
    spec, questions = asking.measuring.spec, asking.questions
    replies = [answer.reply for answer in candidate.answers]
    expected = [question.expected for question in questions]
    found = score(spec, replies, expected)
    said: list[str] = []
    missed: list[str] = []
    for gate in _gates(spec):
        if isinstance(gate, Gate):
            missed += _missed(gate, spec, found, candidate, questions)
        elif gate.against not in references:
            said.append(f"{gate}: nothing else is served yet, so it is not held")
        else:
            reference, look = references[gate.against], looks[gate.against]
            decision = held(spec, questions, gate, candidate, reference, look)
            said.append(str(decision))
            if not decision.promoted:
                missed.append(str(decision).removeprefix("misses "))
    return Outcome(
        evaluation=asking.measuring.name,
        model=candidate.subject.model,
        questions=len(questions),
        asked=candidate.asked,
        answers=f"{archive.name}:{archive.version(candidate.subject)}",
        scores=found,
        comparisons=tuple(
            comparison
            for word, reference in references.items()
            for comparison in compared(spec, questions, candidate, word, reference)
        ),
        confusion=_confusion(spec, candidate, expected),
        gates=tuple(said),
        missed=tuple(missed),
    )


def _gates(spec: Evaluation) -> Iterator[Gate | RelativeGate]:
    for metric, text in spec.gates.items():
        gate = read_gate(metric, text, spec.compare_with)
        assert not isinstance(gate, str), "FT-S025 has refused it"
        yield gate


def _missed(
    gate: Gate,
    spec: Evaluation,
    found: Mapping[str, float],
    candidate: Answered,
    questions: Sequence[Question],
) -> Iterator[str]:
    value = end = found[gate.metric]
    if spec.confident:
        end = _surely(gate, scores(spec, gate.metric, candidate, questions), spec.alpha)
    if not gate.holds(end):
        interval = f", its interval ends at {end:.3f}" if end != value else ""
        yield f"{gate} (it is {value:.3f}{interval})"


def _surely(gate: Gate, values: Sequence[float], alpha: float) -> float:
    """The end of the mean's interval that a gate must be held by: it is wrong `alpha` at most."""
    from jobs.proof.evidence import lower_bound

    if gate.comparison in ("<", "<="):
        return 1 - lower_bound([1 - value for value in values], alpha, floor=0)
    return lower_bound(values, alpha, floor=0)


def _confusion(
    spec: Evaluation, candidate: Answered, expected: Sequence[str]
) -> dict[tuple[str, str], int]:
    if not {"accuracy", "macro_f1"} & set(spec.metrics):
        return {}
    said = [answer.answer for answer in candidate.answers]
    return dict(labels.confusion(said, expected, labels.labels_of(spec.labels, expected)))


# ── what is said of it ──────────────────────────────────────────────────────────────────────────


def _tell(outcome: Outcome, report: Reporter) -> None:
    name = outcome.evaluation
    words = ", ".join(f"{metric} {value:.2f}" for metric, value in outcome.scores.items())
    report.result("evaluation", name, f"{outcome.questions} questions: {words}")
    for line in _confused(outcome.confusion):
        report.detail("labels", name, line)
    for one in outcome.comparisons:
        beside = f" ({one.model})" if one.model != one.word else ""
        report.detail("compared", name, f"{one.metric} with {one.word}{beside}: {one.difference}")
        for by, which, difference in one.clear:
            report.detail("compared", name, f"  {by} '{which}': {difference}")
    for line in outcome.gates:
        report.detail("gate", name, line)


def _confused(confusion: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """A line for each label: how often it was answered rightly, and what it was taken for."""
    for label in dict.fromkeys(truth for truth, _ in sorted(confusion)):
        row = {said: count for (truth, said), count in confusion.items() if truth == label}
        others = ", ".join(
            f"{said} {count}"
            for said, count in sorted(row.items(), key=lambda item: -item[1])
            if said != label
        )
        right = f"{label}: {row.get(label, 0)} of {sum(row.values())} right"
        yield f"{right}; else {others}" if others else right
