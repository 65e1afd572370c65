"""Delete the endpoints that no name follows and whose time is over: they are billed by the hour.

An endpoint that another run may be at work on is left for an hour, the revision before the one that
serves for as long as its spec says (keep_previous). Of online endpoints the deployments go that get
no traffic.
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
    from jobs.apply import deployment, rollout
    from jobs.arguments import names_of, session_of
    from jobs.foundry import online
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    session = session_of(arguments, *arguments.names)
    names = [name for what in arguments.names for name in names_of(what)]
    found = inventory.look(session, names)
    now = session.arm.now
    holdings = [found.of(name) for name in names or found.names]
    left = [one for holding in holdings for one in rollout.left_over(holding, now)]
    idle = [
        one
        for holding in holdings
        if holding.online
        for one in deployment.left_over(holding.online, now)
    ]
    kept = [(one.endpoint.name, one.kept) for one in left] + [(d.label, why) for d, why in idle]
    for name, why in kept:
        if why and not arguments.now:
            output.tell(f"  =  {name}  {why}")
    going = [one for one in left if arguments.now or not one.kept]
    ending = [one for one, why in idle if arguments.now or not why]
    if not going and not ending:
        output.tell("There is no endpoint that no name follows and whose time is over.")
        return 0
    listed = ", ".join([*(one.endpoint.name for one in going), *(one.label for one in ending)])
    if not confirmed(f"This deletes {listed}.", yes=arguments.yes):
        output.progress("Nothing was deleted.")
        return 0
    for one in going:
        gone = rollout.take_down(session, one.name, one.endpoint)
        output.tell(f"  -  {one.endpoint.name}  {'deleted' if gone else 'is followed now; left'}")
    for one in ending:
        gone = online.undeploy(session, one)
        output.tell(f"  -  {one.label}  {'deleted' if gone else 'gets traffic now; left'}")
    return 0
