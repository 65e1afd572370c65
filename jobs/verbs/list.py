"""The jobs, models and endpoints of the project, foundry-tune's and others."""

from argparse import ArgumentParser, Namespace

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "what", nargs="?", choices=("jobs", "models", "endpoints"), help="only these (all)"
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """One line a resource."""
    from jobs.arguments import session_of
    from jobs.foundry.endpoints import serves
    from jobs.look import inventory
    from jobs.look.status import deployed, safety, state
    from jobs.revision import TAG_SPEC
    from jobs.terminal import output

    found = inventory.look(session_of(arguments))
    specs = {job.name: job.tags.get(TAG_SPEC, "") for job in found.jobs}
    rows: list[dict[str, str]] = []
    if arguments.what in {None, "jobs"}:
        rows += [
            {"type": j.kind, "name": j.name, "state": j.status,
             "about": j.base_model.rpartition("/models/")[2] or j.command.get("command", "")[:40],
             "spec": j.tags.get(TAG_SPEC, "")}
            for j in found.jobs
        ]  # fmt: skip
    if arguments.what in {None, "models"}:
        rows += [
            {
                "type": "model",
                "name": m.label,
                "state": "registered",
                "about": m.job,
                "spec": specs.get(m.job, ""),
            }
            for m in found.models
        ]
    if arguments.what in {None, "endpoints"}:
        rows += [
            {"type": "endpoint", "name": e.name, "state": state(e),
             "about": f"{serves(e)}, safety {safety(e)}", "spec": e.tags.get(TAG_SPEC, "")}
            for e in found.endpoints
        ]  # fmt: skip
        rows += [
            {"type": "online_endpoint", "name": one.name, "state": shown["endpoint"],
             "about": f"{shown['model']}, {shown['safety']}",
             "spec": one.endpoint.tags.get(TAG_SPEC, "")}
            for one in found.onlines
            for shown in [deployed(one)]
        ]  # fmt: skip
    if arguments.output != "table":
        output.emit_structured({"resources": list(rows)}, arguments.output)
        return 0
    if not rows:
        output.tell("The project has none.")
        return 0
    columns = ("type", "name", "state", "about", "spec")
    shown = [[row[column] or "-" for column in columns] for row in rows]
    output.tell_table(shown, header=[column.upper() for column in columns])
    return 0
