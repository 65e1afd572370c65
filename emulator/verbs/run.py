"""Start an emulator, run the command in its environment, end with the command's exit code.

Where one is up that `start` made, the command runs in that one.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from emulator.living import child
from emulator.living.child import Ended, Signals
from emulator.living.place import MEMORY, Place, look
from emulator.options import add_new, add_state, job_python
from emulator.words import UsageError, moment, remark


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser, memory=True)
    add_new(parser)
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="with no network but the loopback interface: nothing gets out (Linux)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    command = child.command_of(arguments.command, "run")
    place = look(arguments.state)
    try:
        with Signals() as signals:
            if place.started is None:
                return _in_a_new_one(arguments, place.state, command, signals)
            return _in_the_started_one(arguments, place, command, signals)
    except Ended as ended:
        return 128 + ended.number


def _in_a_new_one(
    arguments: argparse.Namespace, folder: Path, command: list[str], signals: Signals
) -> int:
    from emulator.state.directory import StateDirectory, UnusableStateError

    if arguments.isolated:
        _isolate()
    state = None if arguments.state == MEMORY else folder
    start = moment(arguments.date) if arguments.date else None
    rules = fault_rules(arguments.faults)
    python = job_python(arguments.job_python)
    try:
        with StateDirectory(state) as directory:
            if arguments.fresh:
                directory.wipe()
            from emulator.living.recording import recording
            from emulator.rehearsal.pulumi import find_pulumi
            from emulator.server import Emulator

            with (
                recording(arguments.record) as listeners,
                Emulator(
                    state,
                    start=start,
                    command_jobs=not arguments.no_command_jobs,
                    job_python=python,
                    faults=rules,
                    listeners=listeners,
                ) as emulator,
            ):
                assert emulator.address is not None
                pulumi = find_pulumi(os.environ)
                pulumi.settle(emulator.address.pulumi_home)
                if pulumi.said:
                    remark(pulumi.said)
                return child.run(command, emulator.environment(), signals)
    except UnusableStateError as error:
        raise UsageError(str(error)) from error


def _in_the_started_one(
    arguments: argparse.Namespace, place: Place, command: list[str], signals: Signals
) -> int:
    from emulator.living.entering import environment_of

    refuse_what_is_for_a_new_one(arguments, place)
    session = place.started
    assert session is not None
    remark(f"in the one that is up (process {session.pid})")
    return child.run(command, environment_of(session, os.environ), signals)


def fault_rules(file: str | None) -> list[Any]:
    """The rules of `--faults`."""
    if file is None:
        return []
    from emulator.rehearsal.fault_file import read

    return read(file)


def _isolate() -> None:
    from emulator.rehearsal.isolation import NoIsolationError, isolate

    try:
        isolate()
    except NoIsolationError as error:
        raise UsageError(
            f"--isolated can't be kept: {error}. Nothing was run. Without it a rehearsal is kept "
            "here by its environment; docs/emulator.md says who minds that."
        ) from error


def refuse_what_is_for_a_new_one(arguments: argparse.Namespace, place: Place) -> None:
    """An emulator that is up can't be told how to start; an option is never ignored."""
    options = ("fresh", "date", "no_command_jobs", "job_python", "faults", "record", "isolated")
    said = [f"--{name.replace('_', '-')}" for name in options if getattr(arguments, name, None)]
    if said:
        raise UsageError(
            f"{said[0]} is for one that starts, and one is up in {place.state}. Stop it first "
            "(foundry-emulator stop), or name another folder with --state."
        )
