"""The filter in depth before a revision serves, where its spec holds it to gates.

Probes prove that a filter is there. Whether it blocks what it should leave alone takes the whole
grid of trials (`spec/grid`), which costs a little, so it is asked where somebody holds it to it.
"""

from collections.abc import Mapping, Sequence

from jobs.errors import QualityError, SafetyError
from jobs.proof.matrix import Matrix, Talks, measure
from jobs.spec.gates import OVER_BLOCKING, Gate, read_safety_gate
from jobs.spec.grid import Trial


def hold(chat: Talks, trials: Sequence[Trial], gates: Mapping[str, str], name: str) -> str:
    """Ask every trial, and hold the filter of endpoint `name` to its gates; the line to report.

    Raises:
        SafetyError: Harm was answered.
        QualityError: It blocks more than a gate allows.
    """
    found = measure(chat, trials)
    if found.leaks:
        raise SafetyError(
            f"The content filter of endpoint '{name}' answered {len(found.leaks)} of "
            f"{len(found.cells)} questions in depth that it must refuse: {found.leaks[0]}."
        )
    missed = missed_gates(found, gates)
    if missed:
        raise QualityError(
            f"The content filter of endpoint '{name}' misses {missed[0]} (it is "
            f"{found.over_blocking:.3f}).",
            next_step=f"foundry-tune safety {name} lists what it refuses; change the gate.",
        )
    return (
        f"{len(found.cells)} questions in depth: no leak, over-blocking {found.over_blocking:.2f}"
    )


def missed_gates(found: Matrix, written: Mapping[str, str]) -> list[Gate]:
    """The gates that a matrix doesn't hold."""
    gates = [read_safety_gate(OVER_BLOCKING, text) for text in written.values()]
    return [
        gate for gate in gates if isinstance(gate, Gate) and not gate.holds(found.over_blocking)
    ]
