"""What a command line's arguments mean: names, and a signed-in session in a project."""

from argparse import Namespace
from pathlib import Path

from jobs.foundry.session import Session, connect
from jobs.read.examine import named
from jobs.target import resolve


def session_of(arguments: Namespace) -> Session:
    """A signed-in session in the target that the command line, environment, file or stack names."""
    return connect(
        resolve(
            subscription_id=arguments.subscription,
            resource_group=arguments.resource_group,
            project=arguments.project,
            stack=arguments.stack,
        )
    )


def is_spec_file(name: str) -> bool:
    """Whether an argument names a spec file and not a resource."""
    return name.endswith((".yaml", ".yml")) or Path(name).is_file()


def names_of(argument: str) -> list[str]:
    """The resource names that an argument means: itself, or those of a spec file's documents."""
    if not is_spec_file(argument):
        return [argument]
    return list(dict.fromkeys(chapter.spec.name for chapter in named([argument]).chapters))
