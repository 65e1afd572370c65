"""What apply would do: data, checks, cost, actions. Nothing in Azure is written.

With --out the plan is saved, to be reviewed and then done exactly so: foundry-tune apply plan.json

    foundry-tune plan jobs/specs/xbox-support.yaml --out plan.json
    foundry-tune plan jobs/specs/xbox-support.yaml --markdown
"""

from argparse import ArgumentParser, Namespace

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


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)
    add_date(parser)
    add_strict(parser)
    add_policy(parser)
    add_verify_data(parser)
    parser.add_argument(
        "--retrain", action="store_true", help="plan a new job where one failed or lost its model"
    )
    add_retry_refused(parser)
    parser.add_argument("--out", metavar="PLAN.json", help="save the plan, for `apply PLAN.json`")
    parser.add_argument(
        "--markdown", action="store_true", help="as a pull request's comment, instead of -o"
    )
    parser.add_argument(
        "--preview",
        metavar="FILE",
        help="what `pulumi preview` said (its text, or --json), folded into the comment",
    )
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 where there is anything to do"
    )


def run(arguments: Namespace) -> int:
    """Show the plan; its exit code says whether apply would get past it."""
    from jobs.errors import FoundryTuneError, UsageError
    from jobs.plan.report import markdown
    from jobs.terminal import output

    if arguments.preview and not arguments.markdown:
        raise UsageError("--preview is part of the comment.", next_step="Add --markdown.")
    preview = markdown.read_preview(arguments.preview) if arguments.preview else ""
    try:
        return _run(arguments, preview)
    except FoundryTuneError as error:
        if arguments.markdown:
            output.write(markdown.refusal(error, preview=preview))
        raise


def _run(arguments: Namespace, preview: str) -> int:
    from jobs.arguments import session_of
    from jobs.plan import saved
    from jobs.plan.plan import make
    from jobs.plan.report import answer, markdown
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(
        paths,
        arguments.overrides,
        on=arguments.date,
        strict=arguments.strict,
        policy=arguments.policy,
    )
    session = session_of(arguments, *paths)
    plan = make(
        session,
        specs,
        on=arguments.date,
        retrain=arguments.retrain,
        retry_refused=arguments.retry_refused,
        verify_data=arguments.verify_data,
    )
    asked = saved.asked_by(arguments, paths)
    if arguments.out:
        saved.write(arguments.out, plan, session.target, asked)
        output.progress(f"Saved. Do exactly this:  foundry-tune apply {arguments.out}")
    if arguments.markdown:
        output.write(markdown.comment(plan, session.target, preview=preview))
    elif arguments.output == "table":
        output.tell("\n".join(answer.lines(plan, session.target, command=asked.command("apply"))))
    else:
        output.emit_structured(answer.as_dict(plan, session.target), arguments.output)
    return answer.exit_code(plan, detailed=arguments.detailed_exitcode)
