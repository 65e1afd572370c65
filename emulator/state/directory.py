"""The directory in which an emulator keeps its state; one emulator at a time."""

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import TextIO

_LOCK = "lock"
_FILES = {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "pulumi", "pulumi-home"}
_MARK = "This is the state of foundry-emulator. `foundry-emulator reset` empties it.\n"


class UnusableStateError(Exception):
    """The directory is in use, holds something else, or can't be read; says what to do."""


class StateDirectory:
    """Use it as a context manager around everything that touches the directory (None: memory)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock: TextIO | None = None

    def __enter__(self) -> "StateDirectory":
        """Take the directory; refused while another emulator has it."""
        if self._path is None:
            return self
        try:
            self._lock = self._take(self._path)
        except OSError as error:
            raise UnusableStateError(
                f"{self._path} can't hold the state: {error.strerror}. Name another directory with "
                "--state."
            ) from error
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
        """Empty the directory, keeping the lock, and the states of others that lie in it."""
        if self._path is None:
            return
        for entry in self._path.iterdir():
            if entry.name == _LOCK or _is_marked(entry):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _take(self, path: Path) -> TextIO:
        # What is in it are rehearsal keys, but keys: nobody else reads them.
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_ours(path):
            raise UnusableStateError(
                f"{path} holds something else than an emulator's state. Name another directory "
                "with --state."
            )
        path.chmod(0o700)  # one that was there may be wider
        lock = os.fdopen(os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip().rpartition(" ")[2]
            lock.close()
            raise UnusableStateError(
                f"{path} is in use by another foundry-emulator (process {holder}). Wait for it to "
                "end, or name another directory with --state."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(f"{_MARK}process {os.getpid()}")
        lock.flush()
        return lock


def _is_ours(path: Path) -> bool:
    """Whether the directory may be wiped: it has our mark, or nothing but what is ours."""
    if _is_marked(path):
        return True
    # A lock that is still empty is of an emulator that was killed before it could write.
    lock = path / _LOCK
    unfinished = lock.is_file() and not lock.stat().st_size
    return all(
        entry.name in _FILES or (unfinished and entry.name == _LOCK) or _is_marked(entry)
        for entry in path.iterdir()
    )


def _is_marked(path: Path) -> bool:
    """Whether an emulator keeps its state in exactly this directory."""
    lock = path / _LOCK
    return lock.is_file() and lock.read_bytes().startswith(_MARK.encode())
