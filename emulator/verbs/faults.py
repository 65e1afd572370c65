"""Add, list or clear the fault rules of the running emulator; docs/emulator.md has every kind."""

import argparse
import json
from typing import Any

from emulator.living.control import ask
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("verb", choices=("add", "list", "show", "clear"), help="show is list")
    parser.add_argument("rule", nargs="?", help='JSON: {"match": {…}, "do": {…}}')
    parser.add_argument("--file", metavar="FILE", help="a YAML list of such rules")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.verb == "clear":
        ask("DELETE", "/faults")
        return 0
    if arguments.verb == "add":
        for rule in _rules(arguments):
            say(ask("POST", "/faults", rule)["id"])
        return 0
    for rule in ask("GET", "/faults")["value"]:
        say(json.dumps(rule))
    return 0


def _rules(arguments: argparse.Namespace) -> list[Any]:
    if (arguments.rule is None) == (arguments.file is None):
        raise UsageError("say the rule, or --file FILE with rules.")
    if arguments.file:
        from emulator.rehearsal.fault_file import read

        return read(arguments.file)
    try:
        return [json.loads(arguments.rule)]
    except ValueError as error:
        raise UsageError(f"the rule is not JSON: {error}") from error
