"""Loss curves in the terminal: a line of box characters for training, points for validation."""

from collections.abc import Sequence
from itertools import pairwise

Step = tuple[float, float]
"""Where something was measured, and what was."""

_HEIGHT = 8
_WIDTH = 60
_MARK = "●"


def draw(
    line: Sequence[Step],
    marks: Sequence[Step] = (),
    *,
    title: str,
    height: int = _HEIGHT,
    width: int = _WIDTH,
) -> tuple[str, ...]:
    """Lines of text: `line` from its first step to its last, `marks` where they were measured.

    Both share the axes, whose ends are values and steps that were measured. Where a column has
    several values it shows their mean. `width` is that of the drawing, without the numbers.
    """
    first = min(step for step, _ in (*line, *marks))
    last = max(step for step, _ in (*line, *marks))
    columns = min(width, max(2, len(line), len(marks))) if last > first else 2
    # The words beside the chart name the ends, and its axis has to agree with them.
    drawn = squeeze(line, first, last, columns)
    points = _by_column(marks, first, last, columns)
    values = [*drawn, *(sum(found) / len(found) for found in points.values())]
    low, high = min(values), max(values)
    rows = [[" "] * (columns - 1) for _ in range(height if high > low else 1)]
    levels = [_level(value, low, high, len(rows)) for value in drawn]
    for x, (previous, level) in enumerate(pairwise(levels)):
        _draw_column(rows, x, previous, level)
    for x, found in points.items():
        level = _level(sum(found) / len(found), low, high, len(rows))
        rows[len(rows) - 1 - level][min(x, columns - 2)] = _MARK
    return tuple(_labelled(rows, title, (low, high), (first, last)))


def squeeze(line: Sequence[Step], first: float, last: float, columns: int) -> list[float]:
    """A value for every column: the mean of those measured in it, or between its neighbours."""
    shares = _by_column(line, first, last, columns)
    known = {x: sum(values) / len(values) for x, values in shares.items()}
    known[min(known)], known[max(known)] = line[0][1], line[-1][1]
    return [_between(known, x) for x in range(columns)]


def _by_column(
    steps: Sequence[Step], first: float, last: float, columns: int
) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for step, value in steps:
        share = (step - first) / (last - first) if last > first else 0.0
        found.setdefault(round(share * (columns - 1)), []).append(value)
    return found


def _between(known: dict[int, float], x: int) -> float:
    if x in known:
        return known[x]
    before = max((at for at in known if at < x), default=None)
    after = min((at for at in known if at > x), default=None)
    if before is None or after is None:
        return known[min(known) if before is None else max(known)]
    share = (x - before) / (after - before)
    return known[before] + share * (known[after] - known[before])


def _level(value: float, low: float, high: float, height: int) -> int:
    return round((value - low) / (high - low) * (height - 1)) if high > low else 0


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


def _labelled(
    rows: list[list[str]], title: str, values: tuple[float, float], steps: tuple[float, float]
) -> list[str]:
    head, foot = f"{values[1]:.2f}", f"{values[0]:.2f}"
    gutter = len(title) + 2 + max(len(head), len(foot))
    lines: list[str] = []
    for index, row in enumerate(rows):
        first, last = index == 0, index == len(rows) - 1
        label = f"{title}  {head:>{gutter - len(title) - 2}}" if first else foot if last else ""
        lines.append(f"{label:>{gutter}} {'┤' if first or last else '│'}{''.join(row)}".rstrip())
    begin, end = f"{steps[0]:g}", f"{steps[1]:g}"
    width = max(len(rows[0]), len(begin) + len(end) + 2)
    ends = f"{begin}{end:>{width - len(begin)}}" if begin != end else begin
    lines.append(f"{'step':>{gutter}}  {ends}")
    return lines
