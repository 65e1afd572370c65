"""The revisions of a name, newest first: when, by whom, what each changed, and which one serves.

Of an online endpoint the deployments: what each serves, and since when it has had the traffic.
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.look.deployments import DeployedRevision
    from jobs.look.revisions import Revision


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, or its name")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """One line a revision."""
    from jobs.arguments import names_of, session_of
    from jobs.errors import NotFoundError
    from jobs.look import deployments, inventory, revisions
    from jobs.terminal import output

    name = names_of(arguments.name)[0]
    holding = inventory.look(session_of(arguments, arguments.name), [name]).of(name)
    found = revisions.of(holding)
    deployed = deployments.of(holding.online) if holding.online else []
    if not found and holding.online is None:
        raise NotFoundError(
            f"The project has no training of '{name}', and no online endpoint.",
            next_step="foundry-tune status lists what there is.",
        )
    if arguments.output != "table":
        rows = [_record(revision) for revision in found]
        served = [_deployed_record(one) for one in deployed]
        output.emit_structured(
            {"name": name, "revisions": rows, "deployments": served}, arguments.output
        )
        return 0
    header = ("REVISION", "SUBMITTED", "BY", "JOB", "MODEL", "SERVED", "CHANGED")
    if found:
        output.tell_table(map(_row, found), header=header)
    if found and deployed:
        output.tell("")
    if holding.online:
        header = ("DEPLOYMENT", "MADE", "MODEL", "STATE", "TRAFFIC", "SERVED")
        output.tell_table(map(_deployed_row, deployed), header=header)
    return 0


def _row(revision: "Revision") -> list[str]:
    return [
        revision.id or "-",
        revision.job.created[:16].replace("T", " "),
        revision.job.created_by or "-",
        revision.job.status,
        revision.model.label if revision.model else "-",
        _served(revision),
        revision.words,
    ]


def _served(revision: "Revision") -> str:
    since = revision.since[:16].replace("T", " ")
    if revision.is_served:
        return f"since {since}" if since else "yes"
    return f"from {since}, no more" if since else "no"


def _record(revision: "Revision") -> dict[str, object]:
    changes = revision.changes
    return {
        "revision": revision.id,
        "submitted": revision.job.created,
        "submitted_by": revision.job.created_by,
        "job": revision.job.name,
        "status": revision.job.status,
        "model": revision.model.label if revision.model else None,
        "serves": revision.is_served,
        "served_since": revision.since or None,
        "changes": None
        if changes is None
        else {field: {"before": old, "after": new} for field, (old, new) in changes.items()},
    }


def _deployed_row(one: "DeployedRevision") -> list[str]:
    made = one.deployment.created[:16].replace("T", " ") if one.deployment else "-"
    since = one.since[:16].replace("T", " ")
    told = "since {}" if one.share else "from {}, no more"
    served = told.format(since) if since else "yes" if one.share else "no"
    return [one.name, made, one.model or "-", one.state, f"{one.share} %", served]


def _deployed_record(one: "DeployedRevision") -> dict[str, object]:
    return {
        "deployment": one.name,
        "made": one.deployment.created if one.deployment else None,
        "model": one.model or None,
        "state": one.state,
        "traffic": one.share,
        "served_since": one.since or None,
    }
