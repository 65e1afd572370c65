"""Do it: upload, fine-tune, register, serve, prove. Safe to stop anywhere and to run again.

Two at once make one job and one endpoint. A `down` of the same spec beside it takes away what it
makes, or says that nothing is left just before it makes more: run one after the other.

A plan that `plan --out` saved is done exactly as it was saved: the plan is made anew, and refused
with exit code 11 where files or Azure moved since. Killed, it goes on with the same command.

    foundry-tune apply jobs/specs/xbox-support.yaml
    foundry-tune apply plan.json --yes
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jobs.options import (
    add_date,
    add_output,
    add_policy,
    add_retry_refused,
    add_specs,
    add_strict,
    add_target,
    add_verify_data,
)

if TYPE_CHECKING:
    from jobs.foundry.session import Session
    from jobs.plan.plan import Plan
    from jobs.plan.saved import PlanRequest, SavedPlan


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_date(parser)
    add_strict(parser)
    add_policy(parser)
    add_verify_data(parser)
    add_output(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask before spending")
    parser.add_argument("--no-wait", action="store_true", help="submit, and don't wait for the job")
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="train, and pay, once more where a job failed, was canceled or lost its model",
    )
    add_retry_refused(parser)
    parser.add_argument(
        "--no-promote",
        action="store_true",
        help="make and prove a new revision, and leave the name with the one that serves",
    )
    parser.add_argument(
        "--keep-candidate",
        action="store_true",
        help="leave a revision that misses a test or gate up, and billed, to be looked at",
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

    from jobs.apply.run import Interrupted, refuse_blocked
    from jobs.apply.sweep import run_whole
    from jobs.apply.work import Options
    from jobs.arguments import session_of
    from jobs.money.cost import hold
    from jobs.plan import saved
    from jobs.plan.plan import make
    from jobs.plan.preflight import require_passed
    from jobs.plan.report import answer
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output
    from jobs.terminal.progress import Reporter
    from jobs.terminal.question import confirmed

    reviewed = _saved(arguments)
    asked = reviewed.asked if reviewed else saved.asked_by(arguments, spec_paths(arguments))
    paths = list(asked.specs)
    if reviewed:
        saved.require_files(reviewed)
    specs = checked(paths, asked.overrides, on=asked.on, strict=asked.strict, policy=asked.policy)
    session = session_of(arguments, *paths)
    if reviewed:
        saved.require_target(reviewed, session.target)
    plan = make(
        session,
        specs,
        on=asked.on,
        retrain=asked.retrain,
        retry_refused=asked.retry_refused or arguments.keep_candidate,
        verify_data=asked.verify_data,
    )
    if reviewed:
        saved.require_unmoved(reviewed, plan, session.target)
    for_program = arguments.output != "table"
    tell = output.progress if for_program else output.tell
    tell("\n".join(answer.lines(plan, session.target)))
    if plan.is_empty:
        _keep_lock(session, plan, asked)
        if for_program:
            output.emit_structured({"evaluations": []}, arguments.output)
        return 0
    require_passed(plan.checks)
    refuse_blocked(plan)
    if plan.spends:
        hold(specs.costs)
    if not confirmed(answer.question(plan), yes=arguments.yes):
        output.progress("Nothing was done.")
        return 0
    widths = [len(action.name) for action in plan.actions if len(action.name) <= 40]
    alone = len(plan.desired.servings) <= 1
    report = Reporter(name_width=max(widths, default=30), alone=alone, aside=for_program)
    options = Options(
        wait=not arguments.no_wait,
        settle_seconds=arguments.settle,
        promote=not arguments.no_promote,
        keep_candidate=arguments.keep_candidate,
    )
    command = f"foundry-tune apply {reviewed.file}" if reviewed else asked.command("apply")
    try:
        run_whole(session, plan, report, options)
    except Interrupted as interrupt:
        sys.stderr.write("\n" + _interrupted(command, interrupt.running_jobs) + "\n")
        return 130
    finally:
        if for_program:
            output.emit_structured({"evaluations": [], **report.records}, arguments.output)
    _keep_lock(session, plan, asked)
    names = [serving.name for serving in plan.desired.servings]
    if names and options.wait and options.promote:
        tell(f"Done. Try it:  foundry-tune chat {names[0]}")
    elif plan.desired.hostings and options.promote:
        tell(f"Done. Ask it:  foundry-tune connect {plan.desired.hostings[0].name}")
    return 0


def _keep_lock(session: "Session", plan: "Plan", asked: "PlanRequest") -> None:
    """Write the lock anew where there is one: what it says was made is what is there now."""
    from jobs.plan import lock
    from jobs.plan.plan import again

    path = lock.path_of(asked.specs[0])
    if path.exists() and not asked.overrides:
        now = plan if plan.is_empty else again(session, plan)
        lock.write(path, lock.made(now, session.target, list(asked.specs), path.parent))


def _saved(arguments: Namespace) -> "SavedPlan | None":
    """The saved plan that the command line names, if it names one.

    Raises:
        UsageError: It names something else beside it, or options that the plan has decided.
    """
    from jobs.errors import UsageError
    from jobs.plan import saved

    named = [*arguments.specs, *arguments.file]
    found = [name for name in named if name.endswith(".json")]
    if not found:
        return None
    decided = (
        arguments.overrides,
        arguments.retrain,
        arguments.retry_refused,
        arguments.strict,
        arguments.verify_data,
        arguments.date,
        arguments.policy,
    )
    if len(named) > 1 or any(decided):
        raise UsageError(
            f"{found[0]} says by itself what is to be done.",
            next_step="Leave out other specs, --set, --date, --strict, --policy, --retrain, "
            "--retry-refused and --verify-data, or give them to `plan --out`.",
        )
    return saved.read(found[0])


def _interrupted(command: str, running_jobs: Mapping[str, str]) -> str:
    from jobs.terminal import output

    if not running_jobs:
        return f"Stopped. Continue:  {command}"
    head, it = "The job goes on in Azure. ", "it"
    if len(running_jobs) > 1:
        head, it = "The jobs go on in Azure. ", "them"
    names = dict.fromkeys(running_jobs.values())
    stops = ((f"{'':<{len(head)}}Stop {it}:", f"foundry-tune cancel {name}") for name in names)
    return output.table([(f"{head}Follow {it}:", command), *stops])
