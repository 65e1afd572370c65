"""Running a plan: every step once what it needs is done, independent branches side by side.

Every write is addressed by a name that comes from content, so that a run killed at any instant is
continued by the next one. The job is the one paid call; `jobs/foundry/submission.py` makes it.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.apply.step import do, give_up
from jobs.apply.work import Options, Stopped, Work
from jobs.errors import (
    FoundryTuneError,
    JobCanceledError,
    JobFailedError,
    PreflightError,
    RefusedBeforeError,
)
from jobs.foundry import submission
from jobs.foundry.session import Session
from jobs.plan.plan import Plan
from jobs.plan.steps import JobStep, Step
from jobs.terminal.progress import Reporter


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came while a plan was being done."""

    def __init__(self, running_jobs: Mapping[str, str]) -> None:
        super().__init__()
        self.running_jobs = running_jobs
        """The jobs that go on in Azure, each with its fine-tuning document's name."""


def run(session: Session, plan: Plan, report: Reporter, options: Options) -> None:
    """Do what the plan says.

    Raises:
        FoundryTuneError: The first thing that went wrong; other branches were finished first.
        Interrupted: Somebody pressed Ctrl-C; running the same again goes on.
    """
    refuse_blocked(plan)
    if plan.starts_training or plan.starts_running:
        submission.warm_up()
    work = Work(session, plan, report, options)
    ends = {id(step): _End() for step in plan.steps}
    threads = [
        threading.Thread(
            target=_do_after_needs,
            args=(step, work, ends),
            name=step.action.name,
            # A killed or interrupted run leaves nothing half-said: its threads may die with it.
            daemon=True,
        )
        for step in plan.steps
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt as interrupt:
        work.stop.set()
        raise Interrupted(dict(work.running_jobs)) from interrupt
    finally:
        report.close()
    errors = [end.error for step in plan.steps if (end := ends[id(step)]).error]
    if errors:
        raise _worst(errors)


def refuse_blocked(plan: Plan) -> None:
    """Stop before the first write if a step can't be done.

    Raises:
        PreflightError: Something stands in the way.
        JobFailedError: It is a job that failed.
        JobCanceledError: It is a job that was canceled.
        RefusedBeforeError: A revision was refused before, and there is nothing else to do.
    """
    others = any(action.kind not in ("unchanged", "blocked") for action in plan.actions)
    for step in plan.steps:
        action = step.action
        if action.kind != "blocked" or not action.next_step:
            continue
        if others and step.is_refused:
            continue  # its branch ends there, and the others are done
        raise _kind_of(step, plan)(action.sentence, next_step=action.next_step, rule=action.rule)


def _kind_of(step: Step, plan: Plan) -> type[FoundryTuneError]:
    if step.is_refused:
        return RefusedBeforeError
    if not isinstance(step, JobStep) or step.job is None:
        return PreflightError
    if any(plan.actual.model_of(step.job, name) for name in step.job.models):
        return PreflightError
    ended: dict[str, type[FoundryTuneError]] = {
        "Failed": JobFailedError,
        "NotResponding": JobFailedError,
        "Canceled": JobCanceledError,
    }
    return ended.get(step.job.status, PreflightError)


@dataclass(slots=True)
class _End:
    """How a step ended, for those that wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    ok: bool = False
    error: Exception | None = None


def _do_after_needs(step: Step, work: Work, ends: Mapping[int, _End]) -> None:
    end = ends[id(step)]
    needs = [ends[id(need)] for need in step.needs]
    try:
        for need in needs:
            need.done.wait()
        if work.stop.is_set():
            return
        if any(not need.ok for need in needs):
            give_up(step, work, [need.error for need in needs if need.error])
            return
        end.ok = do(step, work)
    except Stopped:
        return
    except Exception as error:
        end.error = error
    finally:
        end.done.set()


def _worst(errors: list[Exception]) -> Exception:
    """The error to show: ours before anything unexpected, with the others named in its text."""
    first = errors[0]
    others = [error for error in errors[1:] if str(error) != str(first)]
    if not others or not isinstance(first, FoundryTuneError):
        return first
    first.message = "\n".join([first.message, *(str(error) for error in others)])
    return first
