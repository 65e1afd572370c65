"""The table of a sweep's trials: what each differs in, how it ended, what it reached and cost."""

from jobs.money.cost import training_cost
from jobs.money.price import Money, Pricing
from jobs.plan.report.cost import cost_words
from jobs.plan.steps import TrialStep
from jobs.plan.sweeps import SweepState, SweepTrial
from jobs.read.examine import CheckedSpecs
from jobs.spec.models import FineTuning
from jobs.spec.trials import words
from jobs.terminal import output


def lines(standing: SweepState, specs: CheckedSpecs) -> list[str]:
    """One line a trial, and one that says which is best or what is still to come."""
    names = list(standing.trials[0].values)
    several = any(trial.rung > 1 for trial in standing.trials) or bool(standing.awaited)
    header = [
        "TRIAL",
        *(["RUNG"] if several else []),
        *(name.replace("_", " ").upper() for name in names),
        "JOB",
        "TRAIN LOSS",
        "VALIDATION LOSS",
        "COST",
    ]
    rows = [
        [
            trial.step.job_name,
            *([str(trial.rung)] if several else []),
            *(f"{trial.values[name]:g}" for name in names),
            _status(trial),
            _loss(trial.losses.train),
            _loss(trial.losses.validation),
            cost_words(cost_of(trial.step, specs)),
        ]
        for trial in standing.trials
    ]
    return [*output.table(rows, header=header).split("\n"), _verdict(standing)]


def as_dict(standing: SweepState, specs: CheckedSpecs) -> dict[str, object]:
    """The same as JSON carries it."""
    best = standing.best
    return {
        "name": standing.training.name,
        "is_over": standing.is_over,
        "best": best.step.job_name if best else None,
        "trials": [
            {
                "job": trial.step.job_name,
                "revision": trial.step.training.revision,
                "rung": trial.rung,
                "parameters": dict(trial.values),
                "status": _status(trial),
                "train_loss": trial.losses.train,
                "validation_loss": trial.losses.validation,
                "cost": money_as_dict(cost_of(trial.step, specs)),
                "is_best": trial is best,
            }
            for trial in standing.trials
        ],
        "later_rungs": [
            {"trials_at_most": rung.trials, "epochs": rung.epochs} for rung in standing.awaited
        ],
    }


def cost_of(step: TrialStep, specs: CheckedSpecs) -> Money:
    """What one training costs, as far as anybody knows."""
    spec = step.training.spec
    return training_cost(spec, pricing_of(spec, specs), specs.data.get(spec.reference)).money


def pricing_of(spec: FineTuning, specs: CheckedSpecs) -> Pricing:
    """What the model of a document, or of one of its trials, costs."""
    chapter = next(one for one in specs.chapters if one.reference == spec.reference)
    return Pricing(chapter, spec.model_path, True, specs.team_prices.get(spec.reference))


def money_as_dict(money: Money) -> dict[str, object]:
    """An amount as JSON carries it."""
    return {"currency": "USD", "low": money.low, "high": money.high}


def _status(trial: SweepTrial) -> str:
    step: TrialStep = trial.step
    return step.job.status if step.job else "not started"


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _verdict(standing: SweepState) -> str:
    left_out = sum(trial.is_over and not trial.has_finished for trial in standing.trials)
    tail = f" {left_out} left out." if left_out else ""
    if standing.best:
        best = standing.best
        return f"The best is {best.step.job_name} ({words(best.values)}).{tail}"
    if standing.is_over:
        return f"None can be chosen: no trial has finished.{tail}"
    to_come = sum(not trial.is_over for trial in standing.trials)
    to_come += sum(rung.trials for rung in standing.awaited)
    return f"The best isn't known yet: {to_come} trials are still to end."
