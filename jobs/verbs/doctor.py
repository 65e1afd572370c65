"""Which target, credential and settings win, and whether Azure is within reach."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "spec", nargs="?", metavar="SPEC", help="look from this spec (from the current folder)"
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Say what wins, then try it; the exit code is that of the first thing that fails."""
    from jobs.look.doctor import diagnose
    from jobs.terminal import output

    report = diagnose(
        subscription_id=arguments.subscription,
        resource_group=arguments.resource_group,
        project=arguments.project,
        stack=arguments.stack,
        spec=arguments.spec,
    )
    if arguments.output != "table":
        output.emit_structured(report.as_dict(), arguments.output)
    else:
        output.emit("\n".join(report.lines()))
    return report.exit_code
