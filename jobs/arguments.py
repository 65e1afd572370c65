"""What a command line's arguments mean: names, and a signed-in session in a project."""

import re
from argparse import Namespace
from pathlib import Path

from jobs.errors import UsageError
from jobs.foundry.session import Session, connect
from jobs.read.examine import named
from jobs.spec.models import ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.target.target import resolve
from jobs.terminal.output import printable


def session_of(arguments: Namespace, *named: str) -> Session:
    """A signed-in session in the target that the command line, environment, file or stack names.

    `named`: what the command is about. For a spec file it is looked up from the file's own folder,
    for a name in Azure from the current one.
    """
    return connect(
        resolve(
            subscription_id=arguments.subscription,
            resource_group=arguments.resource_group,
            project=arguments.project,
            stack=arguments.stack,
            specs=[name if is_spec_file(name) else None for name in named],
        )
    )


def is_spec_file(name: str) -> bool:
    """Whether an argument names a spec file and not a resource."""
    return name.endswith((".yaml", ".yml")) or Path(name).is_file()


def names_of(argument: str) -> list[str]:
    """The resource names that an argument means: itself, or those of a spec file's documents."""
    if not is_spec_file(argument):
        return [require_name(argument)]
    return list(dict.fromkeys(chapter.spec.name for chapter in named([argument]).chapters))


def endpoint_named(argument: str, *, online_too: bool = False) -> str:
    """The endpoint that an argument means: its name, or the first that a spec file makes.

    `online_too` takes managed online endpoints as well.

    Raises:
        UsageError: The file makes none.
    """
    if not is_spec_file(argument):
        return require_name(argument)
    chapters = named([argument]).chapters
    kinds = (ServerlessEndpoint, OnlineEndpoint) if online_too else (ServerlessEndpoint,)
    names = [c.spec.name for c in chapters if isinstance(c.spec, kinds)]
    if not names:
        raise UsageError(
            f"{argument} has no serverless_endpoint document, so there is nobody to ask.",
            next_step="Name an endpoint: foundry-tune list endpoints",
        )
    return names[0]


def require_name(argument: str) -> str:
    """A name that may become part of an address in Azure.

    Raises:
        UsageError: It is a path, or holds what no name in Azure holds.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,259}", argument):
        return argument
    raise UsageError(
        f"'{printable(argument)}' is neither a spec file nor a name in Azure.",
        next_step="foundry-tune status lists the names.",
    )
