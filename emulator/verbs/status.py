"""Whether an emulator is up, since when, and what its clock shows.

Exit code 0: it is up. 1: it ended without being stopped. 3: none is up.
"""

import argparse
import os
import time

from emulator.living.control import NoAnswerError, ask_at
from emulator.living.place import Place, look
from emulator.options import add_state
from emulator.words import duration, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say it."""
    place = look(arguments.state)
    if place.started:
        return _tell(place)
    if place.crashed:
        say(
            f"None is up. Process {place.crashed.pid}, started "
            f"{duration(time.time() - place.crashed.since)} ago, ended without being stopped.\n"
            f"All that it acknowledged is in {place.state}; what it said is in {place.log}.\n"
            "Go on: foundry-emulator start"
        )
        return 1
    if place.holder is not None:
        say(f"A run has {place.state} (process {place.holder}); only its own command sees it.")
        return 3
    say(f"None is up in {place.state}. Start one: foundry-emulator start")
    return 3


def _tell(place: Place) -> int:
    session = place.started
    assert session is not None
    say(f"It is up: process {session.pid}, for {duration(time.time() - session.since)}.")
    say(f"  state  {place.state.absolute()}")
    say(f"  proxy  {session.address.proxy}")
    try:
        about = ask_at(session.address.control, "GET", "/", patience=5.0)
    except NoAnswerError as error:
        say(f"  but it does not answer: {error}")
        return 1
    say(f"  clock  {about['clock']} (real time x {about['scale']:g})")
    say(f"  calls  {about['calls']}")
    pointed = os.environ.get("FOUNDRY_EMULATOR") == session.address.control
    here = "points at it" if pointed else 'does not point at it: eval "$(foundry-emulator env)"'
    say(f"  shell  {here}")
    return 0
