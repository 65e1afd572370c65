"""From a `sweep:` to its trials: the same for the same words, wherever and whenever it is read.

A trial is the document as somebody would write it by hand with these hyperparameters and without
the sweep. So it has the same revision, the same job, and is never paid twice.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

import msgspec

from jobs.spec.models import FineTuning
from jobs.spec.sweep import MOST_TRIALS, Sweep, SweepRange

Values = Mapping[str, float]
"""The hyperparameters of one trial, by the guide's words."""

SAME_WORDS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("learning_rate", "learning_rate_multiplier"),
    "batch_size_multiplier": ("batch_size_multiplier", "per_device_train_batch_size", "batch_size"),
    "epochs": ("epochs", "num_train_epochs", "n_epochs"),
}
"""What a document may call each hyperparameter that can be swept."""

_DRAWS_A_TRIAL = 200
"""How long to look for one more trial that was not drawn before."""


class Rung(NamedTuple):
    """A stage of a sweep; all but halving have one."""

    trials: int
    """How many it has; at most so many where earlier ones failed."""
    epochs: int | None
    """What all of them train with; None where that is a hyperparameter like others."""


def rungs(sweep: Sweep) -> tuple[Rung, ...]:
    """How many trials a sweep has, stage by stage."""
    count = len(candidates(sweep))
    if sweep.method != "halving":
        return (Rung(count, None),)
    stages: list[Rung] = []
    for epochs in _list(sweep, "epochs"):
        stages.append(Rung(count, int(epochs)))
        count = max(1, count // (sweep.factor or 2))
    return tuple(stages)


def candidates(sweep: Sweep) -> tuple[Values, ...]:
    """What a sweep begins with, each combination once."""
    if sweep.method == "grid" or (sweep.method == "halving" and sweep.trials is None):
        # A sweep of more is refused; it needn't be written out to be told so.
        return tuple(islice(_combinations(sweep), MOST_TRIALS + 1))
    found: dict[tuple[float, ...], Values] = {}
    wanted = sweep.trials or 0
    for values in islice(_drawn(sweep), wanted * _DRAWS_A_TRIAL):
        found.setdefault(tuple(values.values()), values)
        if len(found) == wanted:
            break
    return tuple(found.values())


def trial(spec: FineTuning, values: Values, rung: Rung) -> FineTuning:
    """The document of one trial, as it would be written by hand."""
    own = dict(values) if rung.epochs is None else {**values, "epochs": rung.epochs}
    unset = {word: None for name in own for word in SAME_WORDS[name]}
    hyperparameters = msgspec.structs.replace(spec.hyperparameters, **{**unset, **own})
    return msgspec.structs.replace(spec, hyperparameters=hyperparameters, sweep=None)


def words(values: Values) -> str:
    """`learning rate 1e-05, epochs 2`."""
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in values.items())


def longest(spec: FineTuning) -> tuple[int, int]:
    """The most epochs and the smallest batch that a document trains with, over all its trials."""
    parameters = spec.sweep.parameters if spec.sweep else None
    epochs = parameters.epochs if parameters else None
    batches = parameters.batch_size_multiplier if parameters else None
    return (
        max(_ends(epochs), default=spec.epochs),
        min(_ends(batches), default=spec.batch_size),
    )


def _ends(written: SweepRange | Sequence[int] | None) -> Sequence[int]:
    if not isinstance(written, SweepRange):
        return written or ()
    # Of a range that makes no sense nothing is made; it is told elsewhere.
    return [int(end) for end in (written.min, written.max) if 1 <= end <= 256]


def swept(sweep: Sweep) -> list[str]:
    """The hyperparameters that differ, in the order of their columns."""
    return [name for name in SAME_WORDS if getattr(sweep.parameters, name) is not None]


# ── combinations ────────────────────────────────────────────────────────────────────────────────


def _combinations(sweep: Sweep) -> Iterator[Values]:
    names = _free(sweep)
    for values in product(*(_list(sweep, name) for name in names)):
        yield dict(zip(names, values, strict=True))


def _list(sweep: Sweep, name: str) -> Sequence[float]:
    written = getattr(sweep.parameters, name)
    return () if isinstance(written, SweepRange) else written


def _free(sweep: Sweep) -> list[str]:
    """What combinations are made of: halving gives epochs to its rungs."""
    return [name for name in swept(sweep) if sweep.method != "halving" or name != "epochs"]


# ── draws ───────────────────────────────────────────────────────────────────────────────────────


def _drawn(sweep: Sweep) -> Iterator[Values]:
    """Draw after draw. A larger `trials` goes on where a smaller one ended: only new ones cost."""
    # Of this generator Python promises the same numbers for the same seed in every version.
    uniform = random.Random(sweep.seed).random
    names = _free(sweep)
    while names:
        yield {name: _one(getattr(sweep.parameters, name), name, uniform()) for name in names}


def _one(written: SweepRange | Sequence[float], name: str, share: float) -> float:
    if not isinstance(written, SweepRange):
        return written[int(share * len(written))]
    if name != "learning_rate":
        least, beyond = int(written.min), int(written.max) + 1
        return min(int(_between(least, beyond, share, written.scale)), beyond - 1)
    # Three digits say enough, and are the same on every machine.
    rate = float(f"{_between(written.min, written.max, share, written.scale):.3g}")
    return min(max(rate, written.min), written.max)


def _between(least: float, most: float, share: float, scale: str) -> float:
    if scale == "log":
        return math.exp(math.log(least) + share * (math.log(most) - math.log(least)))
    return least + share * (most - least)
