"""How much an endpoint takes in a minute, as the service documents it per deployment.

Counted on the virtual clock in windows of a minute, so that a rehearsal can provoke a 429 and wait
it out without waiting.
"""

import threading
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError

REQUESTS_A_MINUTE = 1_000
TOKENS_A_MINUTE = 200_000


@dataclass(slots=True)
class Limits:
    """The limits of every endpoint of a cloud, and what was used of them."""

    requests: int = REQUESTS_A_MINUTE
    tokens: int = TOKENS_A_MINUTE
    _used: dict[str, tuple[float, int, int]] = field(
        default_factory=dict[str, tuple[float, int, int]]
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, endpoint: str, now: float) -> None:
        """Count a request; refuse it when the minute's share is used up."""
        with self._lock:
            began, requests, tokens = self._window(endpoint, now)
            if requests >= self.requests or tokens >= self.tokens:
                wait = max(1, round(began + 60 - now))
                what = "requests" if requests >= self.requests else "tokens"
                raise AzureError(
                    429,
                    "RateLimitReached",
                    f"Rate limit of {getattr(self, what)} {what} a minute is exceeded. Try again "
                    f"in {wait} seconds.",
                    headers={"retry-after": str(wait)},
                )
            self._used[endpoint] = (began, requests + 1, tokens)

    def used_tokens(self, endpoint: str, tokens: int, now: float) -> None:
        """Count the tokens of an answer."""
        with self._lock:
            began, requests, before = self._window(endpoint, now)
            self._used[endpoint] = (began, requests, before + tokens)

    def _window(self, endpoint: str, now: float) -> tuple[float, int, int]:
        began, requests, tokens = self._used.get(endpoint, (now, 0, 0))
        return (began, requests, tokens) if now - began < 60 else (now, 0, 0)


_limits: "WeakKeyDictionary[Cloud, Limits]" = WeakKeyDictionary()


def of(cloud: Cloud) -> Limits:
    """The limits of an emulated cloud; assign to its fields to rehearse a 429."""
    return _limits.setdefault(cloud, Limits())
