"""Deciding what to do: desired against actual, as pure values. Nothing is asked or changed.

`create` + `update` ~ `replace` -/+ `unchanged` = `delete` - and `blocked` !, field by field.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from jobs import revision
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.plan import refused, rollout, sweeps
from jobs.plan.actual import Actual
from jobs.plan.contents import code_step, data_step, environment_step
from jobs.plan.deployments import Examination, hosting_steps, needs_contents
from jobs.plan.desired import Desired, Measuring, Training
from jobs.plan.hosting import Hosting
from jobs.plan.measures import measure_step
from jobs.plan.running import EnvironmentVersion
from jobs.plan.runs import running_steps
from jobs.plan.steps import (
    EndpointStep,
    MeasureStep,
    ModelStep,
    Step,
)
from jobs.plan.sweeps import SweepState
from jobs.plan.trainings import job_step, model_steps
from jobs.plan.uploads import Upload


def decide(
    desired: Desired,
    actual: Actual,
    *,
    now: datetime,
    retrain: bool = False,
    retry_refused: bool = False,
    uploads: Mapping[str, Upload] | None = None,
    standings: Mapping[str, SweepState] | None = None,
) -> tuple[Step, ...]:
    """Hold what is asked for against what is there; the steps come in the order of their needs.

    `retrain` allows a new job where the revision's own has failed, was canceled or lost its model;
    without it such a job blocks, since a second training costs a second time. `retry_refused` makes
    an endpoint also for a model that has failed before what is asked of it. `now` is what the
    time of endpoints that are kept for a while is held against. `uploads` is what was downloaded
    of the data, where it was: what isn't intact is uploaded anew. `standings` says how far each
    sweep is, by its document's name.
    """
    steps: list[Step] = []
    models: dict[str, ModelStep] = {}
    unsettled: dict[str, SweepState] = {}
    for training in desired.trainings:
        standing = (standings or {}).get(training.name)
        jobs = standing.steps if standing else (job_step(training, actual, retrain),)
        needed = any(job.job is None for job in jobs) or bool(standing and standing.awaited)
        data = tuple(
            data_step(d, training, actual, (uploads or {}).get(d.label), needed=needed)
            for d in training.data
        )
        jobs = tuple(replace(job, needs=data) for job in jobs)
        steps += [*data, *jobs]
        if standing and not standing.is_over:
            unsettled[training.name] = standing
            steps += sweeps.later(standing)
            continue
        chosen = standing.chosen(jobs) if standing else jobs[0]
        [model] = model_steps(chosen, actual) if chosen else [sweeps.no_model(training, jobs)]
        models[training.name] = model
        steps.append(model)
    for running in desired.runnings:
        found = running_steps(running, actual, uploads or {}, models, retrain=retrain)
        steps += found
        if left := [step for step in found if isinstance(step, ModelStep)]:
            models[running.name] = left[0]
    served: dict[str, EndpointStep] = {}
    waiting = sweeps.waiting(desired, unsettled)
    for serving in desired.servings:
        if serving.name in waiting:
            continue
        model = models.get(serving.training.name) if serving.training else None
        if model and isinstance(model.undertaking, Training):
            serving = replace(serving, training=model.undertaking)
        candidate = rollout.endpoint_step(serving, model, actual)
        if not retry_refused:
            asking = [m for m in desired.measurings if m.measures(serving)]
            candidate = refused.held_back(candidate, model, asking, actual)
        served[serving.name] = candidate
    _need_their_bases(served, desired.measurings)
    serverless = [m for m in desired.measurings if m.hosting is None]
    held = [m for m in serverless if not set(m.asked) & waiting.keys()]
    measures = [_measure_step(m, served, actual) for m in held]
    for name, candidate in served.items():
        gates = [step for step in measures if step.measuring.endpoint == name]
        steps += rollout.around(candidate, gates, actual, now)
    gated = [m for m in serverless if set(m.asked) & waiting.keys()]
    steps += sweeps.served_later(waiting.values(), gated, actual)
    steps += [step for step in measures if step.measuring.endpoint not in served]
    for hosting in desired.hostings:
        gates = _gates(hosting, desired, served, waiting)
        steps += _hosting_steps(hosting, steps, gates, actual, uploads or {}, now)
    return tuple(steps)


def _gates(
    hosting: Hosting,
    desired: Desired,
    served: Mapping[str, EndpointStep],
    waiting: Collection[str],
) -> list[Examination]:
    """The evaluations of an online endpoint, each with the endpoints that it compares with."""
    return [
        Examination(
            measuring=measuring,
            beside=tuple(served[name] for name in measuring.asked if name in served),
            is_later=any(name in waiting for name in measuring.asked),
        )
        for measuring in desired.measurings
        if measuring.hosting is hosting
    ]


def _hosting_steps(
    hosting: Hosting,
    before: Sequence[Step],
    gates: Sequence[Examination],
    actual: Actual,
    uploads: Mapping[str, Upload],
    now: datetime,
) -> list[Step]:
    """An online endpoint's steps, after those of the job that makes its model."""
    made_by = hosting.made_by
    model = next(
        (
            step
            for step in before
            if isinstance(step, ModelStep) and made_by and step.undertaking is made_by
        ),
        None,
    )
    hosted, code = actual.hosted[hosting.name], hosting.code
    needed = needs_contents(hosting, model, hosted)
    contents: list[Step] = [
        code_step(code, hosting, actual, uploads.get(code.label), needed=needed)
    ]
    if isinstance(hosting.environment, EnvironmentVersion):
        contents.append(environment_step(hosting.environment, hosting, actual, needed=needed))
    return hosting_steps(hosting, contents, model, hosted, now, gates)


def _need_their_bases(served: dict[str, EndpointStep], measurings: Sequence[Measuring]) -> None:
    """Have the endpoint of a tuned model wait for those it is compared with: its filter is, too."""
    for measuring in measurings:
        candidate = served.get(measuring.endpoint)
        for name in measuring.references.values():
            base = served.get(name)
            if candidate and base and candidate.serving.training and not base.serving.training:
                candidate = replace(candidate, needs=(*candidate.needs, base))
                served[measuring.endpoint] = candidate


# ── evaluations ─────────────────────────────────────────────────────────────────────────────────


def _measure_step(
    measuring: Measuring, serving: Mapping[str, EndpointStep], actual: Actual
) -> MeasureStep:
    candidate = serving.get(measuring.endpoint)
    needs = tuple(serving[name] for name in measuring.asked if name in serving)
    endpoint = candidate.endpoint if candidate else actual.served(measuring.endpoint)
    stays = candidate is None or candidate.action.kind == "unchanged"
    passed = stays and endpoint is not None and _passed(endpoint, measuring)
    return measure_step(measuring, needs, passed=passed)


def _passed(endpoint: Endpoint, measuring: Measuring) -> bool:
    mark = measuring.mark(endpoints.serves(endpoint))
    return endpoint.tags.get(f"{revision.TAG_EVALUATION}.{measuring.name}") == mark
