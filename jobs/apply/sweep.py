"""Doing a plan to its end where part of it can't be known before: after a sweep it is made anew."""

from jobs.apply.run import run
from jobs.apply.work import Options
from jobs.foundry.session import Session
from jobs.plan import plan as plans
from jobs.plan.plan import Plan
from jobs.plan.report import trials
from jobs.terminal.progress import Reporter


def run_whole(session: Session, plan: Plan, report: Reporter, options: Options) -> None:
    """Do what the plan says, and what follows from it once its trials are over.

    A rung of a sweep is one round, what serves the best of it another. Nothing that the first plan
    hadn't told, and asked for, is started by a later one.

    Raises:
        FoundryTuneError: As `run`; also where no trial of a sweep has finished.
        Interrupted: Somebody pressed Ctrl-C; running the same again goes on.
    """
    run(session, plan, report, options)
    while plan.later and options.wait:
        before, plan = plan, plans.again(session, plan)
        for name, standing in plan.standings.items():
            if standing.is_over and not before.standings[name].is_over:
                report.table(trials.lines(standing, plan.specs))
                report.record("sweeps", trials.as_dict(standing, plan.specs))
        run(session, plan, report, options)
