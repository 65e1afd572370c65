"""A plan with all it was made from: everything `plan` shows and `apply` rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from jobs.files import require_unmoved
from jobs.foundry import projects
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan import actual, caps, desired, preflight, sweeps, uploads
from jobs.plan.actual import Actual
from jobs.plan.decide import decide
from jobs.plan.deployments import DeployStep
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.plan.held import policy_checks
from jobs.plan.hosting import Hosting
from jobs.plan.preflight import Check
from jobs.plan.running import Running
from jobs.plan.steps import (
    Action,
    EndpointStep,
    Kind,
    LaterStep,
    MeasureStep,
    RunningStep,
    Step,
    TrainingStep,
    TrialStep,
)
from jobs.plan.sweeps import SweepState
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
    standings: Mapping[str, SweepState] = field(default_factory=dict[str, SweepState])
    """How far each sweep is, by its document's name."""
    uploads: Mapping[str, Upload] = field(default_factory=dict[str, Upload])
    """What was downloaded of the data, by its label; empty where nobody asked for that."""
    retries_refused: bool = False
    """Whether models that failed before are asked once more."""

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
    def refused(self) -> list[EndpointStep]:
        """The endpoints that are not made, since their models failed before what is asked now."""
        return [step for step in self.steps if isinstance(step, EndpointStep) and step.is_refused]

    @property
    def spoiled(self) -> frozenset[str]:
        """The labels of data whose upload isn't what its name says, or is gone."""
        return frozenset(
            label
            for label, upload in self.uploads.items()
            if is_spoiled(
                upload, self.actual.data.get(label) == "active" or label in self.actual.codes
            )
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return is_empty(self.steps)

    @property
    def starts_training(self) -> list[Training]:
        """The trainings that would be started, and paid."""
        return [
            step.training
            for step in self.steps
            if isinstance(step, TrainingStep) and step.job is None
        ]

    @property
    def starts_running(self) -> list[Running]:
        """The command jobs that would be started, and paid."""
        return [
            step.running
            for step in self.steps
            if isinstance(step, RunningStep) and step.job is None
        ]

    @property
    def opens_endpoints(self) -> list[Serving]:
        """The endpoints that would be made, and billed by the hour from then on."""
        made = [
            step.serving
            for step in self.steps
            if isinstance(step, EndpointStep) and step.endpoint is None and not step.is_refused
        ]
        return made + [step.serving for step in self.later if step.serving]

    @property
    def deploys(self) -> list[Hosting]:
        """The online endpoints that would get machines, billed by the hour from then on."""
        return [
            step.hosting
            for step in self.steps
            if isinstance(step, DeployStep) and step.action.kind in ("create", "replace")
        ]

    @property
    def later(self) -> list[LaterStep]:
        """What is known in full, and done, once the trials of a sweep are over."""
        return [step for step in self.steps if isinstance(step, LaterStep)]

    @property
    def trains(self) -> bool:
        """Whether a job would be started, now or for a later rung of a sweep."""
        return bool(self.starts_training) or any(step.rung for step in self.later)

    @property
    def spends(self) -> bool:
        """Whether applying would start to cost something."""
        return self.trains or bool(self.starts_running or self.opens_endpoints or self.deploys)

    def count(self, *kinds: Kind) -> int:
        """How many resources have an action of these kinds; an evaluation is none."""
        return sum(action.kind in kinds for action in self.actions if action.type != "evaluation")

    @property
    def evaluations(self) -> int:
        """How many evaluations would run."""
        return sum(
            action.kind == "create" for action in self.actions if action.type == "evaluation"
        )


def make(
    session: Session,
    specs: CheckedSpecs,
    *,
    on: date | None = None,
    retrain: bool = False,
    retry_refused: bool = False,
    verify_data: bool = False,
) -> Plan:
    """Read everything and decide; nothing is written.

    `on` takes the place of Azure's own date. `retrain` allows a second, paid job where the first
    failed, was canceled or lost its model. `retry_refused` makes an endpoint also for a model that
    has failed before what is asked of it. `verify_data` downloads what is uploaded already, to
    hold it against the files.

    Raises:
        InvalidInputError: A data file was written to after it was checked.
    """
    asked = desired.read(specs.chapters, specs.team_prices)
    for data in specs.data.values():
        for looked in data.files:
            # What was hashed just now is what was checked before, and no later state of it.
            require_unmoved(looked.file.path, looked.stamp)
    found = actual.look(session, projects.get(session), asked)
    downloaded = uploads.verify(session, asked) if verify_data else dict[str, Upload]()
    return _decided(
        session, specs, asked, found, on, downloaded, retrain=retrain, retry_refused=retry_refused
    )


def again(session: Session, plan: Plan) -> Plan:
    """The plan anew after its steps were done: what had to wait for a sweep's trials is known.

    The documents and files are as they were read. No job is trained a second time, even where the
    first plan was to do so: what failed since then is left out.
    """
    found = actual.look(session, plan.project, plan.desired)
    names = [step.job_name for step in plan.steps if isinstance(step, TrialStep)]
    found = actual.with_jobs(session, found, names)
    return _decided(
        session,
        plan.specs,
        plan.desired,
        found,
        plan.today,
        plan.uploads,
        retrain=False,
        retry_refused=plan.retries_refused,
    )


def _decided(
    session: Session,
    specs: CheckedSpecs,
    asked: Desired,
    found: Actual,
    on: date | None,
    downloaded: Mapping[str, Upload],
    *,
    retrain: bool,
    retry_refused: bool,
) -> Plan:
    today, project = on or session.arm.now.date(), found.project
    standings = sweeps.look(session, project, asked, found, retrain=retrain)
    steps = decide(
        asked,
        found,
        now=session.arm.now,
        retrain=retrain,
        retry_refused=retry_refused,
        uploads=downloaded,
        standings=standings,
    )
    left = {_kind_of(step) for step in steps if step.action.kind != "unchanged"}
    checks = preflight.check(session, asked, found, today, left) if left else []
    checks += policy_checks(specs, project) if left else ()
    checks += caps.cap_checks(session, specs, asked, steps)
    checks += preflight.asking_checks(_to_measure(steps), asked.servings, found)
    checks += preflight.ending_checks(asked.servings, today)
    return Plan(
        specs=specs,
        desired=asked,
        actual=found,
        steps=steps,
        checks=tuple(checks),
        today=today,
        standings=standings,
        uploads=downloaded,
        retries_refused=retry_refused,
    )


def is_empty(steps: Sequence[Step]) -> bool:
    """Whether no step changes anything."""
    return all(step.action.kind == "unchanged" for step in steps)


def _kind_of(step: Step) -> str:
    """What a step is about, by the rights that it takes: a deployment is measured by its marks."""
    if isinstance(step, MeasureStep) and step.measuring.hosting is not None:
        return "deployment"
    return step.action.type


def _to_measure(steps: Sequence[Step]) -> list[Measuring]:
    return [
        step.measuring
        for step in steps
        if isinstance(step, MeasureStep | LaterStep) and step.measuring
        if step.action.kind == "create"
    ]
