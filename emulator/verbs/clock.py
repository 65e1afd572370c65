"""Show or turn the virtual clock of the running emulator."""

import argparse

from emulator.living.control import ask
from emulator.words import moment, say, seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("verb", choices=("show", "advance", "set", "freeze", "resume"))
    parser.add_argument("value", nargs="?", help="a duration (90s, 30m, 2h, 14d) or a date")


def run(arguments: argparse.Namespace) -> int:
    """Turn it, and show it."""
    verb, value = arguments.verb, arguments.value
    if verb == "show":
        answer = ask("GET", "/clock")
    elif verb == "advance":
        answer = ask("POST", "/clock", {"advance": seconds(value)})
    elif verb == "set":
        answer = ask("POST", "/clock", {"set": moment(value).isoformat()})
    else:
        answer = ask("POST", "/clock", {"scale": 0.0 if verb == "freeze" else 1.0})
    say(f"{answer['now']} (real time x {answer['scale']:g})")
    return 0
