"""A repository of one's own: the environment, a spec with its data, the workflows, a README.

It asks on a terminal what no flag says. Nothing is overwritten: where one of its files is there
already, it names them all and writes none. What it writes passes validate, and comes up on the
emulator as it does in Azure.

    foundry-tune init phi --repository contoso/phi --profile dev
    foundry-tune init phi-prod --repository contoso/phi --profile standard --email me@example.com
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.repository.wanted import Wanted


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (here)")
    parser.add_argument(
        "--repository",
        metavar="OWNER/NAME",
        help="whose workflows sign in (asked, or the remote `origin`); with the ids that GitHub "
        "writes into the tokens of newer repositories: OWNER@ID/NAME@ID",
    )
    parser.add_argument(
        "--profile",
        help="dev, standard (budget, locks, logs, alerts) or private (networks too); asked",
    )
    parser.add_argument(
        "--stack", default="prod", help="the stack, and GitHub's environment with reviewers (prod)"
    )
    parser.add_argument("--location", default="eastus2", help="Azure's region (eastus2)")
    parser.add_argument("--project", default="", help="the hub's project (after the repository)")
    parser.add_argument(
        "--group", default="", metavar="OBJECT-ID", help="the group that may fine-tune by hand"
    )
    parser.add_argument(
        "--email", help="whom budget and alerts of standard and private tell; asked"
    )


def run(arguments: Namespace) -> int:
    """Ask, write, and say what comes next."""
    from pathlib import Path

    from jobs.repository import wanted, write
    from jobs.terminal import output

    folder = Path(arguments.folder)
    asked = _wanted(arguments, folder)
    wanted.check(asked)
    for path in write.write(folder, asked):
        output.tell(f"  +  {folder / path}")
    inside = "" if arguments.folder == "." else f"cd {folder} && "
    output.tell(f"Check it:      {inside}foundry-tune validate specs")
    output.tell("Rehearse it:   foundry-emulator run -- bash, and there what README.md says")
    return 0


def _wanted(arguments: Namespace, folder: "Path") -> "Wanted":
    from jobs.repository.wanted import PROFILES, Wanted
    from jobs.terminal.question import answered

    repository = arguments.repository or answered(
        "Repository on GitHub, as OWNER/NAME", "--repository OWNER/NAME", default=_origin(folder)
    )
    profile = arguments.profile or answered(
        f"Profile ({', '.join(PROFILES)})", f"--profile {'|'.join(PROFILES)}", default="dev"
    )
    asked = Wanted(
        repository=repository,
        profile=profile,
        stack=arguments.stack,
        location=arguments.location,
        project=arguments.project,
        group=arguments.group.lower(),
        email=arguments.email or "",
    )
    if asked.has_budget and profile in PROFILES and not asked.email:
        from dataclasses import replace

        told = answered("E-mail that Azure tells of budget and alerts", "--email NAME@EXAMPLE.COM")
        return replace(asked, email=told)
    return asked


def _origin(folder: "Path") -> str:
    """`OWNER/NAME` of a checkout's remote on GitHub; empty where there is none."""
    import re
    import subprocess

    where = next((f for f in (folder, *folder.parents) if f.is_dir()), folder)
    try:
        ran = subprocess.run(
            ["git", "-C", str(where), "remote", "get-url", "origin"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?\s*$", ran.stdout)
    return found[1] if found else ""
