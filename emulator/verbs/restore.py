"""Back to a snapshot: what was made since is gone, what was deleted is there again."""

import argparse

from emulator.living.control import ask_at
from emulator.living.offline import the_state
from emulator.living.place import look
from emulator.options import add_state
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", metavar="NAME")
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Restore the emulator that is up, or the state that lies there."""
    from emulator.state.snapshots import SnapshotError, put_back

    place = look(arguments.state)
    if place.started:
        body = {"name": arguments.name}
        shown = ask_at(place.started.address.control, "POST", "/restore", body, patience=600)
        say(f"Restored: {arguments.name}. The clock shows {shown['now']}.")
        return 0
    with the_state(place) as database:
        try:
            put_back(database, place.state, arguments.name)
        except SnapshotError as error:
            raise UsageError(str(error)) from error
    say(f"Restored: {arguments.name}.")
    return 0
