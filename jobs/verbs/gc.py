"""Delete the endpoints that no name follows and whose time is over: they are billed by the hour.

So are the deployments of an online endpoint that get no traffic. What another run may be at work on
is left for an hour, the revision before the one that serves for as long as its spec says
(keep_previous).
"""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("names", nargs="*", metavar="SPEC|NAME", help="only of these (all)")
    parser.add_argument("--now", action="store_true", help="also those that are still kept")
    add_target(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask before deleting")


def run(arguments: Namespace) -> int:
    """Show what goes and what stays and why, ask, and delete."""
    from jobs.apply import rollout
    from jobs.arguments import names_of, session_of
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    session = session_of(arguments, *arguments.names)
    names = [name for what in arguments.names for name in names_of(what)]
    found = inventory.look(session, names)
    holdings = map(found.of, names or found.names)
    left = [one for holding in holdings for one in rollout.left_over(holding, session.arm.now)]
    going = [one for one in left if arguments.now or not one.kept]
    for one in left:
        if one not in going:
            output.tell(f"  =  {one.title}  {one.kept}")
    if not going:
        output.tell("There is no endpoint that no name follows and whose time is over.")
        return 0
    listed = ", ".join(one.title for one in going)
    if not confirmed(f"This deletes {listed}.", yes=arguments.yes):
        output.progress("Nothing was deleted.")
        return 0
    for one in going:
        gone = rollout.retire(session, one)
        output.tell(f"  -  {one.title}  {'deleted' if gone else 'is followed now; left'}")
    return 0
