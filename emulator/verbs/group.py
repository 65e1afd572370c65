"""Show groups, or put somebody into one or out of it: the rehearsal's own developer."""

import argparse

from emulator.living.control import ask
from emulator.rehearsal.identities import DEVELOPER
from emulator.words import UsageError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("verb", choices=("show", "add", "remove"))
    parser.add_argument("id", nargs="?", type=str.lower, help="the group's object id")
    parser.add_argument("--name", default="", help="what it is called (Developers)")
    parser.add_argument(
        "--member",
        action="append",
        metavar="ID",
        help="whose object id, several times for several (the developer who signs in here)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Change it, and show it."""
    if arguments.verb != "show":
        if not arguments.id:
            raise UsageError(f"name the group: foundry-emulator group {arguments.verb} OBJECT-ID")
        body = {
            "id": arguments.id,
            "name": arguments.name,
            arguments.verb: arguments.member or [DEVELOPER[1]],
        }
        ask("POST", "/groups", body)
    for found in ask("GET", "/groups")["value"]:
        if arguments.id in (None, found["id"]):
            members = ", ".join(found["members"]) or "nobody"
            say(f"{found['id']}  {found['name']}: {members}")
    return 0
