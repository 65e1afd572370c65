"""The steps of a command document: what its job reads and runs in, the job, what it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jobs.plan.actual import Actual
from jobs.plan.contents import code_step, data_step, environment_step
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.steps import Action, ModelStep, RunningStep, Step
from jobs.plan.trainings import model_steps, running_step
from jobs.plan.uploads import Upload


def running_steps(
    running: Running,
    actual: Actual,
    uploads: Mapping[str, Upload],
    models: Mapping[str, ModelStep],
    *,
    retrain: bool,
) -> list[Step]:
    """What happens to a command document, in the order of the needs.

    `models` has the model of each document before it, by the document's name.
    """
    job = running_step(running, actual, retrain)
    needed = job.job is None
    needs: list[Step] = [
        data_step(one, running, actual, uploads.get(one.label), needed=needed)
        for one in running.data
    ]
    code, environment = running.code, running.environment
    if isinstance(code, CodeVersion):
        needs.append(code_step(code, running, actual, uploads.get(code.label), needed=needed))
    if isinstance(environment, EnvironmentVersion):
        needs.append(environment_step(environment, running, actual, needed=needed))
    awaited = (*needs, *(models[maker.name] for maker in running.makers))
    job = replace(job, needs=awaited, action=_action(job, awaited))
    return [*needs, job, *model_steps(job, actual)]


def _action(step: RunningStep, needs: Sequence[Step]) -> Action:
    """What happens to the job; nothing where something that it needs can't be made."""
    blocked = next((need.action for need in needs if need.action.kind == "blocked"), None)
    if step.job is None and blocked:
        rule, note, kind = blocked.rule, f"needs the {blocked.type}", step.action.type
        return Action(kind="blocked", type=kind, name=step.job_name, note=note, rule=rule)
    return step.action
