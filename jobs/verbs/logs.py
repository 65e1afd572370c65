"""What a job wrote."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, its name, or a job's name")
    parser.add_argument("--log", help="only this file (all, each under its name)")
    add_target(parser)


def run(arguments: Namespace) -> int:
    """Print the job's log files, and why it failed if it did."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import NotFoundError
    from jobs.foundry import history, projects
    from jobs.look import inventory
    from jobs.terminal import output

    session = session_of(arguments, arguments.name)
    job = inventory.find_job(session, names_of(arguments.name)[0])
    api = projects.data_plane(session, projects.get(session))
    details = history.details(session, api, job.name)
    chosen = {
        name: address
        for name, address in details.log_files.items()
        if arguments.log in {None, name}
    }
    if not chosen:
        there = ", ".join(details.log_files) or "none yet"
        raise NotFoundError(
            f"Job '{job.name}' ({job.status}) has no such log.", next_step=f"There is: {there}."
        )
    for name, address in sorted(chosen.items()):
        if len(chosen) > 1:
            output.emit(f"── {name}")
        text = history.log(session, address).replace("\r\n", "\n").replace("\r", "\n")
        output.emit(output.plain(text).rstrip("\n"))
    for warning in details.warnings:
        output.progress(f"Warning: {warning}")
    if details.error_message:
        output.progress(f"{details.error_code or 'Error'}: {details.error_message}")
    return 0
