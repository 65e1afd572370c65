"""`--record`: who hears the calls, for as long as an emulator runs."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from emulator.front import Listener
from emulator.rehearsal.har import Recording
from emulator.words import UsageError


@contextmanager
def recording(file: str | None) -> Generator[list[Listener]]:
    """The listeners that write the file; none without one."""
    if file is None:
        yield []
        return
    try:
        opened = Recording(Path(file), version=version("foundry-tune"))
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}.") from error
    with opened:
        yield [opened.hear]
