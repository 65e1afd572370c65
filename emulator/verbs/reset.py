"""Forget everything but snapshots: of the emulator of this shell, or of a state folder."""

import argparse
import os

from emulator.living.control import ask_at
from emulator.living.place import look
from emulator.options import add_state
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Forget it."""
    pointed = os.environ.get("FOUNDRY_EMULATOR")
    place = look(arguments.state)
    started = place.started.address.control if place.started else None
    running = started if arguments.state else pointed or started
    if running:
        ask_at(running, "POST", "/reset", {})
        say("reset: the running emulator is as new")
        return 0
    from emulator.state.directory import StateDirectory, UnusableStateError

    try:
        with StateDirectory(place.state) as directory:
            directory.wipe()
    except UnusableStateError as error:
        raise UsageError(str(error)) from error
    say(f"reset: {place.state} is empty")
    return 0
