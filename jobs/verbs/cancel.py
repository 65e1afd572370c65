"""Stop a job."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    add_target(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def run(arguments: Namespace) -> int:
    """Cancel the job, unless it is over."""
    from jobs.arguments import names_of, session_of
    from jobs.foundry import jobs
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    session = session_of(arguments, arguments.name)
    job = inventory.find_job(session, names_of(arguments.name)[0])
    if job.is_finished:
        output.tell(f"Job '{job.name}' is over already: {job.status}.")
        return 0
    if not confirmed(f"This stops job '{job.name}' ({job.status}).", yes=arguments.yes):
        output.progress("The job goes on.")
        return 0
    jobs.cancel(session, job.name)
    output.tell(f"Job '{job.name}' canceled.")
    return 0
