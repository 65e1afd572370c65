"""Whether a relative gate opens: `token_f1: ">= served - 0.02"`, with a stated error rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.proof.compare import paired
from jobs.proof.evidence import detectable, lower_bound, spent
from jobs.spec.gates import RelativeGate


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a relative gate says of a candidate."""

    gate: RelativeGate
    promoted: bool
    difference: float
    """The mean difference in the direction that the gate asks for."""
    bound: float
    """The difference is above this, but for a probability of `alpha`."""
    alpha: float
    """What this look spends of the gate's error rate."""
    detectable: float
    """How far above the gate's margin a model must truly be to pass in 80 of 100 tries."""

    def __str__(self) -> str:
        said = "passes" if self.promoted else "misses"
        return (
            f"{said} {self.gate}: the difference is {self.difference:+.3f}, surely above "
            f"{self.bound:+.3f} (error rate {self.alpha:.2g}); 80 % power from "
            f"{self.detectable:.3f} above {self.gate.needed:+g}"
        )


def decide(
    gate: RelativeGate,
    candidate: Sequence[float],
    reference: Sequence[float],
    *,
    alpha: float = 0.05,
    look: int = 1,
) -> Decision:
    """Hold a candidate's scores against a reference's, each from 0 to 1, question by question.

    A candidate that isn't truly past the gate's margin is promoted with probability `alpha` at
    most: by one look, after each further question, and by all looks of ever new revisions together.

    Args:
        gate: What the candidate must reach.
        candidate: One score a question.
        reference: The other model's, in the same order.
        alpha: The error rate.
        look: Which revision it is, from 1, that is held against this reference and these
            questions. The same answers looked at again are the same look.

    Raises:
        InvalidInputError: The lists can't be paired, or a score or `alpha` is out of range.
    """
    rate = spent(alpha, look)
    differences = [gate.direction * each for each in paired(candidate, reference)]
    bound = lower_bound(differences, rate, floor=-1)
    return Decision(
        gate=gate,
        promoted=gate.opens(bound),
        difference=sum(differences) / len(differences),
        bound=bound,
        alpha=rate,
        detectable=detectable(differences, rate, floor=-1),
    )
