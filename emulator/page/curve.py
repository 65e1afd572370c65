"""Curves of metrics as SVG with true axes; what is drawn is said in words to who can't see it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

Points = Sequence[tuple[int, float]]

_WIDTH, _HEIGHT = 400.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 380.0, 12.0, 168.0
_MOST_POINTS = 300
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A series as drawn: which of the two colours, its name, and its path."""

    number: int
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number on an axis, and where it lies."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """All that the template draws."""

    title: str
    told: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def draw(title: str, series: Mapping[str, Points]) -> Curve:
    """Several series over the same steps. What is no number is left out."""
    kept = {name: [p for p in points if isfinite(p[1])] for name, points in series.items()}
    kept = {name: _thinned(points) for name, points in kept.items() if points}
    steps = [step for points in kept.values() for step, _ in points] or [0]
    values = [value for points in kept.values() for _, value in points] or [0.0]
    x = _Axis(min(steps), max(steps), _LEFT, _RIGHT)
    y = _Axis(min(0.0, *values), max(values), _BOTTOM, _TOP)
    return Curve(
        title=title,
        told="; ".join(
            f"{name} from {points[0][1]:.4g} at step {points[0][0]} "
            f"to {points[-1][1]:.4g} at step {points[-1][0]}"
            for name, points in kept.items()
        ),
        lines=tuple(
            Line(number, name, _path(points, x, y))
            for number, (name, points) in enumerate(kept.items())
        ),
        across=tuple(x.ticks()),
        up=tuple(y.ticks()),
    )


def spark(points: Points) -> str:
    """A path of 100 by 20 for a row of a table; empty where there is nothing to draw."""
    kept = _thinned([point for point in points if isfinite(point[1])], 60)
    if len(kept) < 2:
        return ""
    values = [value for _, value in kept]
    x = _Axis(kept[0][0], kept[-1][0], 1, 99, is_rounded=False)
    y = _Axis(min(values), max(values), 19, 1, is_rounded=False)
    return _path(kept, x, y)


class _Axis:
    """A stretch of numbers laid over a stretch of the drawing."""

    def __init__(
        self, low: float, high: float, start: float, end: float, *, is_rounded: bool = True
    ) -> None:
        high = high if high > low else low + 1
        self._step = _round_step(high - low)
        if is_rounded:
            low = floor(low / self._step + 1e-9) * self._step
            high = ceil(high / self._step - 1e-9) * self._step
        self._low, self._high, self._start, self._end = low, high, start, end

    def __call__(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> Iterator[Tick]:
        count = ceil(self._low / self._step - 1e-9)
        while count * self._step <= self._high + self._step * 1e-9:
            value = count * self._step
            yield Tick(round(self(value), 1), f"{value:.10g}")
            count += 1


def _round_step(span: float) -> float:
    rough = span / _TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * size for size in (1, 2, 5, 10) if power * size >= rough * (1 - 1e-9))


def _thinned(points: Points, most: int = _MOST_POINTS) -> Points:
    """At most so many of them, evenly, the last one among them."""
    if len(points) <= most:
        return points
    stride = ceil(len(points) / (most - 1))
    return [*points[:-1:stride], points[-1]]


def _path(points: Points, x: _Axis, y: _Axis) -> str:
    return "M" + "L".join(f"{x(step):.1f} {y(value):.1f}" for step, value in points)
