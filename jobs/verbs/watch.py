"""Keep times to live and caps on spend: warn, then take down what costs.

`ttl: 8h` and `cap: {usd_per_month: 50}` of endpoint documents, and the `cap` of foundry-policy.yaml
for the whole project. What no name follows goes first, then what is kept from before; what serves
goes only by its own ttl, where its cap says take_down_served, or with --take-down-served. Each is
looked at again before it is deleted. Exit code 5 where a cap is passed and something stays.

    foundry-tune watch jobs/specs/ --once --dry-run
    foundry-tune watch jobs/specs/ --once
    foundry-tune watch jobs/specs/ --every 10m
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_output, add_policy, add_specs, add_target

if TYPE_CHECKING:
    from datetime import timedelta

    from jobs.apply.limits import Costing, Due
    from jobs.foundry.session import Session
    from jobs.plan.caps import MonthlyCap
    from jobs.plan.desired import Desired
    from jobs.read.examine import CheckedSpecs

OVER = 5
"""A cap is passed, and something that costs stays."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_target(parser)
    add_policy(parser)
    add_output(parser)
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.add_argument("--dry-run", action="store_true", help="tell what would go; write nothing")
    parser.add_argument(
        "--every", type=_span, default=None, metavar="10m", help="time between two looks (10m)"
    )
    parser.add_argument(
        "--take-down-served", action="store_true", help="at its cap what serves goes too"
    )


def _span(text: str) -> "timedelta":
    from jobs.values import span

    found = span(text)
    if not found:
        raise ArgumentTypeError(f"'{text}' is not a time like 10m or 1h")
    return found


def run(arguments: Namespace) -> int:
    """Look, tell, take down; once, or for as long as it runs."""
    import time

    from jobs.arguments import session_of
    from jobs.errors import RemoteError
    from jobs.plan import desired
    from jobs.plan.caps import caps_of
    from jobs.read.examine import readable
    from jobs.read.paths import spec_paths
    from jobs.terminal import output

    paths = spec_paths(arguments)
    specs = readable(paths, arguments.overrides, policy=arguments.policy)
    asked = desired.read(specs.chapters, specs.team_prices)
    caps = caps_of(specs, asked.endpoints, served_too=arguments.take_down_served)
    if not caps and not any(one.spec.ttl for one in asked.endpoints):
        return _nothing_to_keep(arguments)
    session = session_of(arguments, *paths)
    while True:
        try:
            code = _look(session, specs, asked, caps, arguments)
        except RemoteError as error:
            if arguments.once:
                raise
            output.progress(f"{error}")
            code = error.exit_code
        if arguments.once:
            return code
        time.sleep(arguments.every.total_seconds() if arguments.every else 600)


def _nothing_to_keep(arguments: Namespace) -> int:
    """A night in which nothing has a limit is a good one; to watch it for ever is a mistake."""
    from jobs.errors import UsageError
    from jobs.terminal import output

    message = "Neither these specs nor a policy above them has a ttl or a cap."
    if not arguments.once:
        raise UsageError(
            message,
            next_step="Write ttl: 8h or cap: {usd_per_month: 50} into an endpoint document.",
        )
    if arguments.output == "table":
        output.tell(message)
    else:
        output.emit_structured({"limits": [], "endpoints": []}, arguments.output)
    return 0


def _look(
    session: "Session",
    specs: "CheckedSpecs",
    asked: "Desired",
    caps: "list[MonthlyCap]",
    arguments: Namespace,
) -> int:
    from jobs.apply import limits
    from jobs.foundry import projects
    from jobs.plan.caps import hour_price
    from jobs.terminal import output

    projects.get(session)  # Azure's own time comes with its first answer
    now = session.arm.now
    due = limits.look(session, asked.endpoints, caps, hour_price(specs, asked), now)
    told: list[tuple[Costing, str]] = []
    if arguments.dry_run:
        told += [(one, f"would be deleted: {one.why}") for one in due.going]
        failed = [*due.unkept]
    else:
        kept = limits.keep(session, due, lambda one, what: told.append((one, what)))
        failed = [*due.unkept, *kept]
    told += [(one, _why_it_stays(one)) for one in due.staying]
    if arguments.output == "table":
        output.tell(_text(due, told))
    else:
        output.emit_structured(_record(due, told), arguments.output)
    if failed:
        raise failed[0]
    return OVER if due.staying else 0


def _why_it_stays(one: "Costing") -> str:
    if not one.name:
        return f"stays: foundry-tune didn't make it; {one.why}"
    return f"stays: it serves '{one.name}'; {one.why}"


def _text(due: "Due", told: "list[tuple[Costing, str]]") -> str:
    from jobs.terminal import output

    words = {"ok": "", "warns": "soon", "over": "OVER"}
    rows = [(one.of, one.kind, one.limit, one.now, words[one.state]) for one in due.standings]
    lines = (
        [output.plain(output.table(rows, header=("OF", "", "LIMIT", "NOW", "")))] if rows else []
    )
    lines += [f"  {'-' if 'deleted' in what else '='}  {one.label}  {what}" for one, what in told]
    return "\n".join(lines) or "Nothing has a limit that could be over."


def _record(due: "Due", told: "list[tuple[Costing, str]]") -> dict[str, object]:
    return {
        "limits": [
            {"of": one.of, "kind": one.kind, "limit": one.limit, "now": one.now, "state": one.state}
            for one in due.standings
        ],
        "endpoints": [
            {"name": one.label, "role": one.role, "of": one.name, "what": what}
            for one, what in told
        ],
    }
