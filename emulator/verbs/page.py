"""The address of the emulator's page, for a browser on this machine; it holds the page's key.

Resources, jobs with their curves, a chat, requests, faults and the clock.
"""

import argparse

from emulator.living.control import address, started
from emulator.living.place import look
from emulator.options import add_state
from emulator.words import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_state(parser)
    parser.add_argument("--open", action="store_true", help="open it in the browser as well")


def run(arguments: argparse.Namespace) -> int:
    """Say it."""
    at = started(look(arguments.state)) if arguments.state else address()
    say(f"{at}/page")
    if arguments.open:
        import webbrowser

        webbrowser.open(f"{at}/page")
    return 0
