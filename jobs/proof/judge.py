"""A judge's verdicts on answers: each asked for once and kept, read as scores, or told as nonsense.

A verdict is kept as any answer is: a line of JSON under all that decides it, which is the judge,
the rubric, the question, its reference, the answer, and which repeat it is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.errors import JudgeError
from jobs.files import read_unchanged
from jobs.foundry.endpoints import Endpoint
from jobs.money.price import Money
from jobs.plan.judging import Judging
from jobs.proof import verdict
from jobs.proof.agreement import Agreement, agreement
from jobs.proof.answers import KeptAnswer, key_of
from jobs.proof.asking import Answered, Asking
from jobs.proof.metrics import Question
from jobs.proof.scoring import Reply, Scorer
from jobs.spec.models import Evaluation
from jobs.terminal.output import printable

KEPT_AS = "verdicts"
"""What the data asset is called, after the evaluation's name."""

_SECOND = 1_000
"""What a repeat's seed is raised by where its first verdict has no score: above any repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A judge with its rubric, and the verdicts that are known."""

    judging: Judging
    rubric: str
    verdicts: Mapping[str, KeptAnswer]
    """By the question that asked for it."""

    def trials(self, question: Question, reply: Reply) -> list[Question]:
        """What asks for the verdicts on an answer, a question a repeat; a refusal has none."""
        if reply.refused:
            return []
        spec = self.judging.spec
        messages = verdict.asked(spec, self.rubric, question, reply)
        return [Question(messages, "", {}, seed=seed) for seed in range(spec.repeats)]

    def kept(self, trial: Question) -> KeptAnswer | None:
        """The verdict of a trial; where it has no score, what was said when asked once more."""
        first = self._verdict(trial)
        if first is None or self.score(first) is not None:
            return first
        return self._verdict(_once_more(trial)) or first

    def score(self, kept: KeptAnswer) -> int | None:
        """The score of a verdict; None where it has none on the scale."""
        return verdict.score_of(self.judging.spec, kept.answer)

    def readings(self, question: Question, reply: Reply) -> list[int | None]:
        """The score of each verdict on an answer that is known; None for one without."""
        known = [self.kept(trial) for trial in self.trials(question, reply)]
        return [self.score(one) for one in known if one is not None]

    def scorer(self, questions: Sequence[Question]) -> Scorer:
        """What gives each answer its mean score, the scale's lowest as 0 and its highest as 1.

        0 for a refusal, as everywhere; NaN for an answer that no verdict has a score of.
        """
        return lambda replies: [
            self._share(question, reply) for question, reply in zip(questions, replies, strict=True)
        ]

    def _share(self, question: Question, reply: Reply) -> float:
        if reply.refused:
            return 0.0
        scores = [one for one in self.readings(question, reply) if one is not None]
        if not scores:
            return math.nan
        spec = self.judging.spec
        return (sum(scores) / len(scores) - spec.low) / (spec.high - spec.low)

    def _verdict(self, trial: Question) -> KeptAnswer | None:
        return self.verdicts.get(key_of(_manner(self.judging), trial))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What a judge's verdicts of one evaluation come to, over all models that it judged."""

    judging: Judging
    model: str
    """Who judged, by its model."""
    share: float
    """The measured model's mean, from 0 to 1; NaN where nothing could be judged."""
    verdicts: int
    asked: int
    """How many of them were asked for just now; the others were kept."""
    nonsense: int
    """How many have no score on the scale, though they were asked for twice."""
    left_out: int
    """Answers that no verdict has a score of: they count in nothing that the judge measures."""
    agreement: Agreement | None
    read: int
    """Tokens, of all verdicts."""
    written: int

    @property
    def mean(self) -> float:
        """The measured model's mean on the scale."""
        spec = self.judging.spec
        return spec.low + self.share * (spec.high - spec.low)

    @property
    def cost(self) -> Money | None:
        """What so many tokens cost, where a price is known."""
        if self.judging.prices is None:
            return None
        reading, writing = self.judging.prices
        cost = reading.times(self.read, self.read) + writing.times(self.written, self.written)
        return cost if cost.high is not None or cost.low else None

    @property
    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it."""
        spec, cost = self.judging.spec, self.cost
        return {
            "endpoint": self.judging.endpoint,
            "model": self.model,
            "rubric": self.judging.rubric.name,
            "scale": [spec.low, spec.high],
            "mean": None if math.isnan(self.share) else self.mean,
            "verdicts": self.verdicts,
            "asked": self.asked,
            "nonsense": self.nonsense,
            "left_out": self.left_out,
            "agreement": self.agreement.as_dict if self.agreement else None,
            "tokens": {"read": self.read, "written": self.written},
            "usd": {"low": cost.low, "high": cost.high} if cost else None,
        }

    @property
    def lines(self) -> Iterator[str]:
        """What people are told beside the score."""
        spec = self.judging.spec
        if not math.isnan(self.share):
            yield (
                f"{self.mean:.2f} on the scale {spec.low} to {spec.high}, judged by {self.model} "
                f"({self.judging.rubric.name}); {self.verdicts:,} verdicts in all"
            )
        if self.agreement:
            yield f"agrees with itself: {self.agreement}"
        if self.nonsense:
            left = f"; {self.left_out:,} answers are left out" if self.left_out else ""
            yield f"{self.nonsense:,} verdicts have no score, though asked for twice{left}"


def sit(
    asking: Asking, judging: Judging, endpoint: Endpoint, parties: Sequence[Answered]
) -> tuple[Bench, Verdicts]:
    """Have every answer of some models judged; what was judged before is not asked again.

    Verdicts without a score are asked for once more. The first model is the one measured.

    Raises:
        JudgeError: More of them than the spec allows have no score even then.
        InvalidInputError: The rubric changed since it was planned.
    """
    bench = Bench(judging=judging, rubric=rubric_of(judging), verdicts={})
    trials = [
        trial
        for party in parties
        for question, reply in zip(asking.questions, party.replies, strict=True)
        for trial in bench.trials(question, reply)
    ]
    first = _verdicts(asking, judging, endpoint, trials)
    again = [
        _once_more(trial)
        for trial, kept in zip(trials, first.answers, strict=True)
        if bench.score(kept) is None
    ]
    second = _verdicts(asking, judging, endpoint, again)
    verdicts = {kept.question: kept for kept in (*first.answers, *second.answers)}
    if verdicts:
        court = _court(asking, judging, [*trials, *again])
        court.archive.keep(first.subject, endpoint.name, tuple(verdicts.values()))
    bench = replace(bench, verdicts=verdicts)
    told = judged(bench, asking.questions, [party.replies for party in parties])
    _refuse_nonsense(asking, bench, told, trials)
    return bench, replace(told, model=first.subject.model, asked=first.asked + second.asked)


def rubric_of(judging: Judging) -> str:
    """The rubric, as it was when it was planned.

    Raises:
        InvalidInputError: It is another by now.
    """
    return read_unchanged(judging.rubric, judging.sha256).decode()


def judged(
    bench: Bench, questions: Sequence[Question], parties: Sequence[Sequence[Reply]], model: str = ""
) -> Verdicts:
    """What the verdicts that are known come to; the first party is the one measured."""
    cases = [
        (question, reply)
        for replies in parties
        for question, reply in zip(questions, replies, strict=True)
        if not reply.refused
    ]
    readings = [bench.readings(question, reply) for question, reply in cases]
    scores = [[one for one in each if one is not None] for each in readings]
    shares = bench.scorer(questions)(parties[0]) if parties else []
    known = [share for share in shares if not math.isnan(share)]
    return Verdicts(
        judging=bench.judging,
        model=model,
        share=sum(known) / len(known) if known else math.nan,
        verdicts=sum(map(len, readings)),
        asked=0,
        nonsense=sum(one is None for each in readings for one in each),
        left_out=sum(
            bool(each) and not found for each, found in zip(readings, scores, strict=True)
        ),
        agreement=agreement(scores),
        read=sum(kept.prompt_tokens for kept in bench.verdicts.values()),
        written=sum(kept.tokens for kept in bench.verdicts.values()),
    )


def _refuse_nonsense(
    asking: Asking, bench: Bench, told: Verdicts, trials: Sequence[Question]
) -> None:
    allowed = bench.judging.spec.nonsense
    if not told.nonsense or told.nonsense <= allowed * told.verdicts:
        return
    kept = [one for trial in trials if (one := bench.kept(trial)) and bench.score(one) is None]
    said = printable(kept[0].answer or f"nothing: the content filter refused the {kept[0].refused}")
    spec = bench.judging.spec
    raise JudgeError(
        f"{asking.measuring.spec.reference}: {told.nonsense:,} of {told.verdicts:,} verdicts of "
        f"judge '{bench.judging.endpoint}' have no score from {spec.low} to {spec.high}, though "
        f"asked for twice; {allowed:.0%} may. None is made up. It said, for one: {said}",
        next_step="Say in the rubric what each score is given for, allow longer verdicts (judge: "
        "{max_tokens: …}), or name another judge. Answers and verdicts are kept; what was made "
        "stays up, and billed, until then.",
    )


def _verdicts(
    asking: Asking, judging: Judging, endpoint: Endpoint, trials: Sequence[Question]
) -> Answered:
    court = _court(asking, judging, trials)
    return court.ask(endpoint, court.archive)


def _court(asking: Asking, judging: Judging, trials: Sequence[Question]) -> Asking:
    """The verdicts' asking: like that of the answers, kept under another name."""
    return replace(
        asking,
        measuring=replace(asking.measuring, spec=_manner(judging, asking.measuring.name)),
        questions=trials,
        form=verdict.form(judging.spec),
        kept_as=KEPT_AS,
    )


def _manner(judging: Judging, name: str = "") -> Evaluation:
    """How verdicts are asked for."""
    return Evaluation(
        name=name,
        endpoint=judging.endpoint,
        data="",
        max_tokens=judging.spec.max_tokens,
        temperature=judging.spec.temperature,
    )


def _once_more(trial: Question) -> Question:
    return replace(trial, seed=(trial.seed or 0) + _SECOND)
