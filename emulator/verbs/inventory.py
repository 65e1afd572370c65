"""List what there is in the emulated cloud; exit code 1 if there is anything."""

import argparse

from emulator.living.control import ask
from emulator.words import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    del parser


def run(_: argparse.Namespace) -> int:
    """List it."""
    found = ask("GET", "/inventory")
    for resource in found["resources"]:
        say(f"{resource['type']:<55} {resource['id']}")
    for id in found["deleted"]:
        say(f"{'in the bin, its name is taken':<55} {id}")
    counts = (
        (len(found["resources"]), "resource", "resources"),
        (len(found["deleted"]), "in the bin", "in the bin"),
        (found["roleAssignments"], "role assignment", "role assignments"),
        (found["blobs"], "blob", "blobs"),
    )
    words = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
    left = any(count for count, _, _ in counts)
    say(f"{'There is something left' if left else 'Nothing is left'}: {words}.")
    return 1 if left else 0
