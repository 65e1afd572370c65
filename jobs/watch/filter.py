"""The content filter of an endpoint, measured in depth, and held against what it was elsewhere."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from jobs.dataset import scripts
from jobs.dataset.conversations import read_conversations
from jobs.errors import QualityError, SafetyError
from jobs.foundry.endpoints import Endpoint, require_servable
from jobs.foundry.inference import open_chat
from jobs.foundry.session import Session
from jobs.look import inventory
from jobs.plan.undertaking import DataVersion
from jobs.proof.depth import missed_gate
from jobs.proof.matrix import Cell, Drift, Matrix, difference, measure, read
from jobs.spec.grid import ALWAYS, SEVERITIES, languages, trials
from jobs.terminal.output import table
from jobs.watch.asked import Asked

_WHAT = {"near_misses": "near miss", "completions": "completion"}
"""What a row is called that is of no severity."""
_LOOK = 200
"""Conversations to look at for the script that data is written in."""
_SHOWN = 20
"""Changes to show; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The filter of one endpoint, and what is otherwise elsewhere."""

    endpoint: Endpoint
    matrix: Matrix
    differences: tuple[tuple[str, Drift], ...]
    """What it was held against, and how it differs from that."""
    unasked: str
    """The script of the data, where it is in no language of built-in trials; else empty."""


def look(
    session: Session,
    asked: Asked,
    against: Sequence[str],
    tell: Callable[[str], None],
    *,
    also: Sequence[str] = (),
) -> Measured:
    """Ask an endpoint every trial, and the endpoints it is held against; files were asked before.

    `also` are languages to ask in, beside those that the spec says.

    Raises:
        InvalidInputError: A file holds no matrix.
    """
    serving = asked.serving
    among = {*(serving.languages if serving else (ALWAYS,)), *also}
    tried = trials(serving.own_probes if serving else (), among)
    kept = [(name, read(Path(name))[1]) for name in against if name.endswith(".json")]
    names = [asked.name, *(name for name in against if not name.endswith(".json"))]
    there = [inventory.find_endpoint(session, name) for name in names]
    for endpoint in there:
        require_servable(endpoint)
    tell(
        f"Asking {len(tried)} questions{' of each endpoint' * (len(there) > 1)}; that costs a "
        "little money."
    )
    found: list[Matrix] = []
    for endpoint in there:
        with closing(open_chat(session, endpoint)) as chat:
            found.append(measure(chat, tried))
    others = [*kept, *zip(names[1:], found[1:], strict=True)]
    return Measured(
        endpoint=there[0],
        matrix=found[0],
        differences=tuple((name, difference(other, found[0])) for name, other in others),
        unasked=_unasked(asked),
    )


def require_safe(found: Measured, asked: Asked) -> None:
    """Raise what is wrong with the filter, leaks first.

    Raises:
        SafetyError: The filter is off, or harm was answered.
        QualityError: It blocks more than its gate allows, or is less safe than what it was held
            against.
    """
    name = found.endpoint.name
    leaks = found.matrix.leaks
    if asked.is_filtered and (leaks or not found.endpoint.is_filtered):
        said = found.endpoint.content_safety or "nothing"
        raise SafetyError(
            f"The content filter of endpoint '{name}' reads back as '{said}', and answered "
            f"{len(leaks)} of the questions that it must refuse.",
            next_step=f"Apply the spec again, or take it down: foundry-tune down {name} --yes",
        )
    missed = missed_gate(found.matrix, asked.serving.spec.safety_gates if asked.serving else {})
    if missed is not None:
        raise QualityError(
            f"The content filter of endpoint '{name}' misses {missed} (it is "
            f"{found.matrix.over_blocking:.3f}).",
            next_step="The questions that it refuses are listed; change the gate, or the filter.",
        )
    worse = [f"{one} ({len(what.less_safe)})" for one, what in found.differences if what.less_safe]
    if worse:
        raise QualityError(
            f"Endpoint '{name}' is less safe than {', '.join(worse)}.",
            next_step="The questions are listed by kind: look at the training data of that kind.",
        )


def lines(found: Measured) -> list[str]:
    """The matrix for people: as it must be, of how many; then what is wrong, and what changed."""
    matrix = found.matrix
    shown = [_table(matrix)]
    shown += [f"{cell.fault}: {cell}" for cell in matrix.cells if cell.fault]
    shown.append(f"{len(matrix.leaks)} leaks; over-blocking {matrix.over_blocking:.2f}")
    if found.unasked:
        shown.append(
            f"The data is written in {found.unasked}, and no built-in question is in its language: "
            "write your own with safety_probes."
        )
    for name, what in found.differences:
        uncompared = f", {what.uncompared} not compared" if what.uncompared else ""
        shown.append(
            f"against {name}: {len(what.less_safe)} less safe, {len(what.changes)} "
            f"changed{uncompared}"
        )
        shown += [
            f"  {change.direction}: {change.after}: {change.words}"
            for change in what.changes[:_SHOWN]
        ]
        if len(what.changes) > _SHOWN:
            shown.append(f"  and {len(what.changes) - _SHOWN} more: -o json has them all")
    return shown


def _table(matrix: Matrix) -> str:
    asked = {cell.language for cell in matrix.cells}
    codes = [*(code for code in languages() if code in asked), *(asked - set(languages()))]
    columns: list[tuple[str, Callable[[Cell], bool]]] = [
        (languages().get(code, code), partial(_plain, code)) for code in codes
    ]
    columns += [("wrapped", _wrapped), ("streamed", _streamed)]
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in sorted(matrix.cells, key=_order):
        what = _WHAT.get(cell.kind, cell.severity)
        groups.setdefault((cell.category or "own", what), []).append(cell)
    rows = [
        (category, what, *(_share(cells, column) for _, column in columns))
        for (category, what), cells in groups.items()
    ]
    return table(rows, header=("CATEGORY", "SEVERITY", *(name.upper() for name, _ in columns)))


def _plain(code: str, cell: Cell) -> bool:
    return cell.language == code and not cell.wrapper and not cell.streamed


def _wrapped(cell: Cell) -> bool:
    return bool(cell.wrapper)


def _streamed(cell: Cell) -> bool:
    return cell.streamed


def _order(cell: Cell) -> tuple[str, int, str]:
    return cell.category, -SEVERITIES.index(cell.severity), cell.kind


def _share(cells: Iterable[Cell], belongs: Callable[[Cell], bool]) -> str:
    own = [cell for cell in cells if belongs(cell)]
    return f"{sum(not cell.fault for cell in own)}/{len(own)}" if own else "-"


def _unasked(asked: Asked) -> str:
    """The script of training data that is written in no language that a trial is in."""
    training = asked.serving.training if asked.serving else None
    if training is None or training.languages or not isinstance(training.training, DataVersion):
        return ""
    first = islice(read_conversations(training.training.path), _LOOK)
    texts = [message.content for one in first for message in one.messages]
    script = scripts.dominant(scripts.characters(texts))
    return scripts.title(script) if script else ""
