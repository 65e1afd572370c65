"""The verbs that run an operation, and the small ones."""

import sys
from argparse import Namespace
from pathlib import Path

from minipulumi.checkpoint import VERSION
from minipulumi.errors import TERMINATED, PulumiError, Refused
from minipulumi.operations import Operation, Terminated
from minipulumi.project import Project, load_project, selected_stack


def preview(arguments: Namespace) -> int:
    """`pulumi preview`."""
    arguments.yes, arguments.skip_preview, arguments.preview_only = False, False, True
    return _operate("update", arguments)


def up(arguments: Namespace) -> int:
    """`pulumi up`."""
    return _operate("update", arguments)


def refresh(arguments: Namespace) -> int:
    """`pulumi refresh`."""
    return _operate("refresh", arguments)


def destroy(arguments: Namespace) -> int:
    """`pulumi destroy`."""
    return _operate("destroy", arguments)


def _operate(kind: str, arguments: Namespace) -> int:
    if arguments.refresh not in ("", "true", "false"):
        raise PulumiError(f"--refresh {arguments.refresh}: expected true or false")
    arguments.refresh = arguments.refresh == "true"
    for missing in ("replace", "continue_on_error", "clear_pending_creates"):
        if not hasattr(arguments, missing):
            setattr(arguments, missing, [] if missing == "replace" else False)
    project = load_project(Path(arguments.cwd))
    try:
        return Operation(kind, arguments, project, current_stack(arguments, project)).run()
    except Terminated:  # a second Ctrl-C after the work was done
        return TERMINATED


def current_stack(arguments: Namespace, project: Project) -> str:
    """The stack that the command is about."""
    name = arguments.stack or selected_stack(project)
    if not name:
        raise PulumiError(
            "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose"
            " one"
        )
    return stack_name(name, project)


def stack_name(name: str, project: Project) -> str:
    """Accepts `dev` and `organization/<project>/dev`."""
    *owner, last = name.split("/")
    if owner not in ([], ["organization"], ["organization", project.name]):
        raise Refused(f"a stack of another owner or project ('{name}')")
    return last


def login(arguments: Namespace) -> int:
    """`pulumi login --local` or `pulumi login file://…`."""
    from minipulumi.backend import login as remember

    url = arguments.url or ("file://~" if arguments.local else "")
    if not url:
        raise Refused(
            "the Pulumi Cloud; use `pulumi login --local` or `pulumi login file://<folder>`"
        )
    remember(url)
    sys.stdout.write(f"Logged in to {url}\n")
    return 0


def version(_: Namespace) -> int:
    """`pulumi version`."""
    sys.stdout.write(f"{VERSION}\n")
    return 0
