"""A loss curve in the terminal: one line of text a level, drawn with box characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_HEIGHT = 8
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn curve."""

    lines: tuple[str, ...]


def draw(
    values: Sequence[float], *, title: str, height: int = _HEIGHT, width: int = _WIDTH
) -> Curve:
    """Draw values from left to right; more values than columns are averaged column by column."""
    columns = squeeze(values, width)
    low, high = min(columns), max(columns)
    span = high - low
    levels = [round((value - low) / span * (height - 1)) if span else 0 for value in columns]
    # A column is the way from one value to the next; a lone value is a dash.
    ways = list(pairwise(levels)) or [(levels[0], levels[0])]
    rows = [[" "] * len(ways) for _ in range(height if span else 1)]
    for x, (previous, level) in enumerate(ways):
        _draw_column(rows, x, previous, level)
    return Curve(tuple(_labelled(rows, title, low, high)))


def squeeze(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values, each the mean of its share; the first and the last as they are."""
    if len(values) <= width:
        return list(values)
    shares = [
        values[index * len(values) // width : (index + 1) * len(values) // width]
        for index in range(width)
    ]
    means = [sum(share) / len(share) for share in shares]
    # The words beside the chart name these two, and its axis has to agree with them.
    return [values[0], *means[1:-1], values[-1]] if width > 1 else means


def _draw_column(rows: list[list[str]], x: int, previous: int, level: int) -> None:
    """One column: a line on its level, and the way to it from the level before."""
    top = len(rows) - 1
    if level == previous:
        rows[top - level][x] = "─"
        return
    falls = level < previous
    rows[top - previous][x] = "╮" if falls else "╯"
    rows[top - level][x] = "╰" if falls else "╭"
    for between in range(min(level, previous) + 1, max(level, previous)):
        rows[top - between][x] = "│"


def _labelled(rows: list[list[str]], title: str, low: float, high: float) -> list[str]:
    head, foot = f"{high:.2f}", f"{low:.2f}"
    gutter = len(title) + 2 + max(len(head), len(foot))
    lines: list[str] = []
    for index, row in enumerate(rows):
        first, last = index == 0, index == len(rows) - 1
        label = f"{title}  {head:>{gutter - len(title) - 2}}" if first else foot if last else ""
        lines.append(f"{label:>{gutter}} {'┤' if first or last else '│'}{''.join(row)}".rstrip())
    return lines
