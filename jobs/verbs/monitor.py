"""What an endpoint is asked and costs, and whether what it was promoted by still holds.

Calls, tokens, times, errors and refusals come from Azure Monitor, whose numbers are minutes late.
Then canaries are asked again: the filter's probes and, with the spec, its smoke tests and a few
questions of its evaluations. That costs a little money; --no-canaries asks nothing. Exit code 6
means that the content filter is not in force, 7 that a smoke test or a gate no longer holds: so a
nightly run can raise it.

foundry-tune monitor jobs/specs/xbox-support.yaml
foundry-tune monitor jobs/specs/
foundry-tune monitor xbox-support --since 7d --no-canaries -o json
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.foundry.session import Session
    from jobs.watch.asked import Asked
    from jobs.watch.watch import Watched


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "name",
        metavar="SPEC|DIR|NAME",
        help="the spec file, a folder of them, or the endpoint's name",
    )
    parser.add_argument(
        "-f",
        "--file",
        action="append",
        default=[],
        help="the spec that says what the endpoint was promoted by, where a name is given",
    )
    parser.add_argument(
        "--since",
        type=_span,
        default=timedelta(days=1),
        metavar="24h",
        help="how far back: 90m, 24h, 7d; 93d at most (24h)",
    )
    parser.add_argument("--no-canaries", action="store_true", help="ask the endpoint nothing")
    parser.add_argument(
        "--questions",
        type=int,
        default=20,
        metavar="N",
        help="how many questions of each evaluation are asked again (20)",
    )
    add_target(parser)
    add_output(parser)


def _span(text: str) -> timedelta:
    from jobs.foundry.metrics import RETENTION_DAYS
    from jobs.values import span as read

    span = read(text)
    if not span:
        raise ArgumentTypeError(f"'{text}' is not a time like 90m, 24h or 7d")
    if span > timedelta(days=RETENTION_DAYS):
        raise ArgumentTypeError(f"Azure Monitor keeps {RETENTION_DAYS} days, and {text} is more")
    return span


def run(arguments: Namespace) -> int:
    """Look, ask again, tell; and raise what no longer holds."""
    from pathlib import Path

    from jobs.arguments import session_of
    from jobs.terminal import output
    from jobs.watch import report
    from jobs.watch.asked import asked_for
    from jobs.watch.watch import require_held

    if Path(arguments.name).is_dir():
        return _folder(arguments)
    asked = asked_for(arguments.name, arguments.file)
    found = _watched(session_of(arguments, arguments.name, *arguments.file), asked, arguments)
    if arguments.output == "table":
        output.tell("\n".join(report.lines(found)))
    else:
        output.emit_structured(report.record(found), arguments.output)
    require_held(found, asked)
    return 0


def _folder(arguments: Namespace) -> int:
    """Every endpoint that the folder's specs serve; the worst of what no longer holds is raised."""
    from jobs.arguments import session_of
    from jobs.errors import FoundryTuneError
    from jobs.look import inventory
    from jobs.read.paths import spec_paths
    from jobs.terminal import output
    from jobs.watch import report
    from jobs.watch.asked import served_by
    from jobs.watch.watch import require_held

    paths = spec_paths(Namespace(specs=[arguments.name], file=arguments.file))
    session = session_of(arguments, *paths)
    failures: list[FoundryTuneError] = []
    records: list[dict[str, object]] = []
    for asked in served_by(paths):
        if not inventory.is_served(session, asked.name):
            output.progress(f"{asked.name}  isn't served yet")
            continue
        try:
            found = _watched(session, asked, arguments)
            records.append(report.record(found))
            if arguments.output == "table":
                output.tell("\n".join(report.lines(found)))
            require_held(found, asked)
        except FoundryTuneError as error:
            failures.append(error)
    if arguments.output != "table":
        output.emit_structured({"endpoints": records}, arguments.output)
    failures.sort(key=lambda error: error.exit_code)
    for error in failures[1:]:
        output.progress(str(error))
    if failures:
        raise failures[0]
    return 0


def _watched(session: "Session", asked: "Asked", arguments: Namespace) -> "Watched":
    from jobs.terminal import output
    from jobs.watch.watch import watch

    questions = None if arguments.no_canaries else max(0, arguments.questions)
    return watch(session, asked, arguments.since, questions=questions, tell=output.progress)
