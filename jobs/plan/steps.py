"""The steps of a plan as values: what happens to one resource, and what must be done before it."""

from dataclasses import dataclass
from typing import Literal

from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.pointers import Pointer
from jobs.plan.desired import Measuring, Serving, Training
from jobs.plan.hosting import Hosting
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.spec.trials import Rung

Kind = Literal["create", "update", "replace", "unchanged", "delete", "blocked"]
SYMBOLS: dict[Kind, str] = {
    "create": "+",
    "update": "~",
    "replace": "-/+",
    "unchanged": "=",
    "delete": "-",
    "blocked": "!",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field that moves."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What happens to one resource."""

    kind: Kind
    type: str
    name: str
    note: str = ""
    changes: tuple[Change, ...] = ()
    next_step: str = ""
    """What to do about a blocked one."""
    rule: str = ""
    """The rule that says no of a blocked one: its own, or that of what it waits for."""

    @property
    def sentence(self) -> str:
        """What stands in the way of a blocked one."""
        return f"{self.type} '{self.name}' {self.note}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, or to leave as it is."""

    action: Action
    needs: "tuple[Step, ...]" = ()
    """What must be done before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStep(Step):
    """A data asset's version."""

    data: DataVersion
    owner: Undertaking
    """The document that uses it."""
    registers: bool = True
    """Whether the data asset is made or brought back; else only its content is uploaded anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStep(Step):
    """The code of a command job or a deployment, as a version of a code asset."""

    code: CodeVersion
    running: Running | Hosting
    """The document that it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStep(Step):
    """The environment of a command job or a deployment, made of what is written in place."""

    environment: EnvironmentVersion
    running: Running | Hosting
    """The document that it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep(Step):
    """What a document asks for, in the job that has done it, does it, or will do it."""

    job_name: str
    made_from: str
    """The revision, with the number of the attempt where there was more than one."""
    job: Job | None
    """The job if it is there already: it is adopted, never submitted again."""

    @property
    def undertaking(self) -> Undertaking:
        """The document with its revision."""
        raise NotImplementedError

    @property
    def document(self) -> str:
        """The document's name."""
        return self.undertaking.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep(JobStep):
    """A training and its job."""

    training: Training

    @property
    def undertaking(self) -> Training:
        """The document with its revision."""
        return self.training


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStep(JobStep):
    """A command document and its job."""

    running: Running

    @property
    def undertaking(self) -> Running:
        """The document with its revision."""
        return self.running


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStep(TrainingStep):
    """One of the trainings of a sweep. One that fails is left out, and the others go on."""

    at_once: int
    """How many jobs of the sweep may be under way at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStep(Step):
    """A model that a job registers."""

    undertaking: Undertaking
    """The document, of a sweep that of the trial which was chosen."""
    model_name: str
    made_from: str
    """As its job's."""
    model: ModelVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStep(Step):
    """The endpoint of a revision, and whether it has been proven as it is."""

    serving: Serving
    name: str
    """The endpoint's own: the document's with the revision."""
    endpoint: Endpoint | None
    replaces: Endpoint | None = None
    """What is deleted before it is made, where the document asks to be recreated."""
    is_refused: bool = False
    """Whether its model has failed before what is asked of it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureStep(Step):
    """An evaluation, and whether it has been passed as things are."""

    measuring: Measuring


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerStep(Step):
    """The name that applications follow, moved last: once everything it needs has held."""

    serving: Serving
    candidate: EndpointStep
    pointer: Pointer | None
    """Where it led when it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireStep(Step):
    """An endpoint of another revision, to be deleted or kept for a while."""

    name: str
    """The name that it served."""
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterStep(Step):
    """What can't be known in full before a sweep's trials are over: planned anew then, and done."""

    training: Training | None = None
    """The fine-tuning document with the sweep, where it is about its trials or its model."""
    rung: Rung | None = None
    """The trials to come, where it is about them."""
    serving: Serving | None = None
    """The endpoint's document, where it is about the endpoint."""
    measuring: Measuring | None = None
    """The evaluation's, where it is about one."""
