"""The emulated cloud's state: everything that handlers reach through `request.cloud`."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from emulator.state.access import Access
from emulator.state.clock import Clock
from emulator.state.database import Database
from emulator.state.faults import Faults
from emulator.state.issuers import Issuers
from emulator.state.store import ResourceStore
from emulator.state.tenant import TENANT
from emulator.state.throttle import Throttle
from emulator.state.tokens import Tokens
from emulator.state.workers import Workers

Part = TypeVar("Part")


class Cloud:
    """One emulated Azure, remembered. `state` is its directory, None to keep it in memory.

    `temporary` is where work on its way lies, None for the system's own temporary folder.
    `command_jobs` says whether code that somebody submits is run on this machine, `job_python` by
    which Python; None for the emulator's own.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        start: datetime | None = None,
        temporary: Path | None = None,
        command_jobs: bool = True,
        job_python: Path | None = None,
    ) -> None:
        self.tenant = TENANT
        self.directory = state
        """Where the state lies on disk; None when it is kept in memory."""
        self.temporary = temporary
        self.command_jobs = command_jobs
        self.job_python = job_python or Path(sys.executable)
        self.network: Mapping[str, str] = {}
        """The variables by which a process reaches this cloud; none while it listens nowhere."""
        if state is not None:
            state.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(start)
        self.database = Database(state / "state.sqlite" if state else None)
        self.resources = ResourceStore(self.database, self.clock)
        self.access = Access(self.database, self.clock)
        self.tokens = Tokens(self.access, TENANT)
        self.issuers = Issuers()
        self.faults = Faults()
        self.throttle = Throttle(self.clock)
        self.workers = Workers()
        self.page_size = 1000
        """How many resources a list shows before it goes on behind a nextLink."""
        self._parts: dict[type[Any], object] = {}
        self._said: set[str] = set()

    def is_first(self, said: str) -> bool:
        """Whether something is said for the first time, so that a log says it once."""
        if said in self._said:
            return False
        self._said.add(said)
        return True

    def keep(self, part: object) -> None:
        """Keep what a higher floor adds: the type table, the operations."""
        self._parts[type(part)] = part

    def part(self, kind: type[Part]) -> Part:
        """What a higher floor has added, by its class."""
        return cast("Part", self._parts[kind])
