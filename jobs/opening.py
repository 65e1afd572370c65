"""What every verb that talks to Azure begins with: specs read, target found, session opened."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import safety
from jobs.errors import InvalidInputError, UsageError
from jobs.findings import Finding
from jobs.spec.story import Chapter, Story, load
from jobs.target import Target, resolve

if TYPE_CHECKING:
    from jobs.desired import Desired
    from jobs.foundry.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The spec files of a command line, read and without mistakes."""

    files: tuple[str, ...]
    stories: tuple[Story, ...]
    findings: tuple[Finding, ...]
    """What rules say of them without refusing."""

    @property
    def chapters(self) -> list[Chapter]:
        """Every document, those that others need first."""
        return [chapter for story in self.stories for chapter in story.chapters]


def add_target(parser: ArgumentParser) -> None:
    """Where to work, in the words of `az ml`."""
    parser.add_argument("-g", "--resource-group", help="resource group (from the Pulumi stack)")
    parser.add_argument("-w", "--project", "--workspace-name", help="project (likewise)")
    parser.add_argument("--subscription", help="subscription id (likewise)")
    parser.add_argument("--stack", help="the Pulumi stack whose outputs say the rest")


def target_of(arguments: Namespace) -> Target:
    """The target that a command line, the environment, a file or the stack names."""
    return resolve(
        subscription_id=arguments.subscription,
        resource_group=arguments.resource_group,
        project=arguments.project,
        stack=arguments.stack,
    )


def session_of(arguments: Namespace) -> "Session":
    """A signed-in session in the target."""
    from jobs.foundry.session import connect

    return connect(target_of(arguments))


def read_specs(paths: Sequence[str], overrides: Sequence[str] = ()) -> Opened:
    """The spec files, or every finding that refuses them.

    Raises:
        InvalidInputError: A file can't be used; every finding is in it.
    """
    stories = tuple(load(path, overrides=overrides) for path in paths)
    findings = [finding for story in stories for finding in story.findings]
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise InvalidInputError("\n".join(map(str, errors)), findings=findings)
    return Opened(files=tuple(paths), stories=stories, findings=tuple(findings))


def desired_of(opened: Opened) -> "Desired":
    """What the specs ask for, with the hashes of their data."""
    from jobs import desired, revision

    return desired.read(opened.chapters, revision.sha256_of(safety.BUILT_IN))


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on with something that costs or deletes.

    Raises:
        UsageError: Nobody can be asked.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{question} Nobody can be asked here.", next_step="To go on without asking: --yes"
        )
    sys.stderr.write(f"{question} Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def is_spec_file(name: str) -> bool:
    """Whether an argument names a spec file and not a resource."""
    return name.endswith((".yaml", ".yml")) or Path(name).is_file()


def names_of(argument: str) -> list[str]:
    """The resource names that an argument means: itself, or those of a spec file's documents."""
    if not is_spec_file(argument):
        return [argument]
    opened = read_specs([argument])
    return list(dict.fromkeys(chapter.spec.name for chapter in opened.chapters))
