"""The steps of a command document: what its job reads and runs in, the job, what it leaves."""

from collections.abc import Mapping
from dataclasses import replace

from jobs.plan.actual import Actual
from jobs.plan.contents import code_step, data_step, environment_step
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.steps import Step
from jobs.plan.trainings import model_steps, running_step
from jobs.plan.uploads import Upload


def running_steps(
    running: Running, actual: Actual, uploads: Mapping[str, Upload], *, retrain: bool
) -> list[Step]:
    """What happens to a command document, in the order of the needs."""
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
    job = replace(job, needs=tuple(needs))
    return [*needs, job, *model_steps(job, actual)]
