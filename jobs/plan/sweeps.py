"""How far a sweep is: its trials' jobs, what they reached, which one is best, and what comes next.

Azure is the state here too: whoever asks, and whenever, the same jobs give the same answer.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from jobs.foundry import history, projects
from jobs.foundry.history import TRAIN_LOSS, VALIDATION_LOSS
from jobs.foundry.jobs import USABLE, Job
from jobs.foundry.projects import Project
from jobs.foundry.session import Session
from jobs.plan.actual import Actual
from jobs.plan.desired import Desired, Measuring, Serving, Training
from jobs.plan.steps import Action, JobStep, LaterStep, ModelStep, TrialStep
from jobs.plan.trainings import job_step
from jobs.side_by_side import Pool
from jobs.spec.sweep import Sweep
from jobs.spec.trials import Rung, Values, candidates, rungs, trial, words

_BY = VALIDATION_LOSS.replace("_", " ")


@dataclass(frozen=True, slots=True)
class LastLosses:
    """What a job logged last."""

    train: float | None = None
    validation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTrial:
    """One training of a sweep, and what came of it."""

    values: Values
    rung: int
    """From 1; only halving has more than one."""
    step: TrialStep
    losses: LastLosses = LastLosses()

    @property
    def is_over(self) -> bool:
        """Whether its job has come to an end, good or bad."""
        return self.step.job is not None and self.step.job.is_finished

    @property
    def has_finished(self) -> bool:
        """Whether it has left what can be chosen."""
        return self.losses.validation is not None

    @property
    def rank(self) -> tuple[float, int]:
        """By what it reached; of equals the one that took fewer epochs."""
        reached = self.losses.validation
        return (math.inf if reached is None else reached, self.step.training.spec.epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepState:
    """How far a sweep is."""

    training: Training
    """The document with the sweep."""
    trials: tuple[SweepTrial, ...]
    """Those that are known, rung by rung."""
    awaited: tuple[Rung, ...]
    """The rungs whose trials aren't known yet."""
    best: SweepTrial | None
    """Once it is over: the one that goes on; None where none has finished."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be trained."""
        return not self.awaited and all(trial.is_over for trial in self.trials)

    @property
    def steps(self) -> tuple[TrialStep, ...]:
        """What happens to each trial's job."""
        return tuple(trial.step for trial in self.trials)

    def chosen(self, steps: Sequence[JobStep]) -> JobStep | None:
        """Of these, the step of the best trial."""
        name = self.best.step.job_name if self.best else ""
        return next((step for step in steps if step.job_name == name), None)


Measure = Callable[[Sequence[Job]], Mapping[str, LastLosses]]
"""Reads what jobs logged, by their names."""


def look(
    session: Session, project: Project, desired: Desired, actual: Actual, *, retrain: bool
) -> dict[str, SweepState]:
    """How far each sweep is, by its document's name; metrics are read of jobs that are over."""
    measure = partial(_logged, session, cache(partial(projects.data_plane, session, project)))
    return {
        training.name: stand(training, training.spec.sweep, actual, measure, retrain=retrain)
        for training in desired.trainings
        if training.spec.sweep
    }


def stand(
    training: Training, sweep: Sweep, actual: Actual, measure: Measure, *, retrain: bool = False
) -> SweepState:
    """How far a sweep is. The trials of a rung are known once all of the one before are over."""
    stages = rungs(sweep)
    trials: list[SweepTrial] = []
    kept: Sequence[Values] = candidates(sweep)
    awaited: tuple[Rung, ...] = ()
    for number, rung in enumerate(stages, 1):
        entered = [_trial(training, sweep, v, number, rung, actual, retrain) for v in kept]
        if not all(trial.is_over for trial in entered):
            trials += entered
            awaited = stages[number:]
            break
        entered = _measured(entered, measure)
        trials += entered
        going_on = sorted((t for t in entered if t.has_finished), key=lambda t: t.rank)
        if not going_on:
            break
        kept = [t.values for t in going_on[: stages[number].trials if number < len(stages) else 0]]
    is_over = not awaited and all(trial.is_over for trial in trials)
    best = min((t for t in trials if t.has_finished), key=lambda t: t.rank, default=None)
    told = [_told(t, best if is_over else None, is_over=is_over) for t in trials]
    return SweepState(
        training=training,
        trials=tuple(told),
        awaited=awaited,
        best=told[trials.index(best)] if best and is_over else None,
    )


def _trial(
    training: Training,
    sweep: Sweep,
    values: Values,
    number: int,
    rung: Rung,
    actual: Actual,
    retrain: bool,
) -> SweepTrial:
    found = job_step(training.trial(trial(training.spec, values, rung)), actual, retrain)
    own = values if rung.epochs is None else {**values, "epochs": rung.epochs}
    return SweepTrial(
        values=own,
        rung=number,
        step=TrialStep(
            action=found.action,
            training=found.training,
            job_name=found.job_name,
            made_from=found.made_from,
            job=found.job,
            at_once=sweep.at_once,
        ),
    )


