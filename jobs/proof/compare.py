"""Two models on the same questions: the difference of their scores, how sure it is, by slice.

The difference is a mean over questions, its interval a paired bootstrap over them (Koehn, 2004,
"Statistical significance tests for machine translation evaluation"). This is what people read.
What promotes a model is `promotion`, with an error rate that holds for few questions too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from jobs.errors import InvalidInputError
from jobs.proof.evidence import POWER, Numbers, checked

Word = Literal["better", "worse", "can't tell"]

_LEVEL = 0.95
_RESAMPLES = 10_000
_DRAWN_AT_ONCE = 1_000_000
ENOUGH = 10
"""Of fewer questions a bootstrap's interval is too narrow to say a word by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much higher the candidate scores than the reference, over the same questions."""

    questions: int
    mean: float
    low: float
    """The lower end of the 95 % interval."""
    high: float
    detectable: float
    """The smallest true difference that this many questions show with 80 % power."""
    less_is_better: bool = False

    @property
    def word(self) -> Word:
        """What the interval says."""
        if self.questions < ENOUGH or self.low <= 0 <= self.high:
            return "can't tell"
        return "better" if (self.low > 0) != self.less_is_better else "worse"

    def __str__(self) -> str:
        return (
            f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f}): {self.word}; "
            f"{self.questions} questions show {self.detectable:.3f} or more"
        )


def compare(
    candidate: Sequence[float],
    reference: Sequence[float],
    *,
    less_is_better: bool = False,
    seed: int = 0,
) -> Difference:
    """The difference of two models' scores, each from 0 to 1, one a question and in one order.

    Raises:
        InvalidInputError: The lists are empty or of different lengths, or a score is out of range.
    """
    differences = checked(paired(candidate, reference), floor=-1)
    count = len(differences)
    low, high = np.quantile(_resampled(differences, seed), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    spread = float(differences.std(ddof=1)) if count > 1 else 1.0
    normal = NormalDist()
    # The textbook's formula for a paired z-test: (z of the level + z of the power) standard errors.
    errors = normal.inv_cdf((1 + _LEVEL) / 2) + normal.inv_cdf(POWER)
    return Difference(
        questions=count,
        mean=float(differences.mean()),
        low=float(low),
        high=float(high),
        detectable=errors * spread / count**0.5,
        less_is_better=less_is_better,
    )


def _resampled(differences: Numbers, seed: int) -> Numbers:
    """The means of so many draws with replacement, as many at a time as memory is worth."""
    random, count = np.random.default_rng(seed), len(differences)
    at_once = max(1, _DRAWN_AT_ONCE // count)
    sizes = [min(at_once, _RESAMPLES - done) for done in range(0, _RESAMPLES, at_once)]
    means = [differences[random.integers(count, size=(size, count))].mean(axis=1) for size in sizes]
    return np.concatenate(means)


def compare_slices(
    candidate: Sequence[float],
    reference: Sequence[float],
    slices: Sequence[str],
    *,
    less_is_better: bool = False,
    seed: int = 0,
) -> dict[str, Difference]:
    """The difference in each slice (a language, a label…), of which each question names one.

    The largest comes first. Each slice has a 95 % interval of its own: of twenty slices without a
    difference, expect one that seems to have it.

    Raises:
        InvalidInputError: As `compare`.
    """
    if len(slices) != len(candidate):
        raise InvalidInputError(f"{len(slices)} slices for {len(candidate)} answers")
    paired(candidate, reference)
    members: dict[str, list[int]] = {}
    for index, name in enumerate(slices):
        members.setdefault(name, []).append(index)
    return {
        name: compare(
            [candidate[i] for i in where],
            [reference[i] for i in where],
            less_is_better=less_is_better,
            seed=seed,
        )
        for name, where in sorted(members.items(), key=lambda item: -len(item[1]))
    }


def paired(candidate: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Candidate less reference, question by question.

    Raises:
        InvalidInputError: One has more answers than the other.
    """
    if len(candidate) != len(reference):
        raise InvalidInputError(
            f"{len(candidate)} answers can't be paired with {len(reference)}: "
            "both models must answer the same questions"
        )
    return [ours - theirs for ours, theirs in zip(candidate, reference, strict=True)]
