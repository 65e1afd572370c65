"""A plan with all it was made from: everything `plan` shows and `apply` rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from jobs.files import require_unmoved
from jobs.foundry import projects
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan import actual, desired, preflight, uploads
from jobs.plan.actual import Actual
from jobs.plan.decide import decide
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.plan.preflight import Check
from jobs.plan.steps import Action, EndpointStep, JobStep, Kind, MeasureStep, Step
from jobs.plan.uploads import Upload, is_spoiled
from jobs.read.examine import CheckedSpecs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, with what was asked for and what was found."""

    specs: CheckedSpecs
    desired: Desired
    actual: Actual
    steps: tuple[Step, ...]
    """In the order of their needs."""
    checks: tuple[Check, ...]
    """What could stand in the way, if there is anything to do, and what stops answering soon."""
    today: date
    """The day that lifecycle dates were held against."""
    uploads: Mapping[str, Upload] = field(default_factory=dict[str, Upload])
    """What was downloaded of the data, by its label; empty where nobody asked for that."""

    @property
    def project(self) -> Project:
        """Where it would happen."""
        return self.actual.project

    @property
    def actions(self) -> list[Action]:
        """What happens, step by step."""
        return [step.action for step in self.steps]

    @property
    def blocked(self) -> list[Action]:
        """What stands in the way."""
        return [action for action in self.actions if action.kind == "blocked"]

    @property
    def spoiled(self) -> frozenset[str]:
        """The labels of data whose upload isn't what its name says, or is gone."""
        return frozenset(
            label
            for label, upload in self.uploads.items()
            if is_spoiled(upload, self.actual.data.get(label))
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return is_empty(self.steps)

    @property
    def starts_training(self) -> list[Training]:
        """The trainings that would be started, and paid."""
        return [
            step.training for step in self.steps if isinstance(step, JobStep) and step.job is None
        ]

    @property
    def opens_endpoints(self) -> list[Serving]:
        """The endpoints that would be made, and billed by the hour from then on."""
        return [
            step.serving
            for step in self.steps
            if isinstance(step, EndpointStep) and step.endpoint is None
        ]

    @property
    def spends(self) -> bool:
        """Whether applying would start to cost something."""
        return bool(self.starts_training or self.opens_endpoints)

    def count(self, *kinds: Kind) -> int:
        """How many resources have an action of these kinds; an evaluation is none."""
        return sum(
            step.action.kind in kinds for step in self.steps if not isinstance(step, MeasureStep)
        )

    @property
    def evaluations(self) -> int:
        """How many evaluations would run."""
        return sum(
            step.action.kind == "create" for step in self.steps if isinstance(step, MeasureStep)
        )


def make(
    session: Session,
    specs: CheckedSpecs,
    *,
    on: date | None = None,
    retrain: bool = False,
    verify_data: bool = False,
) -> Plan:
    """Read everything and decide; nothing is written.

    `on` takes the place of Azure's own date. `retrain` allows a second, paid job where the first
    failed, was canceled or lost its model. `verify_data` downloads what is uploaded already, to
    hold it against the files.

    Raises:
        InvalidInputError: A data file was written to after it was checked.
    """
    asked = desired.read(specs.chapters, specs.team_prices)
    for data in specs.data.values():
        for looked in data.files:
            # What was hashed just now is what was checked before, and no later state of it.
            require_unmoved(looked.file.path, looked.stamp)
    project = projects.get(session)
    found = actual.look(session, project, asked)
    today = on or session.arm.now.date()
    downloaded = uploads.verify(session, asked) if verify_data else dict[str, Upload]()
    steps = decide(asked, found, now=session.arm.now, retrain=retrain, uploads=downloaded)
    checks = [] if is_empty(steps) else preflight.check(session, project, asked, today)
    checks += preflight.asking_checks(_to_measure(steps), asked.servings, found)
    checks += preflight.ending_checks(asked.servings, today)
    return Plan(
        specs=specs,
        desired=asked,
        actual=found,
        steps=steps,
        checks=tuple(checks),
        today=today,
        uploads=downloaded,
    )


def is_empty(steps: Sequence[Step]) -> bool:
    """Whether no step changes anything."""
    return all(step.action.kind == "unchanged" for step in steps)


def _to_measure(steps: Sequence[Step]) -> list[Measuring]:
    return [
        step.measuring
        for step in steps
        if isinstance(step, MeasureStep) and step.action.kind == "create"
    ]
