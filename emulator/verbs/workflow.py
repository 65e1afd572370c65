"""Become the command, in the environment of a workflow's job: its token is all it has."""

import argparse
import os

from emulator.living import child
from emulator.living.control import ask
from emulator.words import remark


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--repository", required=True, metavar="ORG/REPO")
    parser.add_argument("--environment", default="", metavar="NAME", help="the job's environment")
    parser.add_argument("--ref", default="refs/heads/main", help="the branch or tag it runs for")
    parser.add_argument("--pull-request", action="store_true", help="it runs for a pull request")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")


def run(arguments: argparse.Namespace) -> int:
    """Become it."""
    from emulator.rehearsal.workflow import job_environment
    from emulator.services.githubactions.runner import WorkflowJob

    command = child.command_of(arguments.command, "workflow …")
    job = WorkflowJob(
        repository=arguments.repository,
        environment=arguments.environment,
        ref=arguments.ref,
        pull_request=arguments.pull_request,
    )
    started = ask(
        "POST",
        "/workflow-jobs",
        {
            "repository": job.repository,
            "environment": job.environment,
            "ref": job.ref,
            "pull_request": job.pull_request,
        },
    )
    environment = job_environment(os.environ, job, started["url"], started["token"])
    try:
        os.execvpe(command[0], command, environment)  # the user's own command
    except OSError as error:
        remark(f"{command[0]}: {error.strerror}")
        return 127
