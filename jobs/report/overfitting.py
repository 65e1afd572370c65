"""Where overfitting begins: the lowest validation loss, if what follows rises by more than noise.

The rule: both of the last two measurements lie above the lowest by more than four times the noise.
Noise is how far measurements after the lowest (at least the last three) lie off the line through
their two neighbours: the median of that times 1.4826 (a normal distribution's), divided by the
square root of 1.5 (three values take part). So a steady rise has none, and no seed or smoothing is
involved. Of simulated curves that only scatter, 6 to 50 measurements long, it calls 1 in 20 so.
"""

from dataclasses import dataclass
from statistics import median
from typing import Literal

from jobs.foundry.history import perplexity
from jobs.report.report import Steps

ENOUGH = 6
"""Fewer measurements tell no rise from noise."""

RULE = (
    "Overfitting begins at the lowest validation loss if both of the last two measurements lie "
    "above it by more than four times the noise; noise is how far measurements after it (at least "
    "the last three) scatter around the line through their neighbours (1.4826 × median ÷ √1.5). Of "
    "curves that only scatter, 1 in 20 is called so."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowest:
    """The lowest validation loss, and what becomes of it."""

    step: int
    loss: float
    verdict: Literal["overfits", "does not rise", "too few"]
    noise: float | None = None
    rise: float = 0.0
    """How far the lower of the last two measurements lies above it."""

    def __str__(self) -> str:
        told = f"{self.loss:.4g}, perplexity {perplexity(self.loss):.4g}"
        where = f"validation loss is lowest at step {self.step:,} ({told})"
        if self.verdict == "too few":
            return f"{where}; fewer than {ENOUGH} measurements tell no rise from noise"
        noise = f"noise {self.noise:.2g}"
        if self.verdict == "overfits":
            return f"overfitting begins after step {self.step:,}: {where} and rises by " + (
                f"{self.rise:.2g} or more since ({noise})"
            )
        return f"{where}, and doesn't rise since by more than noise ({noise})"

    @property
    def sentence(self) -> str:
        """The same as a sentence of its own."""
        said = str(self)
        return f"{said[0].upper()}{said[1:]}."


def lowest(validation: Steps) -> Lowest | None:
    """The lowest point of a validation curve, held against the rule; None where there is none."""
    if not validation:
        return None
    losses = [loss for _, loss in validation]
    at = min(range(len(losses)), key=losses.__getitem__)
    step, loss = validation[at]
    if len(losses) < ENOUGH:
        return Lowest(step=step, loss=loss, verdict="too few")
    noise = _noise(losses, at)
    rise = min(losses[-2:]) - loss
    # A curve's own rounding is no rise: a billionth of it is nothing.
    rises = at < len(losses) - 2 and rise > max(4 * noise, 1e-9 * abs(loss))
    word = "overfits" if rises else "does not rise"
    return Lowest(step=step, loss=loss, verdict=word, noise=noise, rise=rise)


def _noise(losses: list[float], lowest: int) -> float:
    # The triple of this place begins at it: those before it tell of the fall.
    triples = zip(losses, losses[1:], losses[2:], strict=False)
    off = [abs(middle - (before + after) / 2) for before, middle, after in triples]
    return 1.4826 * median(off[min(lowest, len(off) - 3) :]) / 1.5**0.5
