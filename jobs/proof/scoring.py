"""The metrics of an evaluation, from the replies to its questions: a score a question, and a mean.

A question that the content filter refused got no answer: it scores nothing, and isn't left out.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jobs.proof.labels import accuracy, confusion, labels_of, macro_f1
from jobs.proof.metrics import METRICS, Question
from jobs.proof.tool_calls import tool_calls_match
from jobs.spec.gates import PER_QUESTION, Gate, RelativeGate, read_gates
from jobs.spec.judge import JUDGE
from jobs.spec.models import Evaluation, Format

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one question."""

    text: str
    """Empty where it was refused."""
    refused: bool = False
    """By the content filter."""
    seconds: float = 0.0
    """From the question to the whole answer, without waiting for the rate limit."""
    tokens: int = 0
    """Of the answer, as the endpoint counts them."""
    prompt_tokens: int = 0
    """Of the question, likewise."""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    logprob: float = 0.0
    """The sum of its tokens' log probabilities, where they were asked for."""
    logprob_tokens: int = 0
    """Of how many tokens that is the sum."""


Scorer = Callable[[Sequence[Reply]], list[float]]
"""A custom metric or a judge: a score from 0 to 1 for each reply, NaN where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """The questions of an evaluation, and how replies to them are scored."""

    spec: Evaluation
    questions: Sequence[Question]
    own: Mapping[str, Scorer]
    """The custom metrics, and the judge."""

    def judged_by(self, judge: Scorer) -> "Exam":
        """The same with somebody who grades the answers."""
        return replace(self, own={JUDGE: judge, **self.own})

    @property
    def measured(self) -> list[str]:
        """Every metric that there is a way to measure: the judge's only with its verdicts."""
        return [name for name in self.spec.measured if name != JUDGE or name in self.own]

    @property
    def expected(self) -> list[str]:
        """The answer that each question's data has."""
        return [question.expected for question in self.questions]

    @property
    def shares(self) -> list[str]:
        """The metrics that each question has a score of."""
        return [name for name in self.measured if name in PER_QUESTION or name in self.own]

    @property
    def gates(self) -> list[Gate | RelativeGate]:
        """What its metrics are held to."""
        return read_gates(self.spec.gates, self.spec.compare_with, self.spec.own_shares)

    def confusion(self, replies: Sequence[Reply]) -> dict[tuple[str, str], int]:
        """How often each label (first) was answered with each (second); nothing of other tasks."""
        if not {"accuracy", "macro_f1"} & set(self.spec.metrics):
            return {}
        said = [reply.text for reply in replies]
        names = labels_of(self.spec.labels, self.expected)
        return dict(confusion(said, self.expected, names))

    def each(self, metric: str, replies: Sequence[Reply]) -> list[float]:
        """One score a question, from 0 to 1; NaN where a judge could make nothing of it."""
        if metric in self.own:
            return self.own[metric](replies)
        if metric == "tool_calls":
            pairs = zip(self.questions, replies, strict=True)
            return [
                0.0 if reply.refused else float(tool_calls_match(reply.tool_calls, question.calls))
                for question, reply in pairs
            ]
        return _per_question(self.spec, metric, replies, self.expected)

    def means(self, replies: Sequence[Reply]) -> dict[str, float]:
        """Every metric, as a whole; 0 where there is no question, NaN where none has a score."""
        return {
            name: _OVER_ALL[name](self.spec, replies, self.expected)
            if name in _OVER_ALL
            else _mean_of_known(self.each(name, replies))
            for name in self.measured
        }


def known(scores: Sequence[float]) -> list[float]:
    """The scores that there are."""
    return [score for score in scores if not math.isnan(score)]


def _per_question(
    spec: Evaluation, metric: str, replies: Sequence[Reply], expected: Sequence[str]
) -> list[float]:
    said = [reply.text for reply in replies]
    if metric == "refusal_rate":
        return [float(reply.refused) for reply in replies]
    if metric == "accuracy":
        return accuracy(said, expected, labels_of(spec.labels, expected))
    if metric == "valid_format":
        valid = _validity(spec.format)
        return [float(valid(text)) for text in said]
    each = METRICS[metric]
    return [each(text, wanted) for text, wanted in zip(said, expected, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least this share of all is not above (nearest rank); 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)] if ranked else 0.0


def _mean_of_known(scores: Sequence[float]) -> float:
    found = known(scores)
    return _mean(found) if found or not scores else math.nan


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


_OVER_ALL: dict[str, Callable[[Evaluation, Sequence[Reply], Sequence[str]], float]] = {
    "macro_f1": lambda spec, replies, expected: macro_f1(
        [reply.text for reply in replies], expected, labels_of(spec.labels, expected)
    ),
    "length": lambda _, replies, __: _mean([len(reply.text) for reply in replies]),
    "latency_p50": lambda _, replies, __: percentile([r.seconds for r in replies], 0.5),
    "latency_p95": lambda _, replies, __: percentile([r.seconds for r in replies], 0.95),
    "tokens_per_1000": lambda _, replies, __: 1000 * _mean([reply.tokens for reply in replies]),
    "perplexity_of_answers": lambda _, replies, __: perplexity_of_answers(replies),
}


def perplexity_of_answers(replies: Sequence[Reply]) -> float:
    """How unsure a model was of its own answers: e to the mean negative log probability of a token.

    Over the tokens of all answers together, refused ones having none; 1 is sure of every token.
    Infinite where there is no token: then nothing is known, and no gate may hold by it.
    """
    tokens = sum(reply.logprob_tokens for reply in replies)
    if not tokens:
        return math.inf
    try:
        return math.exp(-sum(reply.logprob for reply in replies) / tokens)
    except OverflowError:
        return math.inf


def _validity(written: Format | None) -> Callable[[str], bool]:
    if written is None:
        return lambda text: bool(text)
    if written.json_schema is None:
        pattern = re.compile(written.matches or "", re.DOTALL)
        return lambda text: pattern.fullmatch(text.strip()) is not None
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(written.json_schema)
    return lambda text: _obeys(text, validator)


def _obeys(text: str, validator: "Validator") -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return validator.is_valid(value)
