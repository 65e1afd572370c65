"""Running an evaluation: ask the held-out questions, score the answers, compare, hold the gates."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobs import revision
from jobs.errors import PreflightError, QualityError, RefusedBeforeError
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.money.price import Money, usd
from jobs.plan.desired import Measuring
from jobs.proof.against import Comparison, absolute_miss, compared, held
from jobs.proof.answers import Subject
from jobs.proof.archive import TAG_LOOK, Archive
from jobs.proof.asking import Answered, Asked, Asking
from jobs.proof.custom import exam_of
from jobs.proof.judge import Verdicts, sit
from jobs.proof.questions import questions_of
from jobs.proof.scoring import Exam, Reply
from jobs.spec.gates import Gate, RelativeGate
from jobs.spec.judge import JUDGE
from jobs.terminal.progress import Reporter

SERVED = "served"
"""The word of `compare_with` for what is in force; the first model has nothing to beat."""


_INSTEAD = (
    "Train longer or on more data, correct the script, or change what is asked. "
    "To ask it all the same: --keep-candidate"
)


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
    cost: Money | None = None
    """Of 1,000 such answers, where a price is known."""
    comparisons: tuple[Comparison, ...] = ()
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """How often each label (first) was answered with each (second)."""
    gates: tuple[str, ...] = ()
    """What relative gates say."""
    missed: tuple[str, ...] = ()
    judged: Verdicts | None = None
    """What the judge's verdicts come to, where there is a judge."""

    @property
    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it."""
        return {
            "name": self.evaluation,
            "model": self.model,
            "questions": self.questions,
            "asked": self.asked,
            "answers": self.answers,
            # JSON has no infinity: what can't be told is null.
            "scores": {m: v if math.isfinite(v) else None for m, v in self.scores.items()},
            "usd_per_1000": {"low": self.cost.low, "high": self.cost.high} if self.cost else None,
            "comparisons": [one.as_dict for one in self.comparisons],
            "confusion": [
                {"expected": truth, "answered": said, "count": count}
                for (truth, said), count in sorted(self.confusion.items())
            ],
            "gates": list(self.gates),
            "missed": list(self.missed),
            "judge": self.judged.as_dict if self.judged else None,
        }


def measure(
    session: Session,
    endpoint: Asked,
    measuring: Measuring,
    report: Reporter,
    others: Mapping[str, Asked] | None = None,
    *,
    judge: Endpoint | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Ask, keep, score, compare, report; mark a serverless endpoint where every gate holds.

    `others` are the endpoints that the words of `compare_with` mean. Without `served` nothing was
    served before, so there is nothing to hold gates on it against: they pass, and that is told.
    `judge` is the endpoint that grades the answers, where the spec has one do so.

    Raises:
        PreflightError: Somebody else than `served` is to be asked and isn't there.
        JudgeError: The judge's verdicts have no scores.
        QualityError: A gate doesn't hold.
    """
    others = others or {}
    for word in measuring.spec.compare_with:
        if word != SERVED and word not in others:
            raise PreflightError(
                f"{measuring.spec.reference}: there is nobody to ask as {word}.",
                next_step="Add a serverless_endpoint document, or correct compare_with.",
            )
    asking = _asking(session, measuring, report, pause)
    archive = asking.archive
    if measuring.judge and judge is None:
        raise PreflightError(
            f"{measuring.spec.reference}: there is nobody to ask as {JUDGE}.",
            next_step="Add a serverless_endpoint document, or correct judge: {endpoint: …}.",
        )
    outcome = _judged(asking, archive, asking.ask(endpoint, archive), others, judge)
    _tell(outcome, report)
    if outcome.missed:
        raise QualityError(
            f"Evaluation {_misses(outcome)}.",
            next_step=_INSTEAD
            if measuring.hosting
            else f"The endpoint is up and filtered. Train longer or on more data, change the "
            f"gate, or take it down: foundry-tune down {endpoint.name}",
            reason=f"evaluation {_misses(outcome)}",
        )
    if isinstance(endpoint, Endpoint):  # a deployment gets all of its marks at once
        endpoints.tag(session, endpoint, dict([marked(measuring, endpoints.serves(endpoint))]))
    return outcome


