# pyright: reportUnknownMemberType=false
# azure-core's transport takes untyped keyword arguments.
"""Waiting for Azure: what is waited for is said, no wait is longer than a person's patience."""

import time
from collections.abc import Callable
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.core.polling.arm_polling import ARMPolling

from jobs.errors import RemoteError

LONGEST_SECONDS = 60.0
"""A longer `Retry-After` is told instead of waited for."""
_WORTH_SAYING_SECONDS = 3.0
_LONGEST_LOOK_SECONDS = 20.0


class PatientTransport(RequestsTransport):
    """The transport of azure-core, whose pauses are told and have an end."""

    def __init__(self, tell: Callable[[str], None], **settings: Any) -> None:
        super().__init__(**settings)
        self._tell = tell

    def sleep(self, duration: float) -> None:
        """Pause before a call is repeated.

        Raises:
            RemoteError: Azure asks for a longer pause than anybody waits for at a prompt.
        """
        if duration > LONGEST_SECONDS:
            raise RemoteError(
                f"Azure asks to wait {duration:,.0f} s before it answers again.",
                next_step="Run the same command again then.",
            )
        if duration >= _WORTH_SAYING_SECONDS:
            self._tell(f"Azure asks to wait {duration:.0f} s …")
        time.sleep(duration)


class PatientPolling(ARMPolling):
    """Looks at a long-running operation at least three times a minute, whatever Azure asks for."""

    def _sleep(self, delay: float) -> None:
        time.sleep(min(delay, _LONGEST_LOOK_SECONDS))
