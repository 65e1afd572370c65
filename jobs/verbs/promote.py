"""Let the name follow a revision that is ready: made with --no-promote, or rolled back before.

foundry-tune promote xbox-support
foundry-tune promote xbox-support a8bbe5a87e
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.options import add_target

if TYPE_CHECKING:
    from jobs.apply.switch import Goal
    from jobs.foundry.online import Managed
    from jobs.foundry.session import Session
    from jobs.look.inventory import Holding


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_revision(parser, default="the one that waits")


def run(arguments: Namespace) -> int:
    """Show what would serve, ask, prove, and lead the name there."""
    from jobs.apply import switch

    return led(arguments, switch.ready, rolling_back=False)


def add_revision(parser: ArgumentParser, *, default: str) -> None:
    """A name, the revision that it is to follow, and where."""
    parser.add_argument("name", help="the endpoint's name, or the spec file that makes it")
    parser.add_argument(
        "revision", nargs="?", default="", help=f"its hash, or the start of it ({default})"
    )
    add_target(parser)
    parser.add_argument(
        "--settle",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long the content filter may take to come into force (120)",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def led(
    arguments: Namespace, choose: "Callable[[Holding, str], Goal]", *, rolling_back: bool
) -> int:
    """Lead a name to the revision that is chosen among those it has."""
    import time

    from jobs.apply import switch
    from jobs.apply.endpoint import Settling
    from jobs.arguments import endpoint_named, session_of
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.progress import Reporter
    from jobs.terminal.question import confirmed

    name = endpoint_named(arguments.name, online_too=True)
    session = session_of(arguments, arguments.name)
    holding = inventory.look(session, [name]).of(name)
    if holding.online and holding.is_online:
        return _rerouted(session, holding.online, arguments, back=rolling_back)
    goal = choose(holding, arguments.revision)
    now = holding.pointer.endpoint if holding.pointer else "nothing"
    costs = "" if goal.alive else " It opens an endpoint billed by the hour."
    question = f"This leads '{name}' from {now} to {goal.endpoint}.{costs}"
    if not confirmed(question, yes=arguments.yes):
        output.progress("Nothing was done.")
        return 0
    report = Reporter(name_width=len(goal.endpoint), alone=True)
    try:
        pointer = switch.lead(
            session,
            holding,
            goal,
            report,
            Settling(seconds=arguments.settle, pause=time.sleep),
            rolling_back=rolling_back,
        )
    finally:
        report.close()
    report.result("connection", name, f"{now} -> {pointer.endpoint}")
    return 0


def _rerouted(session: "Session", managed: "Managed", arguments: Namespace, *, back: bool) -> int:
    """The same of an online endpoint: its traffic, led from one deployment to another."""
    from jobs.apply import reroute
    from jobs.foundry.online import shares
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    if not back and reroute.is_gone(managed, arguments.revision):
        reroute.forgive(session, managed)
        gone = managed.endpoint.course.withdrawn
        output.tell(
            f"{gone}, which '{managed.name}' was rolled back from, was deleted since. The next "
            "apply of its spec deploys it, proves it and gives it the traffic."
        )
        return 0
    choose = reroute.earlier if back else reroute.ready
    goal, now = choose(managed, arguments.revision), shares(managed.endpoint.traffic)
    question = f"This leads the traffic of '{managed.name}' from {now} to {goal.name}."
    if not confirmed(question, yes=arguments.yes):
        output.progress("Nothing was done.")
        return 0
    moved = reroute.lead(session, managed, goal, back=back)
    output.tell(f"traffic  {managed.name}  {now} -> {shares(moved.traffic)}")
    if moved.course.kept_until:
        output.tell(
            f"{moved.course.previous} is kept until {moved.course.kept_until[:16]} UTC, and "
            f"billed    foundry-tune gc {managed.name} --now"
        )
    return 0
