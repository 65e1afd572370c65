"""The revisions of a name, newest first: when, by whom, what each changed, and which one serves."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
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
    from jobs.look import inventory, revisions
    from jobs.terminal import output

    name = names_of(arguments.name)[0]
    found = revisions.of(inventory.look(session_of(arguments, arguments.name), [name]).of(name))
    if not found:
        raise NotFoundError(
            f"The project has no training of '{name}'.",
            next_step="foundry-tune status lists what there is.",
        )
    if arguments.output != "table":
        rows = [_record(revision) for revision in found]
        output.emit_structured({"name": name, "revisions": rows}, arguments.output)
        return 0
    header = ("REVISION", "SUBMITTED", "BY", "JOB", "MODEL", "SERVED", "CHANGED")
    output.tell_table(map(_row, found), header=header)
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
