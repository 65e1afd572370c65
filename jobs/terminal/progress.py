"""What `apply` and its kin tell while they work: results on stdout, progress on stderr.

A bar on a terminal; elsewhere nothing but a line a minute, so that a log shows that it lives.
"""

import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobs.terminal import output

if TYPE_CHECKING:
    from rich.progress import Progress

_QUIET_SECONDS = 60.0
_INDENT = "  "
_WIDE = 100
"""Cells of a terminal that has room for a bar beside the words."""
_WORDS_WIDTH = 34
"""Cells for the words of a step, as `step 12000/16250  loss 12.31`, and the gap before them."""


class Reporter:
    """Tells what happens; safe to use from several threads."""

    def __init__(
        self,
        *,
        type_width: int = 10,
        name_width: int = 30,
        alone: bool = False,
        aside: bool = False,
    ) -> None:
        """`aside`: results go where progress goes, since stdout is for a program to read."""
        self._type_width, self._name_width = type_width, name_width
        self._alone, self._aside = alone, aside
        self.records: dict[str, list[dict[str, Any]]] = {}
        """What was told, for a program to read."""
        self._lock = threading.RLock()
        self._said_at = time.monotonic()
        self._bars: dict[str, Any] = {}
        self._live: Progress | None = None

    def result(self, kind: str, name: str, text: str) -> None:
        """One line of the result."""
        line = f"{_INDENT}{kind:<{self._type_width}}  {name:<{self._name_width}}  {text}".rstrip()
        self._say(line, over=f"{kind} {name}")

    def detail(self, kind: str, name: str, text: str) -> None:
        """A line about what the line before named; named again only where there are several."""
        if self._alone:
            self._say(f"{_INDENT}{kind:<{self._type_width}}  {text}", over=f"{kind} {name}")
        else:
            self.result(kind, name, text)

    def table(self, lines: Sequence[str]) -> None:
        """Several lines of the result that belong together."""
        self._say("\n".join(lines), over="")

    def record(self, kind: str, value: dict[str, Any]) -> None:
        """Something that was found out, with all its numbers."""
        with self._lock:
            self.records.setdefault(kind, []).append(value)

    def progress(self, kind: str, name: str, text: str) -> None:
        """What is going on, for somebody who watches."""
        self.step(kind, name, text, None, None)

    def step(self, kind: str, name: str, text: str, done: int | None, total: int | None) -> None:
        """How far something is; a bar on a terminal."""
        with self._lock:
            if sys.stderr.isatty():
                self._bar(f"{kind} {name}", kind, name, text, done, total)
            elif time.monotonic() - self._said_at >= _QUIET_SECONDS:
                output.progress(f"{_INDENT}{kind}  {name}  {text}")
                self._said_at = time.monotonic()

    def warn(self, text: str) -> None:
        """Something to know that stops nothing."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
            output.progress(output.style(f"Warning: {text}", "yellow", sys.stderr))

    def close(self) -> None:
        """Take the bars off the terminal."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
                self._bars.clear()

    def _say(self, line: str, *, over: str) -> None:
        """A line on stdout, with the bars out of its way and the one that it ends gone."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                if over in self._bars:
                    self._live.remove_task(self._bars.pop(over))
            (output.progress if self._aside else output.tell)(line)
            self._said_at = time.monotonic()
            if self._live is not None and self._bars:
                self._live.start()

    def _bar(
        self, key: str, kind: str, name: str, text: str, done: int | None, total: int | None
    ) -> None:
        live = self._live or self._open()
        live.start()
        label = self._label(kind, name, live.console.width)
        if key not in self._bars:
            self._bars[key] = live.add_task(label, total=total, words=text, left="")
        bar = self._bars[key]
        live.update(bar, total=total, completed=done or 0, words=text)
        remaining = next(task.time_remaining for task in live.tasks if task.id == bar)
        live.update(bar, left=f"{duration(remaining)} left" if remaining else "")

    def _label(self, kind: str, name: str, columns: int) -> str:
        """Who it is about; on a narrow terminal so short that step and loss are never cut."""
        if columns >= _WIDE:
            return f"{kind:<{self._type_width}}  {name:<{self._name_width}}"
        room = columns - len(_INDENT) - _WORDS_WIDTH
        return name if len(name) <= room else f"{name[: max(1, room - 1)]}…"

    def _open(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        words = TextColumn("{task.fields[words]}", markup=False)
        left = TextColumn("{task.fields[left]}", markup=False)
        bar = [BarColumn(bar_width=26), words, left] if console.width >= _WIDE else [words]
        self._live = Progress(
            TextColumn(_INDENT + "{task.description}", markup=False),
            *bar,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        return self._live


def duration(seconds: float) -> str:
    """`4 min`, `35 s`, `2 h 10 min`, as a person would say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d"


def size(count: int) -> str:
    """`168 kB`, in the decimal units that storage is billed in."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    raise AssertionError
