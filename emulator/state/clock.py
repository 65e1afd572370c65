"""The emulator's virtual clock: everything that Azure would do over time happens on it.

Credentials are the exception: tokens and SAS live on the client's real clock, because it is the
client that decides when to renew them, and moving Azure's time must not sign anybody out.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MAX_SCALE = 1_000_000
_LAST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()


class Clock:
    """Time that runs with the real one from any starting point and can be frozen or advanced."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        base = _within_range((start or datetime.now(UTC)).timestamp())
        self._running = (base, time.monotonic(), 1.0)
        """Which moment it was when, and how fast it goes since: replaced whole, read unlocked."""
        self.turned: Callable[[], None] = _nothing
        """Called after time was turned, whoever did it."""

    def timestamp(self) -> float:
        """Seconds since the epoch, now."""
        base, since, scale = self._running
        return base + (time.monotonic() - since) * scale

    def now(self) -> datetime:
        """The moment now, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        with self._lock:
            base, since, scale = self._running
            self._running = (_within_range(base + seconds), since, scale)
        self.turned()

    def set(self, moment: datetime) -> None:
        """Jump to a moment, forward or back."""
        base = _within_range(moment.timestamp())
        with self._lock:
            self._running = (base, time.monotonic(), self.scale)
        self.turned()

    def run(self, scale: float) -> None:
        """Let time run `scale` times as fast as real time; 0 freezes it."""
        if not 0 <= scale <= MAX_SCALE:
            raise ValueError(f"time runs from 0 to {MAX_SCALE:,} times as fast, not {scale:g}")
        with self._lock:
            self._running = (self.timestamp(), time.monotonic(), scale)
        self.turned()

    @property
    def scale(self) -> float:
        """How fast time runs: 1 is real time, 0 is frozen."""
        return self._running[2]

    def after(self, seconds: float) -> float:
        """The timestamp that lies `seconds` ahead."""
        return self.timestamp() + seconds


def _nothing() -> None:
    pass


def _within_range(timestamp: float) -> float:
    if not 0 <= timestamp < _LAST:
        raise ValueError("the clock knows the years from 1970 to 2999")
    return timestamp


def isoformat(timestamp: float) -> str:
    """A timestamp as ARM writes it: seven decimals and a Z."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0Z"


def http_date(timestamp: float) -> str:
    """A timestamp as an HTTP header writes it."""
    return _http_second(int(timestamp))


def compact_date(timestamp: float) -> str:
    """A timestamp as ARM's routing id writes it, to the second and without hyphens."""
    return _compact_second(int(timestamp))


@lru_cache(maxsize=64)
def _http_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


@lru_cache(maxsize=64)
def _compact_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H:%M:%SZ")


def real_now() -> datetime:
    """The client's time, for credentials only."""
    return datetime.now(UTC)


def real_after(seconds: float) -> datetime:
    """A moment on the client's clock, for credentials only."""
    return real_now() + timedelta(seconds=seconds)
