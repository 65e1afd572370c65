"""Snapshots: all that an emulator remembers, under a name, and the Pulumi stacks that belong to it.

They lie in the state folder and outlive a reset. One is whole or not there.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from emulator.state.database import Database

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PULUMI = "pulumi"
_DATABASE = "state.sqlite"


class SnapshotError(Exception):
    """A name that can't be, is taken, or isn't there; says what to do."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One of them."""

    name: str
    taken_at: float
    """Seconds since the epoch, on the real clock."""


def snapshots(state: Path) -> list[Snapshot]:
    """Those of a state, oldest first."""
    found = [
        Snapshot(folder.name, (folder / _DATABASE).stat().st_mtime)
        for folder in (state / "snapshots").glob("[!.]*")
    ]
    return sorted(found, key=lambda each: (each.taken_at, each.name))


def take(database: Database, state: Path, name: str, *, replace: bool = False) -> None:
    """Keep the state as it is now under a name."""
    folder = _folder(state, name)
    if folder.exists() and not replace:
        raise SnapshotError(f"There is a snapshot '{name}' already. --replace takes it anew.")
    new = folder.with_name(f".{name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o700)
    database.copy_to(new / _DATABASE)
    if (state / _PULUMI).is_dir():
        shutil.copytree(state / _PULUMI, new / _PULUMI)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def put_back(database: Database, state: Path, name: str) -> None:
    """Make the state what it was when the snapshot was taken."""
    folder = _folder(state, name)
    if not folder.is_dir():
        there = ", ".join(each.name for each in snapshots(state)) or "none"
        raise SnapshotError(f"There is no snapshot '{name}' in {state} (there: {there}).")
    database.copy_from(folder / _DATABASE)
    shutil.rmtree(state / _PULUMI, ignore_errors=True)
    if (folder / _PULUMI).is_dir():
        shutil.copytree(folder / _PULUMI, state / _PULUMI)


def _folder(state: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise SnapshotError(
            f"'{name}' can't name a snapshot: letters, digits, '.', '_' and '-', 64 at most."
        )
    return state / "snapshots" / name
