"""Command-line options that several verbs share, so that they mean the same everywhere."""

import shutil
from argparse import ArgumentParser
from pathlib import Path

from emulator.living.place import DEFAULT_STATE, MEMORY
from emulator.words import UsageError


def add_state(parser: ArgumentParser, *, memory: bool = False) -> None:
    """`--state`: which state folder."""
    nothing = f"; {MEMORY} keeps nothing" if memory else ""
    parser.add_argument(
        "--state",
        metavar="DIR",
        help=f"where the state is kept (the checkout's {DEFAULT_STATE}{nothing})",
    )


def add_new(parser: ArgumentParser) -> None:
    """What an emulator that starts is told."""
    parser.add_argument(
        "--fresh", action="store_true", help="forget the state of earlier runs first"
    )
    parser.add_argument(
        "--date", metavar="YYYY-MM-DD", help="the day the emulated Azure believes in"
    )
    parser.add_argument(
        "--no-command-jobs",
        action="store_true",
        help="refuse command jobs and online deployments: run no submitted code here",
    )
    parser.add_argument(
        "--job-python",
        metavar="PROGRAM",
        help="the Python that command jobs run by, with what they import (the emulator's own)",
    )
    parser.add_argument(
        "--faults", metavar="FILE", help="a YAML list of fault rules, in force at once"
    )
    parser.add_argument(
        "--record", metavar="FILE.har", help="write every call into a HAR file, without secrets"
    )


def job_python(text: str | None) -> Path | None:
    """The program as an absolute path, its links left as they are: one may be a virtual one's."""
    if text is None:
        return None
    found = shutil.which(text)
    if found is None:
        raise UsageError(f"--job-python {text}: there is no such program. Name a Python.")
    return Path(found).absolute()
