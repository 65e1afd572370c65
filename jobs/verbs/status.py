"""What the specs' resources are doing: revision, job, model, endpoint, content filter."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from jobs.options import add_output, add_target


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("names", nargs="*", metavar="SPEC|NAME", help="only these (all)")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """One line a spec."""
    from jobs.arguments import names_of, session_of
    from jobs.look import inventory
    from jobs.look.status import row
    from jobs.terminal import output

    names = [name for what in arguments.names for name in names_of(what)]
    session = session_of(arguments, *arguments.names)
    found = inventory.look(session)
    holdings = [found.of(name) for name in (names or found.names)]
    rows = [row(holding) for holding in holdings]
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
    output.tell(output.table(shown, header=header))
    return 0


_COLUMNS = ("name", "revision", "job", "model", "endpoint", "safety")


def _since(created: str, now: datetime) -> str:
    from jobs.foundry.history import timestamp
    from jobs.terminal.progress import duration

    if not created:
        return "-"
    return duration(max(0.0, (now - timestamp(created)).total_seconds()))
