"""Keep all of the state under a name: Azure, the Pulumi stacks beside it, the clock's moment.

Without a name, the snapshots that there are.
"""

import argparse
from datetime import datetime

from emulator.living.control import ask_at
from emulator.living.offline import the_state
from emulator.living.place import look
from emulator.options import add_state
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--replace", action="store_true", help="also if there is one of that name")
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take it, of the emulator that is up or of the state that lies there."""
    from emulator.state.snapshots import SnapshotError, snapshots, take

    place = look(arguments.state)
    if arguments.name is None:
        for each in snapshots(place.state):
            taken = datetime.fromtimestamp(each.taken_at).astimezone()
            say(f"{each.name}  {taken:%Y-%m-%d %H:%M}")
        return 0
    if place.started:
        body = {"name": arguments.name, "replace": arguments.replace}
        ask_at(place.started.address.control, "POST", "/snapshots", body, patience=600)
    else:
        with the_state(place) as database:
            try:
                take(database, place.state, arguments.name, replace=arguments.replace)
            except SnapshotError as error:
                raise UsageError(str(error)) from error
    say(f"Kept: {arguments.name}. Back to it: foundry-emulator restore {arguments.name}")
    return 0
