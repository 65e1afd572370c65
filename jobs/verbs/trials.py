"""The trials of a sweep: parameters, how each ended, its losses, its cost, and which is best."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_date, add_output, add_specs, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_output(parser)
    add_date(parser)


def run(arguments: Namespace) -> int:
    """One line a trial, from the spec and what Azure has of it; nothing is written."""
    from jobs.arguments import session_of
    from jobs.errors import UsageError
    from jobs.plan.plan import make
    from jobs.plan.report import trials
    from jobs.read.examine import checked
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = checked(paths, arguments.overrides, on=arguments.date, strict=False)
    if not any(getattr(chapter.spec, "sweep", None) for chapter in specs.chapters):
        raise UsageError(
            f"{' '.join(paths)} has no sweep.",
            next_step="The revisions of a name: foundry-tune history NAME",
        )
    plan = make(session_of(arguments, *paths), specs, on=arguments.date)
    if arguments.output == "table":
        tables = [trials.lines(found, specs) for found in plan.standings.values()]
        output.emit("\n\n".join("\n".join(table) for table in tables))
    else:
        value = [trials.as_dict(found, specs) for found in plan.standings.values()]
        output.emit_structured({"sweeps": value}, arguments.output)
    return 0
