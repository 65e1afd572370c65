"""Follow a job to its end; the exit code says how it ended."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="stop looking after this long (exit 101)"
    )
    add_target(parser)


def run(arguments: Namespace) -> int:
    """0 for Completed, 100 for Failed, 103 for Canceled, 101 where the timeout came first."""
    import time

    from jobs.apply.job import follow
    from jobs.arguments import names_of, session_of
    from jobs.errors import JobNotFinishedError
    from jobs.foundry import projects
    from jobs.look import inventory
    from jobs.terminal.progress import Reporter

    session = session_of(arguments, arguments.name)
    job = inventory.find_job(session, names_of(arguments.name)[0])
    report = Reporter(name_width=len(job.name))
    until = time.monotonic() + arguments.timeout if arguments.timeout is not None else None

    def pause(seconds: float) -> None:
        if until is not None and time.monotonic() + seconds > until:
            raise JobNotFinishedError(
                f"Job '{job.name}' is not finished after {arguments.timeout:g} s.",
                next_step="It goes on in Azure. Run the same command again to look once more.",
            )
        time.sleep(seconds)

    try:
        follow(session, projects.get(session), job, report, pause, adopted=False)
    finally:
        report.close()
    return 0
