"""Doing a plan: every step once what it needs is done, independent branches side by side.

Every write is addressed by a name that comes from content, so that a run killed at any instant is
continued by the next one. The job is the one paid call; `jobs/foundry/submission.py` makes it.
"""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs import revision
from jobs.actual import Actual
from jobs.desired import DataVersion, Desired
from jobs.errors import (
    FoundryTuneError,
    JobCanceledError,
    JobFailedError,
    PreflightError,
    RemoteError,
)
from jobs.following import follow
from jobs.foundry import data as data_assets
from jobs.foundry import endpoints, models, projects, submission
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.hyperparameters import to_wire
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.projects import Datastore
from jobs.foundry.submission import Submission
from jobs.measuring import measure
from jobs.plan import (
    DataStep,
    EndpointStep,
    JobStep,
    MeasureStep,
    ModelStep,
    Plan,
    Step,
    order_of,
)
from jobs.progress import Reporter, size
from jobs.serving import Settling, serve

if TYPE_CHECKING:
    from jobs.foundry.session import Session

_MODEL_LOOKS = 30
_MODEL_PAUSE_SECONDS = 2.0


class Stopped(Exception):  # noqa: N818 - not an error: somebody said stop
    """Raised in a worker when the run was told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to go about it."""

    wait: bool = True
    settle_seconds: float = 120.0


@dataclass(slots=True)
class Progressed:
    """What a run has reached; what a message after Ctrl-C is written from."""

    running_jobs: dict[str, str] = field(default_factory=dict[str, str])
    """The jobs that go on in Azure, by the document's name."""


def run(
    session: "Session",
    plan: Plan,
    actual: Actual,
    desired: Desired,
    report: Reporter,
    options: Options,
    progressed: Progressed | None = None,
) -> None:
    """Do what the plan says.

    Raises:
        FoundryTuneError: The first thing that went wrong; other branches were finished first.
    """
    refuse_blocked(plan, actual)
    works = _Run(session, actual, desired, report, options, progressed or Progressed())
    if plan.starts_training:
        submission.warm_up()
    works.do(plan)


def refuse_blocked(plan: Plan, actual: Actual) -> None:
    """Stop before the first write if a step can't be done."""
    for step in plan.steps:
        action = step.action
        if action.kind != "blocked" or not action.next_step:
            continue
        text = f"{action.type} '{action.name}' {action.note}."
        if isinstance(step, JobStep) and step.job is not None and actual.model_of(step.job) is None:
            failed = {"Failed": JobFailedError, "NotResponding": JobFailedError}
            kind = failed.get(step.job.status)
            kind = JobCanceledError if step.job.status == "Canceled" else kind
            raise (kind or PreflightError)(text, next_step=action.next_step)
        raise PreflightError(text, next_step=action.next_step)


