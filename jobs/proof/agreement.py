"""How far somebody who judged the same thing several times agrees with themselves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Over all pairs of verdicts on one and the same answer."""

    pairs: int
    exact: float
    """The share of pairs that are the same score."""
    kappa: float | None
    """Quadratically weighted kappa: 1 is perfect, 0 no better than chance. None where every verdict
    is the same score, so that there is no chance to be better than."""

    @property
    def as_dict(self) -> dict[str, float | int | None]:
        """As JSON carries it."""
        return {"pairs": self.pairs, "exact": self.exact, "weighted_kappa": self.kappa}

    def __str__(self) -> str:
        told = f"{self.exact:.0%} of {self.pairs} pairs are the same score, weighted kappa "
        return told + ("unknown: all are" if self.kappa is None else f"{self.kappa:.2f}")


def agreement(judged: Sequence[Sequence[int]]) -> Agreement | None:
    """What the verdicts on each thing say of each other; None where no thing has two.

    Kappa is Cohen's (1968) with quadratic weights, over pairs taken in both orders, since one
    judge's repeats have none: 1 less the mean squared difference of pairs over that of scores drawn
    at random from all that are in them.
    """
    pairs = [pair for scores in judged for pair in combinations(scores, 2)]
    if not pairs:
        return None
    seen = sum((ours - theirs) ** 2 for ours, theirs in pairs) / len(pairs)
    counts = Counter(score for pair in pairs for score in pair)
    total = 2 * len(pairs)
    by_chance = sum(
        count * other * (score - another) ** 2
        for score, count in counts.items()
        for another, other in counts.items()
    ) / (total * total)
    return Agreement(
        pairs=len(pairs),
        exact=sum(ours == theirs for ours, theirs in pairs) / len(pairs),
        kappa=1 - seen / by_chance if by_chance else None,
    )
