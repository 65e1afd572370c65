"""One run of a plan: what its steps work with, and what they hand on to each other."""

import threading
from dataclasses import dataclass

from jobs.apply.turns import turns_of
from jobs.errors import PreflightError
from jobs.foundry import endpoints, projects
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.jobs import Job
from jobs.foundry.models import ModelVersion
from jobs.foundry.online import Deployment, Online
from jobs.foundry.projects import Datastore
from jobs.foundry.session import Session
from jobs.plan.plan import Plan
from jobs.spec.document import Document
from jobs.terminal.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to go about it."""

    wait: bool = True
    settle_seconds: float = 120.0
    promote: bool = True
    """Whether names may be moved; else a revision is made ready and waits for `promote`."""
    keep_candidate: bool = False
    """Whether an endpoint that failed what was asked of it stays, to be looked at."""


class Stopped(Exception):  # noqa: N818 - not an error: somebody said stop
    """Raised in a worker when the run was told to stop."""


class Work:
    """One run: what its steps work with, and what they hand on to each other."""

    def __init__(self, session: Session, plan: Plan, report: Reporter, options: Options) -> None:
        self.session, self.plan, self.report, self.options = session, plan, report, options
        self.project = plan.project
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.jobs: dict[str, Job] = {}
        """Finished, by their names."""
        self.running_jobs: dict[str, str] = {}
        """Those that go on in Azure: their names, each with its fine-tuning document's."""
        self.turns = turns_of(plan.steps)
        """Of each sweep that has jobs to run, by the fine-tuning document's name."""
        self.models: dict[str, ModelVersion] = {}
        """By the fine-tuning document's name."""
        self.candidates: dict[str, Endpoint] = {}
        """Made or found as the spec wants them, by the endpoint document's name."""
        self.onlines: dict[str, Online] = {}
        """Managed online endpoints as they were last seen, by their names."""
        self.deployments: dict[str, Deployment] = {}
        """The deployment of this revision as it was last seen, by its endpoint's name."""
        self._datastore: Datastore | None = None

    def serverless(self, name: str) -> Endpoint | None:
        """What serves a name: made by this run, or seen by its plan."""
        return self.candidates.get(name) or self.plan.actual.served(name)

    def asked(self, name: str, by: Document) -> Endpoint:
        """A serverless endpoint that a document's evaluation asks.

        Raises:
            PreflightError: It isn't there, or it can't be asked as it is.
        """
        endpoint = self.serverless(name)
        if endpoint is None:
            raise PreflightError(
                f"{by.reference}: there is no endpoint '{name}' in the project.",
                next_step="Add a serverless_endpoint document, or correct the name.",
            )
        endpoints.require_servable(endpoint)
        return endpoint

    def datastore(self) -> Datastore:
        """The project's default datastore, asked for once."""
        with self.lock:
            if self._datastore is None:
                self._datastore = projects.default_datastore(self.session)
            return self._datastore

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody says stop."""
        if self.stop.wait(seconds):
            raise Stopped
