"""A state folder that no emulator has, for as long as something is done to it."""

from collections.abc import Generator
from contextlib import contextmanager

from emulator.living.place import Place
from emulator.state.database import Database
from emulator.state.directory import StateDirectory, UnusableStateError
from emulator.words import UsageError


@contextmanager
def the_state(place: Place) -> Generator[Database]:
    """Its database; refused where there is none, and while a run has it."""
    file = place.state / "state.sqlite"
    if not file.exists() and not (place.state / "snapshots").exists():
        raise UsageError(f"there is no state in {place.state} yet.")
    try:
        with StateDirectory(place.state):
            database = Database(file)
            try:
                yield database
            finally:
                database.close()
    except UnusableStateError as error:
        raise UsageError(str(error)) from error
