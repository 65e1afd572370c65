"""Do it: upload, fine-tune, register, serve, prove. Safe to stop anywhere and to run again."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_date, add_specs, add_strict, add_target

if TYPE_CHECKING:
    from jobs.apply import Progressed


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_date(parser)
    add_strict(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask before spending")
    parser.add_argument(
        "--accept-unknown-price",
        action="store_true",
        help="go on under a budget although nobody published a price",
    )
    parser.add_argument("--no-wait", action="store_true", help="submit, and don't wait for the job")
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="train, and pay, once more where a job failed, was canceled or lost its model",
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long a new content filter may take to be in force (120)",
    )


def run(arguments: Namespace) -> int:
    """Plan, ask, do."""
    import sys

    from jobs import apply, output, plan_report
    from jobs.cost import hold
    from jobs.errors import PreflightError
    from jobs.opening import confirmed, examined, session_of
    from jobs.options import spec_paths
    from jobs.planning import make
    from jobs.preflight import failed
    from jobs.progress import Reporter

    paths = spec_paths(arguments.specs, arguments.file)
    opened = examined(paths, arguments.overrides, on=arguments.date, strict=arguments.strict)
    session = session_of(arguments)
    planned = make(session, opened, on=arguments.date, retrain=arguments.retrain)
    output.emit("\n".join(plan_report.lines(planned, session.target, command=False)))
    if planned.plan.is_empty:
        return 0
    stopping = failed(planned.checks)
    if stopping:
        first = stopping[0]
        raise PreflightError(first.message, next_step=first.next_step, rule=first.rule)
    apply.refuse_blocked(planned.plan, planned.actual)
    if plan_report.spends(planned):
        hold(opened.costs, accept_unknown_price=arguments.accept_unknown_price)
    if not confirmed(plan_report.summary(planned), yes=arguments.yes):
        output.progress("Nothing was done.")
        return 0
    progressed = apply.Progressed()
    widths = [len(action.name) for action in planned.plan.actions if len(action.name) <= 40]
    alone = len(planned.desired.servings) <= 1
    report = Reporter(name_width=max(widths, default=30), alone=alone)
    options = apply.Options(wait=not arguments.no_wait, settle_seconds=arguments.settle)
    try:
        apply.run(
            session, planned.plan, planned.actual, planned.desired, report, options, progressed
        )
    except KeyboardInterrupt:
        sys.stderr.write("\n" + _interrupted(paths, progressed) + "\n")
        return 130
    names = [serving.name for serving in planned.desired.servings]
    if names and options.wait:
        output.emit(f"Done. Try it:  foundry-tune chat {names[0]}")
    return 0


def _interrupted(paths: list[str], progressed: "Progressed") -> str:
    command = f"foundry-tune apply {' '.join(paths)}"
    if not progressed.running_jobs:
        return f"Stopped. Continue:  {command}"
    name = next(iter(progressed.running_jobs))
    return (
        f"The job goes on in Azure. Follow it:  {command}\n"
        f"                          Stop it:    foundry-tune cancel {name}"
    )
