"""`sweep:` of a fine-tuning document: hyperparameters to try, and how the best are chosen."""

from typing import Annotated, Literal

from msgspec import Meta

from jobs.spec.document import Part

MOST_TRIALS = 100
"""Each trial is a paid job; more of them is more likely a slip than a wish."""


class SweepRange(Part, frozen=True, kw_only=True):
    """Where values are drawn from, both ends with them. Not for a grid."""

    min: Annotated[float, Meta(description="The least value.")]
    max: Annotated[float, Meta(description="The greatest value.")]
    scale: Annotated[
        Literal["linear", "log"],
        Meta(description="log: as many draws from 1e-6 to 1e-5 as from 1e-5 to 1e-4."),
    ] = "linear"


class SweepParameters(Part, frozen=True, kw_only=True):
    """The hyperparameters that differ from trial to trial."""

    learning_rate: Annotated[
        tuple[Annotated[float, Meta(gt=0, le=1)], ...] | SweepRange | None,
        Meta(description="Learning rates to try: [1e-5, 2e-5], or {min, max, scale: log}."),
    ] = None
    batch_size_multiplier: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=256)], ...] | SweepRange | None,
        Meta(description="Batch sizes to try, or a range of them."),
    ] = None
    epochs: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=50)], ...] | SweepRange | None,
        Meta(description="Numbers of epochs to try, or a range; for halving those of its rungs."),
    ] = None


class Sweep(Part, frozen=True, kw_only=True):
    """Several trainings of one document with other hyperparameters; the best one is served."""

    method: Annotated[
        Literal["grid", "random", "halving"],
        Meta(
            description="grid: every combination. random: some of them, drawn by the seed. "
            "halving: all with few epochs, the best of them anew with more; each is a paid job."
        ),
    ] = "grid"
    parameters: Annotated[SweepParameters, Meta(description="What differs from trial to trial.")]
    trials: (
        Annotated[
            int,
            Meta(
                description="How many are drawn: random needs it; halving without it begins with "
                "every combination.",
                ge=1,
                le=MOST_TRIALS,
            ),
        ]
        | None
    ) = None
    seed: Annotated[int, Meta(description="Another seed draws others.", ge=0, le=2**32 - 1)] = 0
    at_once: Annotated[
        int, Meta(description="The most jobs that are under way at a time.", ge=1, le=MOST_TRIALS)
    ] = 2
    metric: Annotated[
        Literal["validation_loss"],
        Meta(description="What the best is best by: the last one that its job logged, the lowest."),
    ] = "validation_loss"
    factor: (
        Annotated[
            int,
            Meta(
                description="Halving keeps one of so many for its next rung; 2 if left out.", ge=2
            ),
        ]
        | None
    ) = None
