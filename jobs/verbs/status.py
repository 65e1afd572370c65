"""What the specs' resources are doing: revision, job, model, endpoint, content filter."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import cast

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("names", nargs="*", metavar="SPEC|NAME", help="only these (all)")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """One line a spec."""
    from jobs.arguments import names_of, session_of
    from jobs.foundry import projects
    from jobs.look import inventory
    from jobs.look.served import served
    from jobs.look.status import endings, row
    from jobs.terminal import output

    names = [name for what in arguments.names for name in names_of(what)]
    session = session_of(arguments, *arguments.names)
    found = inventory.look(session)
    holdings = [found.of(name) for name in (names or found.names)]
    by_endpoint = {one.endpoint.name: one for one in served(found, projects.get(session))}
    own = [by_endpoint.get(held.endpoint.name) if held.endpoint else None for held in holdings]
    rows = [row(held, one) for held, one in zip(holdings, own, strict=True)]
    if arguments.output != "table":
        output.emit_structured({"specs": rows}, arguments.output)
        return 0
    if not rows:
        output.tell("Nothing that foundry-tune made is in this project.")
        return 0
    header = ("NAME", "REVISION", "JOB", "MODEL", "ENDPOINT", "SAFETY", "SINCE")
    now = datetime.now(tz=UTC)
    shown = [
        [*(str(r[key]) or "-" for key in _COLUMNS), _since(str(r["created"]), now)] for r in rows
    ]
    output.tell_table(shown, header=header)
    for one in rows:
        if one["newer_job"]:
            output.tell(
                f"Newer than what {one['name']} serves: {one['newer_job']}, "
                f"{one['newer_job_status']}    foundry-tune history {one['name']}"
            )
        if one["beside"]:
            names = ", ".join(map(str, cast("list[str]", one["beside"])))
            output.tell(f"Beside {one['name']}, and billed: {names}    foundry-tune gc")
    if warnings := endings(filter(None, own), session.arm.now.date()):
        output.tell("\n" + "\n".join(warnings))
    return 0


_COLUMNS = ("name", "revision", "job", "model", "endpoint", "safety")


def _since(created: str, now: datetime) -> str:
    from jobs.foundry.history import timestamp
    from jobs.terminal.progress import duration

    if not created:
        return "-"
    return duration(max(0.0, (now - timestamp(created)).total_seconds()))