class _Run:
    """One run: the state that its steps hand on to each other."""

    def __init__(
        self,
        session: "Session",
        actual: Actual,
        desired: Desired,
        report: Reporter,
        options: Options,
        progressed: Progressed,
    ) -> None:
        self.session, self.actual, self.desired = session, actual, desired
        self.report, self.options, self.progressed = report, options, progressed
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.jobs: dict[str, Job] = {}
        self.models: dict[str, ModelVersion] = {}
        self.endpoints: dict[str, Endpoint] = dict(actual.endpoints)
        self.assets: dict[str, DataAsset] = dict(actual.data)
        self._datastore: Datastore | None = None

    def do(self, plan: Plan) -> None:
        """Every step in a thread of its own, that waits for those it needs."""
        ends = {id(step): _End() for step in plan.steps}
        threads = [
            threading.Thread(
                target=self._work,
                args=(step, ends[id(step)], [ends[id(need)] for need in needs]),
                name=step.action.name,
                # A killed or interrupted run leaves nothing half-said: its threads may die with it.
                daemon=True,
            )
            for step, needs in order_of(plan.steps)
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except KeyboardInterrupt:
            self.stop.set()
            raise
        finally:
            self.report.close()
        errors = [end.error for step in plan.steps if (end := ends[id(step)]).error]
        if errors:
            raise _worst(errors)

    def _work(self, step: Step, end: "_End", needs: list["_End"]) -> None:
        try:
            for need in needs:
                need.done.wait()
            if self.stop.is_set() or any(not need.ok for need in needs):
                return
            end.ok = self._step(step)
        except Stopped:
            return
        except Exception as error:
            end.error = error
        finally:
            end.done.set()

    def _step(self, step: Step) -> bool:
        """Do one step; False where those that need it can't be done now (`--no-wait`)."""
        if isinstance(step, DataStep):
            self._data(step)
        elif isinstance(step, JobStep):
            return self._job(step)
        elif isinstance(step, ModelStep):
            self._model(step)
        elif isinstance(step, EndpointStep):
            self._endpoint(step)
        else:
            self._measure(step)
        return True

    # ── data ────────────────────────────────────────────────────────────────────────────────────

    def _data(self, step: DataStep) -> None:
        if step.action.kind == "unchanged":
            return
        wanted = step.data
        self.report.progress("data", wanted.label, "being uploaded")
        asset = self._registered(wanted)
        with self.lock:
            self.assets[wanted.label] = asset
        done = "uploaded" if step.action.kind == "create" else "brought back from the archive,"
        self.report.result("data", wanted.label, f"{done} {size(wanted.size)}")

    def _registered(self, wanted: DataVersion) -> DataAsset:
        uri = data_assets.upload(
            self.session, self._store(), wanted.path, wanted.sha256, wanted.name
        )
        owner = next(t for t in self.desired.trainings if t.name == wanted.owner)
        return data_assets.register(
            self.session,
            wanted.name,
            wanted.version,
            uri=uri,
            description=f"{wanted.path.name} of {wanted.owner}, sha256 {wanted.sha256}",
            tags=revision.tags(wanted.owner, wanted.version, owner.spec.tags),
        )

    def _store(self) -> Datastore:
        with self.lock:
            if self._datastore is None:
                self._datastore = projects.default_datastore(self.session)
            return self._datastore

    # ── jobs ────────────────────────────────────────────────────────────────────────────────────

    def _job(self, step: JobStep) -> bool:
        training = step.training
        job, adopted = step.job, True
        if job is None:
            self._make_sure_of_data(step)
            self.report.progress("finetuning", step.job_name, "being submitted")
            job, started = submission.submit(self.session, self._submission(step))
            adopted = not started
        if not job.is_finished:
            self.progressed.running_jobs[training.name] = job.name
        if not self.options.wait and not job.is_finished:
            word = "adopted" if adopted else "submitted"
            self.report.result("finetuning", job.name, f"{word}, {job.status}; not waited for")
            return False
        quiet = step.job is not None and step.job.is_finished
        if not quiet:
            job = follow(
                self.session, self.actual.project, job, self.report, self.pause, adopted=adopted
            )
        self.progressed.running_jobs.pop(training.name, None)
        with self.lock:
            self.jobs[training.name] = job
        return True

    def _make_sure_of_data(self, step: JobStep) -> None:
        """A job whose data is gone fails after it was paid for: look before it is submitted."""
        for wanted in step.training.data:
            if not data_assets.is_uploaded(self.session, self._store(), wanted.sha256, wanted.name):
                data_assets.upload(
                    self.session, self._store(), wanted.path, wanted.sha256, wanted.name
                )

    def _submission(self, step: JobStep) -> Submission:
        training, spec = step.training, step.training.spec
        validation = training.validation
        return Submission(
            name=step.job_name,
            display_name=spec.display_name or spec.name,
            experiment=spec.experiment_name or spec.name,
            description=spec.description or "",
            task=spec.task,
            model=spec.model_path,
            training_data=self._address(training.training),
            validation_data=self._address(validation) if validation else None,
            hyperparameters=to_wire(revision.hyperparameters(spec)),
            registered_model=spec.registered_model_name,
            tags=revision.tags(spec.name, training.revision, spec.tags),
        )

    def _address(self, given: DataVersion | str) -> str:
        if isinstance(given, str):
            return given
        return f"azureml:{given.name}:{given.version}"

    # ── models ──────────────────────────────────────────────────────────────────────────────────

    def _model(self, step: ModelStep) -> None:
        name = step.training.spec.registered_model_name
        job = self.jobs[step.training.name]
        model = step.model or self._registered_by(job, name)
        with self.lock:
            self.models[step.training.name] = model
        if step.action.kind != "unchanged":
            self.report.result("model", model.label, "registered")

    def _registered_by(self, job: Job, name: str) -> ModelVersion:
        for _ in range(_MODEL_LOOKS):
            versions = models.versions(self.session, name)
            found = next((one for one in reversed(versions) if one.job == job.name), None)
            if found:
                return found
            self.pause(_MODEL_PAUSE_SECONDS)
        raise RemoteError(
            f"Job '{job.name}' completed, but its model '{name}' isn't listed yet.",
            next_step="Run the same command again in some minutes.",
        )

    # ── endpoints and evaluations ───────────────────────────────────────────────────────────────

    def _endpoint(self, step: EndpointStep) -> None:
        if step.action.kind == "unchanged":
            return
        training = step.serving.training
        settling = Settling(seconds=self.options.settle_seconds, pause=self.pause)
        endpoint = serve(
            self.session,
            self.actual.project,
            step,
            self._model_id(training.name) if training else step.serving.model_path,
            self.report,
            settling,
        )
        with self.lock:
            self.endpoints[endpoint.name] = endpoint

    def _model_id(self, training: str) -> str:
        model, project = self.models[training], self.actual.project
        return endpoints.model_id(project.location, project.workspace_id, model.name, model.version)

    def _measure(self, step: MeasureStep) -> None:
        if step.action.kind == "unchanged":
            return
        endpoint = self.endpoints.get(step.measuring.endpoint)
        if endpoint is None:
            raise PreflightError(
                f"{step.measuring.spec.reference}: there is no endpoint "
                f"'{step.measuring.endpoint}' in the project.",
                next_step="Add a serverless_endpoint document, or correct 'endpoint'.",
            )
        measure(self.session, endpoint, step.measuring, self.report)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody says stop."""
        if self.stop.wait(seconds):
            raise Stopped


@dataclass(slots=True)
class _End:
    """How a step ended, for those that wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    ok: bool = False
    error: Exception | None = None


def _worst(errors: list[Exception]) -> Exception:
    """The error to show: ours before anything unexpected, with the others named in its text."""
    first = errors[0]
    others = [error for error in errors[1:] if str(error) != str(first)]
    if not others or not isinstance(first, FoundryTuneError):
        return first
    first.message = "\n".join([first.message, *(str(error) for error in others)])
    return first
