"""A temporary folder for an emulator's life; what a killed one left is cleaned at a start."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "foundry-emulator-"
_LOCK = "lock"
_NEW_SECONDS = 60.0
"""A folder without a lock may be one that another emulator makes in this moment."""


class Scratch:
    """The folder, 0700, with a lock that the system gives up when the process ends."""

    def __init__(self) -> None:
        clean()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Under its name only once it is held: another emulator that starts now would clean it away.
        unheld = self.path / f"new-{_LOCK}"
        self._lock = unheld.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unheld.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it with everything in it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def clean() -> None:
    """Remove the folders of emulators that were killed: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.stat().st_uid == os.getuid() and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # gone in this very moment


def _is_left(folder: Path) -> bool:
    lock = folder / _LOCK
    if not lock.exists():
        return time.time() - folder.stat().st_mtime > _NEW_SECONDS
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
