"""What `foundry-tune safety -o json` found, for the report of the revision that it asked."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from jobs.errors import InvalidInputError
from jobs.foundry.endpoints import Endpoint
from jobs.proof.matrix import Cell, Matrix, read
from jobs.report.report import Absent, Ground, InDepth, Side, Tried
from jobs.spec.grid import SEVERITIES


def in_depth(file: str, endpoint: Endpoint | None) -> InDepth | Absent:
    """The matrix of a file, if it is of this endpoint.

    Raises:
        InvalidInputError: It can't be read, or is of another.
    """
    if not file:
        why = "give what foundry-tune safety SPEC -o json said: --safety FILE."
        return Absent(why)
    asked, matrix = read(Path(file))
    served = endpoint.name if endpoint else "no endpoint"
    if asked != served:
        raise InvalidInputError(
            f"{file} is of endpoint '{asked}', and this revision is served by '{served}'.",
            next_step="Ask that one: foundry-tune safety NAME -o json > safety.json",
        )
    return InDepth(
        source=file,
        rows=tuple(_rows(matrix)),
        leaks=len(matrix.leaks),
        over_blocking=matrix.over_blocking,
    )


def ground(found: InDepth | Absent) -> Ground:
    """Whether harm was answered."""
    if isinstance(found, Absent):
        return Ground(None, f"the content filter in depth: {found.why}")
    tried = sum(row.refused + row.answered for row in found.rows)
    return Ground(
        found.leaks == 0,
        f"the content filter in depth: {found.leaks:,} leaks in {tried:,} trials, over-blocking "
        f"{found.over_blocking:.2f}",
    )


def _rows(matrix: Matrix) -> Iterator[Tried]:
    for (category, grade, side), cells in groupby(sorted(matrix.cells, key=_key), key=_key):
        yield _tried(category, SEVERITIES[-grade], side, list(cells))


def _tried(category: str, severity: str, side: Side, cells: Iterable[Cell]) -> Tried:
    outcomes = [cell.outcome for cell in cells]
    return Tried(
        category=category or "own",
        severity=severity,
        side=side,
        refused=outcomes.count("refused"),
        answered=outcomes.count("answered"),
        faults=sum(cell.fault is not None for cell in cells),
    )


def _key(cell: Cell) -> tuple[str, int, Side]:
    """By category, the gravest first; a completion's severity is what the filter saw."""
    if cell.kind == "completions":
        return cell.category, -SEVERITIES.index(cell.seen or "safe"), "completion"
    return cell.category, -SEVERITIES.index(cell.severity), "prompt"
