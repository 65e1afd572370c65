"""What apply would do: data, checks, cost, actions. Nothing is written."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_date, add_output, add_specs, add_strict, add_target, add_verify_data


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)
    add_date(parser)
    add_strict(parser)
    add_verify_data(parser)
    parser.add_argument(
        "--retrain", action="store_true", help="plan a new job where one failed or lost its model"
    )
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 where there is anything to do"
    )


def run(arguments: Namespace) -> int:
    """Show the plan; its exit code says whether apply would get past it."""
    from jobs.arguments import session_of
    from jobs.plan.plan import make
    from jobs.plan.report import answer
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(paths, arguments.overrides, on=arguments.date, strict=arguments.strict)
    session = session_of(arguments, *paths)
    plan = make(
        session,
        specs,
        on=arguments.date,
        retrain=arguments.retrain,
        verify_data=arguments.verify_data,
    )
    if arguments.output == "table":
        output.tell("\n".join(answer.lines(plan, session.target)))
    else:
        output.emit_structured(answer.as_dict(plan, session.target), arguments.output)
    return answer.exit_code(plan, detailed=arguments.detailed_exitcode)
