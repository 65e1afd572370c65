"""Specs held to the platform team's rules where only Azure knows: the region of the project."""

from collections.abc import Iterator

from jobs.foundry.projects import Project
from jobs.plan.preflight import Check
from jobs.read.examine import CheckedSpecs
from jobs.read.policies import breaches
from jobs.read.subjects import subjects


def policy_checks(specs: CheckedSpecs, project: Project) -> Iterator[Check]:
    """Whether what says no place of its own may be made where the project is."""
    for story, held in zip(specs.stories, specs.held, strict=True):
        for judged in subjects(story, project.location):
            for verdict, message in breaches(judged.subject, held):
                # What a spec says by itself was refused before Azure was asked.
                if verdict.breach.field == "location" and verdict.severity == "error":
                    yield Check(
                        status="fail",
                        subject="policy",
                        message=f"{judged.chapter.reference} would be in the project's region: "
                        f"{message}",
                        next_step="Work in a project of an allowed region.",
                        rule=verdict.rule.id,
                    )
