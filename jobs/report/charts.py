"""Charts as SVG with true axes: what is drawn stands in a table beside it, for those who can't see.

Colours and sizes of letters are classes of the page's style sheet: its policy allows no others.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from jobs.report.markup import text
from jobs.report.overfitting import Lowest
from jobs.report.report import Steps

_WIDTH, _HEIGHT = 400.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 382.0, 24.0, 184.0
_MOST_POINTS = 240
_TICKS = 5


def losses(train: Steps, validation: Steps, lowest: Lowest | None) -> str:
    """Both loss curves over the same steps, and where validation was lowest."""
    every = (*train, *validation)
    values = [loss for _, loss in every]
    x = Axis.over(min(step for step, _ in every), max(step for step, _ in every), _LEFT, _RIGHT)
    y = Axis.over(min(0.0, *values), max(values), _BOTTOM, _TOP)
    drawn = [*_frame(x, y, "step", "loss")]
    if lowest is not None:
        at = f"{x(lowest.step):.1f}"
        drawn.append(f'<path class="mark" d="M{at} {_TOP}V{_BOTTOM}"/>')
        anchor = "end" if x(lowest.step) > (_LEFT + _RIGHT) / 2 else "start"
        words = "overfitting begins" if lowest.verdict == "overfits" else "lowest"
        shift = -4 if anchor == "end" else 4
        place = f'x="{x(lowest.step) + shift:.1f}" y="{_TOP + 8}" text-anchor="{anchor}"'
        drawn.append(f'<text class="said" {place}>{words}</text>')
    if train:
        drawn.append(f'<path class="train" d="{_line(thinned(train), x, y)}"/>')
    if validation:
        drawn.append(f'<path class="validation" d="{_line(thinned(validation), x, y)}"/>')
        drawn += [
            f'<circle class="validation" cx="{x(step):.1f}" cy="{y(loss):.1f}" r="2.5"/>'
            for step, loss in thinned(validation, 40)
        ]
    told = [f"training loss {train[0][1]:.4g} to {train[-1][1]:.4g}"] if train else []
    told += [f"validation loss {validation[0][1]:.4g} to {validation[-1][1]:.4g}"] * bool(
        validation
    )
    told += [str(lowest)] if lowest else []
    return _svg("losses", "Loss over training steps", "; ".join(told) + ".", drawn)


def histogram(key: str, bars: Sequence[tuple[int, int, int]], title: str) -> str:
    """Bars over equal stretches of a number of tokens: from, up to and including, how many."""
    x = Axis(float(bars[0][0]), float(bars[-1][1] + 1), _LEFT, _RIGHT)
    y = Axis.over(0, max(count for _, _, count in bars), _BOTTOM, _TOP)
    drawn = [*_frame(x, y, "tokens", "conversations")]
    for low, high, count in bars:
        left, right, top = x(low) + 1, x(high + 1) - 1, y(count)
        size = f'width="{max(right - left, 0.5):.1f}" height="{_BOTTOM - top:.1f}"'
        drawn.append(f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" {size}/>')
    most = max(bars, key=lambda bar: bar[2])
    told = f"From {bars[0][0]:,} to {bars[-1][1]:,} tokens; most often {most[0]:,} to {most[1]:,}."
    return _svg(key, title, told, drawn)


def interval(mean: float, low: float, high: float, reach: float) -> str:
    """A difference with its interval on an axis from -reach to reach; its numbers stand beside it.

    It says nothing to a screen reader that the row doesn't.
    """
    x = Axis(-reach, reach, 3, 117)
    return (
        '<svg class="interval" viewBox="0 0 120 16" aria-hidden="true" focusable="false">'
        f'<path class="zero" d="M{x(0):.1f} 0V16"/>'
        f'<path class="whisker" d="M{x(low):.1f} 8H{x(high):.1f}"/>'
        f'<circle class="dot" cx="{x(mean):.1f}" cy="8" r="3.5"/></svg>'
    )


class Axis:
    """A stretch of numbers laid over a stretch of the drawing."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high if high > low else low + 1
        self._start, self._end = start, end

    @classmethod
    def over(cls, low: float, high: float, start: float, end: float) -> "Axis":
        """An axis whose ends are round numbers around what is drawn."""
        step = _round_step(high - low)
        return cls(floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, start, end)

    def __call__(self, value: float) -> float:
        """Where a value lies; what is beyond an end lies at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> Iterator[float]:
        """Round numbers along it."""
        step = _round_step(self.high - self.low)
        count = ceil(self.low / step - 1e-9)
        while count * step <= self.high + step * 1e-9:
            yield count * step
            count += 1


def thinned(steps: Steps, most: int = _MOST_POINTS) -> Steps:
    """Some of many points, evenly, the first, last, lowest and highest among them."""
    if len(steps) <= most:
        return steps
    kept = {round(i * (len(steps) - 1) / (most - 1)) for i in range(most)}
    by_loss = sorted(range(len(steps)), key=lambda i: steps[i][1])
    return tuple(steps[i] for i in sorted(kept | {by_loss[0], by_loss[-1]}))


def _round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are some five of them in a span."""
    if span <= 0:
        return 1.0
    power = 10.0 ** floor(log10(span / _TICKS))
    return next(power * digit for digit in (1, 2, 5, 10) if span <= power * digit * _TICKS)


def _frame(x: Axis, y: Axis, below: str, beside: str) -> Iterator[str]:
    for tick in y.ticks():
        at = f"{y(tick):.1f}"
        yield f'<path class="grid" d="M{_LEFT} {at}H{_RIGHT}"/>'
        place = f'x="{_LEFT - 5}" y="{y(tick) + 3:.1f}" text-anchor="end"'
        yield f"<text {place}>{_number(tick)}</text>"
    for tick in x.ticks():
        at = f"{x(tick):.1f}"
        yield f'<path class="axis" d="M{at} {_BOTTOM}v4"/>'
        yield f'<text x="{at}" y="{_BOTTOM + 16}" text-anchor="middle">{_number(tick)}</text>'
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">{below}</text>'
    yield f'<text x="2" y="10">{beside}</text>'


def _line(steps: Steps, x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x(step):.1f} {y(loss):.1f}" for step, loss in steps)


def _number(value: float) -> str:
    if value and abs(value) < 1e-3:
        return f"{value:.0e}"
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"


def _svg(key: str, title: str, told: str, drawn: Sequence[str]) -> str:
    names = f'aria-labelledby="{key}-title" aria-describedby="{key}-told"'
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" {names}>'
        f'<title id="{key}-title">{text(title)}</title>'
        f'<desc id="{key}-told">{text(told)}</desc>{"".join(drawn)}</svg>'
    )
