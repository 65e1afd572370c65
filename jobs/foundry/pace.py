"""Keeping to an endpoint's rate limit: whoever asks it waits together, and says so."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar

from jobs.errors import RemoteError
from jobs.terminal.output import progress

T = TypeVar("T")

LONGEST_SECONDS = 60.0
"""A longer `Retry-After` is told instead of waited for; a rate limit is counted by the minute."""
_WORTH_SAYING_SECONDS = 3.0
_MOST_WAITS = 20
"""For one question; with so many refusals in a row it isn't the rate that is refused."""
_TRIES_UNTOLD = 3
"""Where the endpoint doesn't say how long to wait."""


class ThrottledError(RemoteError):
    """The endpoint takes no more for now (429)."""

    seconds: float | None = None
    """What it asks to wait, where it says."""


class Pace:
    """What those who ask one endpoint side by side keep to."""

    def __init__(
        self,
        tell: Callable[[str], None] = progress,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tell, self._pause = tell, pause
        self._lock = threading.Lock()
        self._waits = 0

    def keep(self, ask: Callable[[], T]) -> T:
        """The answer, once the endpoint takes the question.

        Raises:
            RemoteError: It asks for a longer wait than anybody has patience for.
        """
        tries = 0
        while True:
            with self._lock:  # held by whoever waits
                seen = self._waits
            try:
                return ask()
            except ThrottledError as throttled:
                tries += 1
                if tries > (_MOST_WAITS if throttled.seconds is not None else _TRIES_UNTOLD):
                    raise
                self._wait(throttled, seen, 0.5 * 2 ** (tries - 1))

    def _wait(self, throttled: ThrottledError, seen: int, untold: float) -> None:
        seconds = untold if throttled.seconds is None else throttled.seconds
        if seconds > LONGEST_SECONDS:
            raise RemoteError(
                f"The endpoint asks to wait {seconds:,.0f} s before it answers again.",
                next_step="Run the same command again then: what was answered is kept.",
            ) from throttled
        with self._lock:
            if seen != self._waits:
                return  # somebody has waited since this was asked
            if seconds >= _WORTH_SAYING_SECONDS:
                self._tell(f"The endpoint's rate limit is reached; waiting {seconds:.0f} s …")
            self._pause(seconds)
            self._waits += 1


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's headers ask to wait; None where they don't say."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if seconds >= 0 and not math.isnan(seconds):
            return seconds
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, until.timestamp() - time.time())
    except (KeyError, ValueError):
        return None
