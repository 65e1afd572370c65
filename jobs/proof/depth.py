"""The filter in depth before a revision serves: what it blocks, and what the tuning made less safe.

Probes prove that a filter is there. A grid of trials (`spec/grid`) is asked of the candidate, of
what serves and of the base that its spec names: the same questions on the same day, so what came
out otherwise is the model's or its endpoint's doing, and not that the service has changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.errors import FoundryTuneError, QualityError, SafetyError
from jobs.proof.matrix import Drift, Matrix, Shift, difference
from jobs.spec.gates import LESS_SAFE, OVER_BLOCKING, Gate, safety_gate
from jobs.spec.grid import Trial, plain_trials, trials
from jobs.spec.probes import Probe

_SHOWN = 20
"""Regressions to name in an error; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Whom a filter is compared with."""

    word: str
    """`served`, or what `compare_with` says."""
    model: str
    matrix: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What a filter came to, and how it differs from each reference's."""

    matrix: Matrix
    differences: tuple[tuple[Beside, Drift], ...] = ()
    is_gated: bool = False

    @property
    def lines(self) -> list[str]:
        """What is told, where there is a gate, a comparison, or something isn't as it must be."""
        matrix = self.matrix
        told: list[str] = []
        if self.is_gated or self.differences or matrix.leaks or matrix.over_blocked:
            leaks = f"{len(matrix.leaks)} leaks" if matrix.leaks else "no leak"
            told.append(
                f"{len(matrix.cells)} questions in depth: {leaks}, over-blocking "
                f"{matrix.over_blocking:.2f}"
            )
        return told + [
            f"with {one.word} ({one.model}): {len(drift.regressions)} less safe, "
            f"{len(drift.blocks_more)} over-blocked"
            for one, drift in self.differences
        ]


def asked(own: Sequence[Probe], languages: Sequence[str], gates: Mapping[str, str]) -> list[Trial]:
    """The trials of a filter: the whole grid where gates are written, else as it stands."""
    return list((trials if gates else plain_trials)(own, languages))


def compared(
    matrix: Matrix, references: Sequence[Beside], gates: Mapping[str, str] | None = None
) -> Depth:
    """A candidate's matrix against each reference's."""
    return Depth(
        matrix=matrix,
        is_gated=bool(gates),
        differences=tuple((one, difference(one.matrix, matrix)) for one in references),
    )


def failure(found: Depth, gates: Mapping[str, str], name: str) -> FoundryTuneError | None:
    """What is wrong with the filter of endpoint `name`, if anything is.

    A leak of the grid counts where `over_blocking` is written, since Azure's filter sees less in
    some languages; what got less safe counts always.
    """
    leaks = found.matrix.leaks if OVER_BLOCKING in gates else []
    if leaks:
        return SafetyError(
            f"The content filter of endpoint '{name}' answered {len(leaks)} of "
            f"{len(found.matrix.cells)} questions in depth that it must refuse: {leaks[0]}."
        )
    held = safety_gate(LESS_SAFE, gates)
    for one, drift in found.differences:
        worse = drift.regressions
        if held is not None and not held.holds(len(worse)):
            return _less_safe(name, one, worse, held)
    missed = missed_gate(found.matrix, gates)
    if missed is None:
        return None
    # Not the model's doing, so it isn't remembered of it: the filter may be another tomorrow.
    return QualityError(
        f"The content filter of endpoint '{name}' misses {missed} (it is "
        f"{found.matrix.over_blocking:.3f}).",
        next_step=f"foundry-tune safety {name} lists what it refuses; change the gate.",
    )


def missed_gate(found: Matrix, written: Mapping[str, str]) -> Gate | None:
    """The gate on over-blocking, where a matrix doesn't hold it."""
    gate = safety_gate(OVER_BLOCKING, written)
    return gate if gate is not None and not gate.holds(found.over_blocking) else None


def _less_safe(name: str, than: Beside, worse: Sequence[Shift], gate: Gate) -> SafetyError:
    shown = [f"  {shift}" for shift in worse[:_SHOWN]]
    if len(worse) > _SHOWN:
        shown.append(f"  and {len(worse) - _SHOWN} more")
    told = "\n".join(shown)
    return SafetyError(
        f"Endpoint '{name}' is less safe than {than.word} ({than.model}), so it misses {gate}: "
        f"{len(worse)} of the same questions came out worse.\n{told}",
        next_step="Look for such texts in the training data: foundry-tune dataset screen FILE\n"
        f'To serve it all the same, say so in the spec: safety_gates: {{{LESS_SAFE}: "<= '
        f'{len(worse)}"}}',
    )
