"""What an emulator that stays leaves written in its state folder: for shells, and for the next one.

It is taken up again with the same ports, token and secrets, so that a shell that points at it still
does after a crash. Nobody but its user may read the file.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emulator.rehearsal.environment import Address
from emulator.rehearsal.identities import Identities, identities

_FILE = "session.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One life of an emulator that stays."""

    pid: int | None
    """Its process; None once it has ended in order."""
    since: float
    """When it started, in seconds since the epoch."""
    address: Address
    identities: Identities
    date: str | None = None
    """The day that it was started on by `--date`."""


def write(state: Path, session: Session) -> None:
    """Write it down, all at once: a reader never sees a half."""
    address = session.address
    content: dict[str, Any] = {
        "pid": session.pid,
        "since": session.since,
        "proxy": address.proxy,
        "control": address.control,
        "ca_file": str(address.ca_file),
        "empty_directory": str(address.empty_directory),
        "pulumi_directory": str(address.pulumi_directory),
        "platform_secret": session.identities.platform.secret,
        "developer_secret": session.identities.developer.secret,
        "date": session.date,
    }
    new = state / f"{_FILE}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    new.replace(state / _FILE)


def end(state: Path) -> None:
    """Note that the emulator of a state has ended in order."""
    session = read(state)
    if session is not None:
        write(state, replace(session, pid=None))


def read(state: Path) -> Session | None:
    """What was written last; None where nothing was, or nothing that can be read."""
    try:
        content: dict[str, Any] = json.loads((state / _FILE).read_bytes())
        return Session(
            pid=content["pid"],
            since=content["since"],
            address=Address(
                proxy=content["proxy"],
                control=content["control"],
                ca_file=Path(content["ca_file"]),
                empty_directory=Path(content["empty_directory"]),
                pulumi_directory=Path(content["pulumi_directory"]),
            ),
            identities=identities(
                platform=content["platform_secret"], developer=content["developer_secret"]
            ),
            date=content["date"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
