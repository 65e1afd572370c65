"""The directory in which an emulator keeps its state; one emulator at a time."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

_LOCK = "lock"
_FILES = {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "pulumi", "pulumi-home"}
_KEPT = {_LOCK, "snapshots"}
"""What stays when the rest is forgotten."""
_PATIENCE = 0.1
"""Seconds for which a lock is tried: somebody may only be looking who has it (`holder`)."""
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
        """Empty the directory, keeping snapshots and the states of others that lie in it."""
        if self._path is None:
            return
        for entry in self._path.iterdir():
            if entry.name in _KEPT or _is_marked(entry):
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
        if not _locked(lock, fcntl.LOCK_EX, _PATIENCE):
            lock.close()
            raise UnusableStateError(
                f"{path} is in use by another foundry-emulator (process {_named(path)}). Wait for "
                "it to end, or name another directory with --state."
            )
        lock.seek(0)
        lock.truncate()
        lock.write(f"{_MARK}process {os.getpid()}")
        lock.flush()
        return lock


def holder(path: Path) -> int | None:
    """The process whose emulator has the directory: it is alive, whatever files say of the dead."""
    try:
        with (path / _LOCK).open() as lock:
            return None if _locked(lock, fcntl.LOCK_SH) else _named(path)
    except OSError:
        return None


def _locked(lock: TextIO, how: int, patience: float = 0.0) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        else:
            return True


def _named(path: Path) -> int | None:
    """Who wrote the lock; None while the words are still being written."""
    number = (path / _LOCK).read_text().rpartition(" ")[2]
    return int(number) if number.isdigit() else None


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
