"""Stop a job, or all jobs of a spec that are under way: those of a sweep, for one."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    add_target(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")


def run(arguments: Namespace) -> int:
    """Cancel what isn't over."""
    from jobs.arguments import names_of, session_of
    from jobs.foundry import jobs
    from jobs.look import inventory
    from jobs.terminal import output
    from jobs.terminal.question import confirmed

    session = session_of(arguments, arguments.name)
    found = inventory.find_jobs(session, names_of(arguments.name)[0])
    going = [job for job in found if not job.is_finished]
    if not going:
        output.tell(f"Job '{found[0].name}' is over already: {found[0].status}.")
        return 0
    words = ", ".join(f"'{job.name}' ({job.status})" for job in going)
    them, go = ("job", "job goes") if len(going) == 1 else ("jobs", "jobs go")
    if not confirmed(f"This stops {them} {words}.", yes=arguments.yes):
        output.progress(f"The {go} on.")
        return 0
    for job in going:
        jobs.cancel(session, job.name)
        output.tell(f"Job '{job.name}' canceled.")
    return 0
