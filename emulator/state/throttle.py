"""ARM's throttling: token buckets per subscription, principal and kind of call.

Off unless a rehearsal turns it on (`POST /throttle` on the control port): the numbers are those
published for 2024 and later (reads 250 + 25/s, writes and deletes 200 + 10/s).
"""

import threading

from emulator.state.clock import Clock
from emulator.state.errors import AzureError

LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}


class Throttle:
    """The buckets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}
        self.enabled = False

    def take(self, subscription: str, principal: str, method: str) -> tuple[str, int]:
        """Take one call; returns the kind and how many remain, or refuses with a 429."""
        kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
        size, refill = LIMITS[kind]
        if not self.enabled:
            return kind, int(size) - 1
        now = self._clock.timestamp()
        key = (subscription.lower(), principal, kind)
        with self._lock:
            level, since = self._buckets.get(key, (size, now))
            level = min(size, level + max(0.0, now - since) * refill)
            if level < 1.0:
                self._buckets[key] = (level, now)
                raise AzureError(
                    429,
                    "SubscriptionRequestsThrottled",
                    f"Number of {kind} requests for subscription '{subscription}' actor "
                    f"'{principal}' exceeded. Please try again after '1' seconds after additional "
                    "tokens are available. Refer to https://aka.ms/arm-throttling for additional "
                    "information.",
                    headers={
                        "retry-after": "1",
                        f"x-ms-ratelimit-remaining-subscription-{kind}": "0",
                    },
                )
            self._buckets[key] = (level - 1.0, now)
        return kind, int(level - 1.0)
