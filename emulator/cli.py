"""The `foundry-emulator` command: finds the verb, runs it, and turns errors into exit codes.

A verb is a module `emulator.verbs.<verb>` with `add_arguments(parser)` and `run(arguments) -> int`,
imported when it is named: what only looks loads nothing of the emulator.
"""

import argparse
import os
import sys
from importlib import import_module
from typing import Any

from emulator.words import UsageError, remark, say

VERBS = {
    "run": "Run a command with Azure emulated",
    "start": "Start an emulator that stays, for every shell of the checkout",
    "stop": "Stop it",
    "status": "Whether one is up, since when, what its clock shows",
    "env": 'Point a shell at it: eval "$(foundry-emulator env)"',
    "page": "The address of its page, for a browser",
    "logs": "What it was asked, and answered",
    "snapshot": "Keep all of its state under a name",
    "restore": "Back to a snapshot",
    "reset": "Forget everything",
    "inventory": "List what there is; exit code 1 if anything is",
    "clock": "Show or turn the virtual clock",
    "faults": "Add, list or clear faults",
    "group": "Show groups, put somebody in or out",
    "workflow": "Run a command as a GitHub workflow's job would",
}
"""Every verb with its line of help, in the order of use."""

_EPILOG = """\
examples:
  foundry-emulator run -- bash               a shell in which Azure is emulated; in it:
    pulumi stack select --create dev         the stack of rehearsals
    pulumi up                                makes its environment
    foundry-emulator clock advance 2h
  foundry-emulator start                     one that stays; in any shell of the checkout:
    eval "$(foundry-emulator env)"           Azure is emulated here from now on
  foundry-emulator run --date 2025-06-01 -- foundry-tune doctor
  foundry-emulator run --state :memory: -- foundry-emulator inventory
  foundry-emulator workflow --repository contoso/phi --pull-request -- pulumi preview
"""

_USAGE = "usage: foundry-emulator VERB [ARGUMENTS]    foundry-emulator VERB --help"


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] in (["-h"], ["--help"], ["help"]):
        if len(given) == 1:
            say(_help())
            return 0
        given = [given[1], "--help"]
    verb, rest = (given[0], given[1:]) if given else ("", [])
    if verb not in VERBS:
        remark(f"there is no verb '{verb}'." if verb else "say a verb.")
        print(_USAGE, file=sys.stderr)  # noqa: T201 # the CLI's own voice
        return 2
    try:
        return int(_module(verb).run(parser_of(verb).parse_args(rest)))
    except UsageError as error:
        remark(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. Python would complain at exit when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The command line of a verb."""
    module = _module(verb)
    parser = argparse.ArgumentParser(
        prog=f"foundry-emulator {verb}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _module(verb: str) -> Any:
    return import_module(f"emulator.verbs.{verb}")


def _help() -> str:
    rows = (f"  {verb:<10} {what}" for verb, what in VERBS.items())
    return "\n".join([_USAGE, "", "Azure, emulated on this machine.", "", *rows, "", _EPILOG])


if __name__ == "__main__":
    sys.exit(main())
