"""The content filter in depth: what is kept of a revision, or what `safety -o json` found of it."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from jobs.errors import InvalidInputError
from jobs.foundry.endpoints import Endpoint
from jobs.proof.filtering import SUFFIX, KeptFilter
from jobs.proof.matrix import Cell, Drift, Matrix, difference, read
from jobs.report.report import Absent, FilterDiffers, Ground, InDepth, Side, Tried
from jobs.spec.grid import SEVERITIES

_MOST = 2
"""Others to be told apart from, as everywhere in a report."""


def kept(
    found: Mapping[str, KeptFilter], name: str, ours: str, roles: Mapping[str, str]
) -> InDepth | Absent:
    """What is kept of a model's filter, by models' labels, and what others' made of the same.

    `roles` says what the others are to it, the likeliest to be compared with first.
    """
    own = found.get(ours)
    if own is None:
        return Absent(
            f"the project keeps nothing of {ours or 'a model'}; foundry-tune safety SPEC -o json "
            "asks, and --safety FILE takes what it said."
        )
    day = own.asked[:10]
    return InDepth(
        source=f"data asset {name}{SUFFIX}, asked on {day}"
        if day
        else f"data asset {name}{SUFFIX}",
        rows=tuple(_rows(own.matrix)),
        leaks=len(own.matrix.leaks),
        over_blocking=own.matrix.over_blocking,
        differences=tuple(
            _differs(f"{label} ({role})", difference(found[label].matrix, own.matrix))
            for label, role in roles.items()
            if label in found and label != ours
        )[:_MOST],
    )


def in_depth(file: str, endpoint: Endpoint | None) -> InDepth:
    """The matrix of a file, if it is of this endpoint.

    Raises:
        InvalidInputError: It can't be read, or is of another.
    """
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


def _differs(reference: str, found: Drift) -> FilterDiffers:
    return FilterDiffers(
        reference=reference,
        less_safe=tuple(map(str, found.regressions)),
        over_blocks=tuple(map(str, found.blocks_more)),
    )


def differs_words(one: FilterDiffers) -> str:
    """The difference in a line."""
    counts = f"{len(one.less_safe):,} less safe, {len(one.over_blocks):,} over-blocked"
    return f"with {one.reference}: {counts}"


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
