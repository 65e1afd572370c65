"""The lines that point a shell at the emulator that is up; they hold its credentials.

In bash and zsh: eval "$(foundry-emulator env)". docs/emulator.md has fish and PowerShell.
"""

import argparse
import os

from emulator.living.entering import environment_of
from emulator.living.place import look
from emulator.living.shells import SHELLS, changes, shell_of
from emulator.options import add_state
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)
    parser.add_argument("--shell", choices=SHELLS, help="whose words (those of $SHELL)")


def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    place = look(arguments.state)
    if place.started is None:
        what = "ended without being stopped" if place.crashed else "is not up"
        raise UsageError(f"the emulator of {place.state} {what}. Start it: foundry-emulator start")
    before = dict(os.environ)
    after = environment_of(place.started, before)
    shell = arguments.shell or shell_of(before)
    say("\n".join(changes(before, after, shell)))
    return 0