def marked(measuring: Measuring, model: str) -> tuple[str, str]:
    """The tag that says that a model has passed an evaluation, and its value."""
    return f"{revision.TAG_EVALUATION}.{measuring.name}", measuring.mark(model)


def refuse_by_memory(
    session: Session,
    subject: Subject,
    endpoint: str,
    measuring: Measuring,
    report: Reporter,
    others: Mapping[str, Asked],
    *,
    judge: Endpoint | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Hold the gates against what a model has answered before, before it is served to be asked.

    Where an answer is missing, or somebody to compare with isn't there yet, nothing is decided: it
    is measured once it is served. `endpoint` is what it would be called.

    Raises:
        RefusedBeforeError: A gate doesn't hold, as it didn't before.
    """
    if any(word not in others for word in measuring.spec.compare_with if word != SERVED):
        return
    if measuring.judge and judge is None:
        return
    asking = _asking(session, measuring, report, pause)
    archive = asking.archive
    candidate = asking.recall(subject, endpoint, archive)
    if candidate is None:
        return
    outcome = _judged(asking, archive, candidate, others, judge)
    if outcome.missed:
        _tell(outcome, report)
        raise RefusedBeforeError(
            f"Evaluation {_misses(outcome)}.\n{outcome.model} gave these answers before, so "
            f"nothing was asked and no {_serving(measuring)} was made for it.",
            next_step="Train longer or on more data, or change what is asked. "
            "To serve it and talk to it all the same: --keep-candidate",
            reason=f"evaluation {_misses(outcome)}",
        )


def _asking(
    session: Session, measuring: Measuring, report: Reporter, pause: Callable[[float], None]
) -> Asking:
    questions = questions_of(measuring)
    return Asking(
        session=session, measuring=measuring, questions=questions, report=report, pause=pause
    )


def _serving(measuring: Measuring) -> str:
    return "deployment" if measuring.hosting else "endpoint"


def _judged(
    asking: Asking,
    archive: Archive,
    candidate: Answered,
    others: Mapping[str, Asked],
    judge: Endpoint | None,
) -> Outcome:
    """What the answers come to, beside those of the others, which are asked what isn't kept."""
    measuring = asking.measuring
    exam, told = exam_of(measuring, asking.questions), None
    references = {
        word: _reference(asking, others[word], word, archive)
        for word in measuring.spec.compare_with
        if word in others
    }
    if SERVED in references and references[SERVED].subject == candidate.subject:
        del references[SERVED]  # it is in force already: there is nothing to promote
    if measuring.judge and judge:
        parties = [candidate, *references.values()]
        bench, told = sit(asking, measuring.judge, judge, parties)
        exam = exam.judged_by(bench.scorer(asking.questions))
    looks = _keep(archive, measuring, exam.gates, candidate, references)
    outcome = _outcome(exam, measuring, archive, candidate, references, looks)
    return replace(outcome, judged=told)


def _reference(asking: Asking, other: Asked, word: str, archive: Archive) -> Answered:
    try:
        return asking.ask(other, archive)
    except QualityError as error:  # it is not what is to be proven
        raise PreflightError(
            f"{error.message}\nThat is {word}, which is compared with.",
            next_step=f"Take {word} out of compare_with and gates this once.",
        ) from error


def _misses(outcome: Outcome) -> str:
    return f"'{outcome.evaluation}' misses {'; '.join(outcome.missed)}"


def _keep(
    archive: Archive,
    measuring: Measuring,
    gates: Sequence[Gate | RelativeGate],
    candidate: Answered,
    references: Mapping[str, Answered],
) -> dict[str, int]:
    """Register every answer; the how-manieth model this is against each reference.

    The count is written before a gate is held: a run that is killed in between has looked.
    """
    looks = {
        gate.against: archive.look(candidate.subject, references[gate.against].subject)
        for gate in gates
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
    exam: Exam,
    measuring: Measuring,
    archive: Archive,
    candidate: Answered,
    references: Mapping[str, Answered],
    looks: Mapping[str, int],
) -> Outcome:
    replies = candidate.replies
    found = exam.means(replies)
    said: list[str] = []
    missed: list[str] = []
    for gate in exam.gates:
        if isinstance(gate, Gate):
            if miss := absolute_miss(exam, gate, found[gate.metric], replies):
                missed.append(miss)
        elif gate.against not in references:
            said.append(f"{gate}: nothing else is served yet, so it is not held")
        else:
            decision = held(exam, gate, candidate, references[gate.against], looks[gate.against])
            said.append(str(decision))
            if not decision.promoted:
                missed.append(str(decision).removeprefix("misses "))
    return Outcome(
        evaluation=measuring.name,
        model=candidate.subject.model,
        questions=len(exam.questions),
        asked=candidate.asked,
        answers=f"{archive.name}:{archive.version(candidate.subject)}",
        scores=found,
        cost=_cost(measuring, replies),
        comparisons=tuple(
            comparison
            for word, reference in references.items()
            for comparison in compared(exam, candidate, word, reference)
        ),
        confusion=exam.confusion(replies),
        gates=tuple(said),
        missed=tuple(missed),
    )


def _cost(measuring: Measuring, replies: Sequence[Reply]) -> Money | None:
    """What 1,000 such answers cost, where a price is known."""
    if measuring.prices is None or not replies:
        return None
    read, written = (
        1000 * sum(counts) / len(replies)
        for counts in ([r.prompt_tokens for r in replies], [r.tokens for r in replies])
    )
    for_reading, for_writing = measuring.prices
    cost = for_reading.times(read, read) + for_writing.times(written, written)
    return cost if cost.high is not None or cost.low else None


# ── what is said of it ──────────────────────────────────────────────────────────────────────────


def _tell(outcome: Outcome, report: Reporter) -> None:
    name = outcome.evaluation
    report.record("evaluations", outcome.as_dict)
    words = ", ".join(f"{metric} {value:.2f}" for metric, value in outcome.scores.items())
    report.result("evaluation", name, f"{outcome.questions} questions: {words}")
    if outcome.cost:
        report.detail("cost", name, f"1,000 such answers cost {_usd(outcome.cost)}")
    for line in outcome.judged.lines if outcome.judged else ():
        report.detail(JUDGE, name, line)
    if outcome.judged:
        report.detail(JUDGE, name, _paid(outcome.judged))
    for line in _confused(outcome.confusion):
        report.detail("labels", name, line)
    for one in outcome.comparisons:
        beside = f" ({one.model})" if one.model != one.word else ""
        report.detail("compared", name, f"{one.metric} with {one.word}{beside}: {one.difference}")
        for line in one.clear:
            report.detail("compared", name, f"  {line}")
    for line in outcome.gates:
        report.detail("gate", name, line)


def _paid(judged: Verdicts) -> str:
    tokens = f"{judged.read:,} tokens read, {judged.written:,} written"
    return f"{judged.asked:,} verdicts asked for; all: {tokens}" + (
        f", {_usd(judged.cost)}" if judged.cost else ""
    )


def _usd(cost: Money) -> str:
    if cost.high is None:
        return f"at least {_amount(cost.low)} USD"
    low, high = _amount(cost.low), _amount(cost.high)
    return f"{low} USD" if low == high else f"{low} – {high} USD"


def _amount(dollars: float) -> str:
    return usd(dollars) if dollars >= 1 else f"{dollars:.2g}"


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
