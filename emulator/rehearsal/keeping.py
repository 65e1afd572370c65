"""What of a rehearsal outlives the emulator's process: how its clock was turned, and snapshots."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from emulator.front import Front
from emulator.state import snapshots
from emulator.state.cloud import Cloud
from emulator.state.directory import UnusableStateError
from emulator.state.errors import AzureError

_COLLECTION, _CLOCK = "rehearsal", "clock"


def keep_clock(cloud: Cloud) -> None:
    """Remember what the clock shows, and how fast it runs."""
    shown = {
        "now": cloud.clock.timestamp(),
        "scale": cloud.clock.scale,
        "at": time.time(),
    }
    cloud.database.documents(_COLLECTION).put(_CLOCK, shown)


def resume_clock(cloud: Cloud, *, time_has_passed: bool) -> None:
    """Go on from what was remembered, if anything: with the time since, or from that moment."""
    shown = cloud.database.documents(_COLLECTION).get(_CLOCK)
    if shown is None:
        return
    passed = (time.time() - shown["at"]) * shown["scale"] if time_has_passed else 0.0
    cloud.clock.set(datetime.fromtimestamp(shown["now"] + max(passed, 0.0), UTC))
    cloud.clock.run(shown["scale"])


def take_snapshot(front: Front, name: str, *, replace: bool = False) -> None:
    """Keep the state as it is under a name, with the moment that the clock shows."""
    directory = _directory(front.cloud)
    keep_clock(front.cloud)
    with _told():
        snapshots.take(front.cloud.database, directory, name, replace=replace)


def restore(front: Front, name: str) -> None:
    """Make everything what it was at a snapshot, the clock too."""
    cloud, directory = front.cloud, _directory(front.cloud)
    with _told():
        front.become(lambda: snapshots.put_back(cloud.database, directory, name))
    resume_clock(cloud, time_has_passed=False)


def _directory(cloud: Cloud) -> Path:
    if cloud.directory is None:
        raise AzureError(
            409, "NothingIsKept", "This emulator keeps nothing on disk: start it with a --state."
        )
    return cloud.directory


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except (snapshots.SnapshotError, UnusableStateError) as error:
        raise AzureError(409, "SnapshotRefused", str(error)) from error
