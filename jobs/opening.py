"""What every verb that talks to Azure begins with: specs read, target found, session opened."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import safety
from jobs.errors import InvalidInputError, UsageError
from jobs.findings import Finding, refuses
from jobs.spec.story import Chapter, Story, load
from jobs.target import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.cost import Cost
    from jobs.dataset.check import Checked
    from jobs.desired import Desired
    from jobs.foundry.session import Session

_LEFT_TO_PREFLIGHT = {f"FT-C00{number}" for number in range(1, 7)}
"""The catalogue's objections to a model, a date or a region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The spec files of a command line, read and without mistakes."""

    files: tuple[str, ...]
    stories: tuple[Story, ...]
    findings: tuple[Finding, ...]
    """What rules say of them without refusing."""
    data: "Mapping[str, Checked]"
    """The data of each fine-tuning document that was looked at, by its reference."""
    costs: "tuple[Cost, ...]"
    """What each fine-tuning would cost, as far as anybody knows."""

    @property
    def chapters(self) -> list[Chapter]:
        """Every document, those that others need first."""
        return [chapter for story in self.stories for chapter in story.chapters]


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


def examined(
    paths: Sequence[str],
    overrides: Sequence[str] = (),
    *,
    on: date | None = None,
    strict: bool = False,
) -> Opened:
    """The spec files with the data they name, checked as `validate` checks them.

    What the catalogue says of dates and regions is left to the preflight, which knows Azure's own
    date and the project's region; everything else refuses here, before Azure is reached for.

    Raises:
        InvalidInputError: Something is wrong; every finding is in it.
    """
    from jobs.catalog import today
    from jobs.cost import estimate
    from jobs.examine import examine

    looked = [examine(path, on=on or today(), overrides=overrides) for path in paths]
    findings = tuple(
        finding
        for one in looked
        for finding in one.findings
        if finding.rule not in _LEFT_TO_PREFLIGHT
    )
    _refuse(findings, strict=strict)
    return Opened(
        files=tuple(paths),
        stories=tuple(one.story for one in looked),
        findings=findings,
        data={name: checked for one in looked for name, checked in one.data.items()},
        costs=tuple(cost for one in looked for cost in estimate(one)),
    )


def read_specs(paths: Sequence[str]) -> Opened:
    """The spec files alone, for verbs that need their names and not their data.

    Raises:
        InvalidInputError: A file can't be read as a spec.
    """
    stories = tuple(load(path) for path in paths)
    findings = tuple(finding for story in stories for finding in story.findings)
    _refuse(findings, strict=False)
    return Opened(files=tuple(paths), stories=stories, findings=findings, data={}, costs=())


def _refuse(findings: Sequence[Finding], *, strict: bool) -> None:
    if not refuses(findings, strict=strict):
        return
    from jobs.reporting import summary

    raise InvalidInputError(summary(findings), findings=findings)


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