def _measured(trials: Sequence[SweepTrial], measure: Measure) -> list[SweepTrial]:
    completed = [t.step.job for t in trials if t.step.job and t.step.job.status in USABLE]
    logged = measure(completed)
    return [replace(t, losses=logged.get(t.step.job_name, LastLosses())) for t in trials]


def _logged(session: Session, api: Callable[[], str], jobs: Sequence[Job]) -> dict[str, LastLosses]:
    if not jobs:
        return {}
    names = [job.name for job in jobs]
    with Pool(6) as pool:
        found = pool.map(partial(history.last_values, session, api()), names)
    return {
        name: LastLosses(*(_number(values.get(metric)) for metric in (TRAIN_LOSS, VALIDATION_LOSS)))
        for name, values in zip(names, found, strict=True)
    }


def _number(point: history.Point | None) -> float | None:
    """A loss that is none any more (NaN) is nothing to compare."""
    return point.value if point and math.isfinite(point.value) else None


# ── what is said of each trial ──────────────────────────────────────────────────────────────────


def _told(found: SweepTrial, best: SweepTrial | None, *, is_over: bool) -> SweepTrial:
    step = found.step
    said, action = words(found.values), step.action
    if step.job is None:
        action = Action(kind="create", type="finetuning", name=step.job_name, note=said)
    elif action.kind == "blocked":
        # Blocked is what stops everything: where nothing finished, or the best has no model.
        if not is_over or (best and found is not best):
            note = f"{said}; {action.note}, left out (--retrain trains it once more)"
            action = Action(kind="unchanged", type="finetuning", name=step.job_name, note=note)
    else:
        reached = _reached(found, is_best=found is best) if is_over else action.note
        note = f"{said}; {reached}" if reached else said
        action = replace(action, note=note)
    return replace(found, step=replace(step, action=action))


def _reached(found: SweepTrial, *, is_best: bool) -> str:
    if found.losses.validation is None:
        return f"completed without a {_BY}, left out"
    return f"{_BY} {found.losses.validation:.4f}" + (", the best" if is_best else "")


# ── what comes after the trials ─────────────────────────────────────────────────────────────────


def later(standing: SweepState) -> list[LaterStep]:
    """What can be said of a sweep's end before it is over."""
    training, known = standing.training, len(standing.trials)
    first = max(trial.rung for trial in standing.trials) + 1
    steps = [
        LaterStep(
            action=Action(
                kind="create",
                type="finetuning",
                name=f"{training.name}-…",
                note=f"rung {number}: the best {rung.trials} anew with {rung.epochs} epochs",
            ),
            training=training,
            rung=rung,
        )
        for number, rung in enumerate(standing.awaited, first)
    ]
    count = known + sum(rung.trials for rung in standing.awaited)
    name = training.spec.registered_model_name
    action = Action(kind="create", type="model", name=name, note=f"the best of {count}, by {_BY}")
    return [*steps, LaterStep(action=action, training=training)]


def no_model(training: Training, steps: Sequence[JobStep]) -> ModelStep:
    """What is said of the model where no trial has finished."""
    action = Action(
        kind="blocked",
        type="model",
        name=training.spec.registered_model_name,
        note=f"can't be chosen: none of {len(steps)} trials has finished with a {_BY}",
        next_step="To train, and pay, once more those that failed: add --retrain",
        rule="FT-R008",
    )
    return ModelStep(
        action=action,
        needs=tuple(steps),
        undertaking=training,
        model_name=training.spec.registered_model_name,
        made_from=training.revision,
        model=None,
    )


def waiting(desired: Desired, unsettled: Collection[str]) -> dict[str, Serving]:
    """The endpoints that wait for sweeps to be over: theirs, and those compared with one of them.

    `unsettled` are the names of the documents whose sweeps aren't over.
    """
    servings = {serving.name: serving for serving in desired.servings}
    found = {s.name for s in servings.values() if s.training and s.training.name in unsettled}
    while more := {
        measuring.endpoint
        for measuring in desired.measurings
        if measuring.hosting is None
        and measuring.endpoint in servings.keys() - found
        and found & set(measuring.asked)
    }:
        found |= more
    return {name: serving for name, serving in servings.items() if name in found}


def served_later(
    servings: Iterable[Serving], measurings: Iterable[Measuring], actual: Actual
) -> list[LaterStep]:
    """What becomes of those endpoints, and of the evaluations that ask them."""
    made, names = list[LaterStep](), list[LaterStep]()
    for serving in servings:
        chosen = serving.training and serving.training.spec.sweep
        safety = "content safety on" if serving.spec.is_filtered else "content safety OFF"
        note = f"{'of the best' if chosen else 'once the trials are over'}; {safety}"
        action = Action(kind="create", type="endpoint", name=f"{serving.name}-…", note=note)
        made.append(LaterStep(action=action, serving=serving))
        kind = "update" if actual.pointer(serving.name) else "create"
        note = "once every gate holds"
        action = Action(kind=kind, type="connection", name=serving.name, note=note)
        names.append(LaterStep(action=action))
    gates = [
        LaterStep(action=Action(kind="create", type="evaluation", name=one.name), measuring=one)
        for one in measurings
    ]
    return [*made, *gates, *names]
