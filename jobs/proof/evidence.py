"""How sure a mean is: lower confidence bounds by betting, valid for any number of questions.

A bet starts with a capital of 1. For each question a fixed stake `c` of the capital is put on the
mean being above `m`: it becomes `1 - c + c * (x - floor) / (m - floor)` times as much. Where the
mean is `m` or less, nobody expects to win, so by Ville's inequality the capital ever reaches
`1 / alpha` with probability `alpha` at most: whatever the distribution of the values, however few
they are, and though one looks after every question (Waudby-Smith and Ramdas, 2023, "Estimating
means of bounded random variables by betting", https://doi.org/10.1093/jrsssb/qkad009).

The capital is the mean over stakes that are fixed beforehand, so it doesn't hang on the order of
the questions, and there is nothing to tune and no seed. A paired t-test or a bootstrap is a little
more powerful and wrong for few or skewed questions and for those who look twice.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.errors import InvalidInputError

Numbers = NDArray[np.float64]

POWER = 0.8
"""The power that a smallest difference is told for, as is usual (Cohen, 1988)."""

_STAKES: Numbers = np.geomspace(1 / 64, 0.98, 16)
"""From careful, for many noisy questions, to bold, for few clear ones."""

_RESAMPLES = 500
_HALVINGS = 24  # of an interval of length 2: finer than 1e-6


def spent(alpha: float, look: int) -> float:
    """The error rate for the `look`-th revision that is held against one set of questions.

    `alpha / (look * (look + 1))`: all looks together spend `alpha`, however many there will be
    (the union bound), though all revisions answer the same questions. The same answers looked at
    again are the same look. It holds where the reviser learns from a look that it failed; who tunes
    on the scores of the questions themselves needs new questions.

    Raises:
        InvalidInputError: `alpha` is not between 0 and 1, or `look` not 1 or more.
    """
    if not 0 < alpha < 1 or look < 1:
        raise InvalidInputError(f"alpha {alpha:g} is not between 0 and 1, or look {look} below 1")
    return alpha / (look * (look + 1))


def log_capital(values: ArrayLike, mean: float, *, floor: float) -> Numbers:
    """The logarithm of the capital won against "the mean is `mean` or less".

    Args:
        values: Of shape (..., questions), each from `floor` to 1.
        mean: Above `floor`.
        floor: The least that a value can be: 0 for scores, -1 for differences of scores.
    """
    odds = (np.asarray(values, dtype=np.float64) - floor) / (mean - floor) - 1
    grown = [np.log1p(stake * odds).sum(axis=-1) for stake in _STAKES]
    return _log_mean(np.stack(grown))


def lower_bound(values: Sequence[float], alpha: float, *, floor: float) -> float:
    """What the mean is above, but for a probability of `alpha`; `floor` where nothing is known.

    Raises:
        InvalidInputError: There is no value, or one is outside `floor` to 1.
    """
    held = checked(values, floor=floor)
    needed = -np.log(alpha)
    return _highest(lambda mean: bool(log_capital(held, mean, floor=floor) >= needed), floor)


def upper_bound(values: Sequence[float], alpha: float) -> float:
    """What the mean of scores is below, but for a probability of `alpha`; 1 where nothing is known.

    Raises:
        InvalidInputError: There is no value, or one is outside 0 to 1.
    """
    return 1 - lower_bound([1 - value for value in values], alpha, floor=0)


def interval(values: Sequence[float], alpha: float) -> tuple[float, float]:
    """What the mean of scores is surely between; each end is wrong `alpha` at most.

    Raises:
        InvalidInputError: As `upper_bound`.
    """
    return lower_bound(values, alpha, floor=0), upper_bound(values, alpha)


def detectable(values: Sequence[float], alpha: float, *, floor: float) -> float:
    """By how much a mean must truly be above a gate for the gate to open in 80 of 100 tries.

    Worked out for this many questions that scatter as these do, by resampling them (seeded): the
    gate is moved down until the share of resamples that pass it is `POWER`.

    Raises:
        InvalidInputError: As `lower_bound`.
    """
    held = checked(values, floor=floor)
    count = len(held)
    # How often each resample draws each question: then a resample's capital is a product of these.
    drawn = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=_RESAMPLES)
    needed = -np.log(alpha)

    def opens(mean: float) -> bool:
        odds = (held - floor) / (mean - floor) - 1
        grown = np.stack([drawn @ np.log1p(stake * odds) for stake in _STAKES])
        return bool((_log_mean(grown) >= needed).mean() >= POWER)

    return float(held.mean()) - _highest(opens, floor)


def checked(values: Sequence[float], *, floor: float) -> Numbers:
    """The values as an array of shape (questions,).

    Raises:
        InvalidInputError: There is none, or one is outside `floor` to 1.
    """
    held = np.asarray(values, dtype=np.float64)
    if not held.size:
        raise InvalidInputError("there is no question to compare by")
    if not bool(((held >= floor) & (held <= 1)).all()):
        raise InvalidInputError(f"a score is outside {floor:g} to 1")
    return held


def _highest(holds: Callable[[float], bool], floor: float) -> float:
    """The highest mean that still holds; what holds, holds for every lower one too."""
    low, high = floor, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _log_mean(logarithms: Numbers) -> Numbers:
    """The logarithm of the mean over the first axis, without overflow."""
    top = logarithms.max(axis=0)
    return top + np.log(np.exp(logarithms - top).mean(axis=0))
