"""The directory in which an emulator keeps its state; one emulator at a time."""

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import TextIO

_LOCK = "lock"
_MARK = "This is the state of foundry-emulator. `foundry-emulator reset` empties it.\n"


class StateInUseError(Exception):
    """Another emulator, or something that is no emulator's, is in the directory."""


class StateDirectory:
    """Use it as a context manager around everything that touches the directory (None: memory)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock: TextIO | None = None

    def __enter__(self) -> "StateDirectory":
        """Take the directory; refused while another emulator has it."""
        if self._path is None:
            return self
        if self._path.exists() and not (self._path / _LOCK).exists() and self._foreign():
            raise StateInUseError(
                f"{self._path} holds something else than an emulator's state. Name another "
                "directory with --state."
            )
        # What is in it are rehearsal keys, but keys: nobody else reads them.
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self._path / _LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            holder = self._lock.read().strip().rpartition(" ")[2]
            self._lock.close()
            raise StateInUseError(
                f"{self._path} is in use by another foundry-emulator (process {holder}). Wait for "
                "it to end, or name another directory with --state."
            ) from error
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(f"{_MARK}process {os.getpid()}")
        self._lock.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the directory back."""
        if self._lock is not None:
            self._lock.close()

    def wipe(self) -> None:
        """Empty the directory, keeping the lock."""
        if self._path is None:
            return
        for entry in self._path.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _foreign(self) -> bool:
        assert self._path is not None
        known = {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "pulumi", "pulumi-home"}
        return any(entry.name not in known for entry in self._path.iterdir())
