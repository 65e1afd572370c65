"""Start an emulator that stays: any shell of the checkout finds it, until it is stopped.

After a crash it goes on with all that was acknowledged, with the same ports, secrets and clock:
shells that point at it still do.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from emulator.living.place import MEMORY, Place, look
from emulator.options import add_new, add_state, job_python
from emulator.verbs.run import fault_rules, refuse_what_is_for_a_new_one
from emulator.words import UsageError, duration, moment, remark, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)
    add_new(parser)
    parser.add_argument(
        "--isolated", action="store_true", help="refused: only `run` can have a network of its own"
    )


def run(arguments: argparse.Namespace) -> int:
    """Start it, or say that it is up."""
    if arguments.isolated:
        raise UsageError(
            "--isolated is for run: one that stays is there for other shells, and nobody else is "
            "in a network of its own. Nothing was started. A shell in one: foundry-emulator run "
            "--isolated -- bash"
        )
    if arguments.state == MEMORY:
        raise UsageError("one that stays keeps its state in a folder: name it with --state.")
    place = look(arguments.state)
    if place.started:
        refuse_what_is_for_a_new_one(arguments, place)
        say(f"It is up already: process {place.started.pid}, state {place.state}.")
        return 0
    if place.crashed and not arguments.fresh:
        ago = duration(time.time() - place.crashed.since)
        remark(
            f"the last one (process {place.crashed.pid}, started {ago} ago) ended without being "
            "stopped. All that it acknowledged is here."
        )
    _start(arguments, place)
    _say_how_to_enter(place, look(arguments.state))
    return 0


def _start(arguments: argparse.Namespace, place: Place) -> None:
    python = job_python(arguments.job_python)
    order = {
        "state": str(place.state.absolute()),
        "fresh": arguments.fresh,
        "date": moment(arguments.date).isoformat() if arguments.date else None,
        "command_jobs": not arguments.no_command_jobs,
        "job_python": python and str(python),
        "faults": arguments.faults and str(Path(arguments.faults).absolute()),
        "record": arguments.record and str(Path(arguments.record).absolute()),
    }
    fault_rules(arguments.faults)  # refused here, where somebody reads it, and not in the log
    # -P: what lies in the current folder is none of its modules.
    program = [sys.executable, "-P", "-m", "emulator.living.background", json.dumps(order)]
    process = subprocess.Popen(
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C and the terminal's end are not meant for it
    )
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace").strip()
    if said != "up":
        process.wait()
        raise UsageError(said.splitlines()[-1] if said else f"it did not start: {place.log}")


def _say_how_to_enter(before: Place, place: Place) -> None:
    session = place.started
    if session is None:
        raise UsageError(f"it ended as soon as it was up. See {place.log}")
    say(f"It is up: process {session.pid}, state {place.state}. In any shell of the checkout:")
    named = "" if before.state.name == ".foundry-emulator" else f" --state {place.state}"
    say(f'  eval "$(foundry-emulator env{named})"')
    earlier = before.session
    if earlier and earlier.address.proxy != session.address.proxy:
        remark(
            "it has other ports than the last one: shells that point at that need the line again."
        )
