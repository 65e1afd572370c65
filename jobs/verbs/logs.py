"""What a job wrote; of an online endpoint the end of what its deployment said.

foundry-tune logs NAME
foundry-tune logs NAME/DEPLOYMENT
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_target

if TYPE_CHECKING:
    from jobs.foundry.online import Managed
    from jobs.foundry.session import Session


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "name", help="a spec file, its name, a job's name, or an online endpoint's DEPLOYMENT"
    )
    parser.add_argument("--log", help="only this file of a job (all, each under its name)")
    add_target(parser)


def run(arguments: Namespace) -> int:
    """Print the job's log files, and why it failed if it did; or what a deployment said."""
    from jobs.arguments import is_spec_file, names_of, session_of
    from jobs.errors import NotFoundError
    from jobs.foundry import history, online, projects
    from jobs.look import inventory
    from jobs.terminal import output

    named, slash, deployment = arguments.name.partition("/")
    is_deployment = bool(slash) and not is_spec_file(arguments.name)
    session = session_of(arguments, arguments.name)
    name = names_of(named if is_deployment else arguments.name)[0]
    job = None if is_deployment else inventory.newest_job(session, name)
    endpoint = online.find(session, name) if job is None else None
    if endpoint is not None:
        return _said(session, online.managed(session, endpoint), deployment)
    if is_deployment:
        raise NotFoundError(
            f"The project has no online endpoint '{name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    job = job or inventory.find_job(session, name)
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


def _said(session: "Session", managed: "Managed", named: str) -> int:
    """Print the end of a deployment's log: the one that is named, that serves, or the newest."""
    from jobs.errors import NotFoundError
    from jobs.foundry import online
    from jobs.terminal import output

    newest = max(managed.deployments, key=lambda one: one.created, default=None)
    there = {one.name: one for one in managed.deployments}
    chosen = there.get(named) if named else managed.served or newest
    if chosen is None:
        raise NotFoundError(
            f"Endpoint '{managed.name}' has no such deployment.",
            next_step=f"There is: {', '.join(there) or 'none'}.",
        )
    output.progress(f"{managed.name}/{chosen.name}, {chosen.provisioning_state}")
    text = online.logs(session, managed.name, chosen.name).replace("\r\n", "\n")
    output.emit(output.plain(text.replace("\r", "\n")).rstrip("\n"))
    return 0
