"""What the specs' resources are doing: revision, job, model, endpoint, content filter."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.foundry.endpoints import Endpoint
    from jobs.inventory import Holding


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("names", nargs="*", metavar="SPEC|NAME", help="only these (all)")
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """One line a spec."""
    from jobs import inventory, output
    from jobs.opening import names_of, session_of

    names = [name for what in arguments.names for name in names_of(what)]
    session = session_of(arguments)
    found = inventory.look(session)
    holdings = [found.of(name) for name in (names or found.names)]
    rows = [row(holding) for holding in holdings]
    if arguments.output != "table":
        output.emit_structured({"specs": rows}, arguments.output)
        return 0
    if not rows:
        output.emit("Nothing that foundry-tune made is in this project.")
        return 0
    header = ("NAME", "REVISION", "JOB", "MODEL", "ENDPOINT", "SAFETY", "SINCE")
    now = datetime.now(tz=UTC)
    shown = [
        [*(str(r[key]) or "-" for key in _COLUMNS), _since(str(r["created"]), now)] for r in rows
    ]
    output.emit(output.table(shown, header=header))
    return 0


_COLUMNS = ("name", "revision", "job", "model", "endpoint", "safety")


def row(holding: "Holding") -> dict[str, object]:
    """What one spec has, as JSON carries it."""
    from jobs.revision import TAG_HASH

    job, endpoint = holding.job, holding.endpoint
    newest = endpoint.created if endpoint else job.created if job else ""
    return {
        "name": holding.name,
        "revision": job.tags.get(TAG_HASH, "") if job else "",
        "job": job.status if job else "",
        "job_name": job.name if job else "",
        "model": _model(holding),
        "endpoint": _state(endpoint) if endpoint else "",
        "uri": endpoint.uri if endpoint else "",
        "safety": safety(endpoint) if endpoint else "",
        "created": newest,
    }


def safety(endpoint: "Endpoint") -> str:
    """`on` only where the filter is set AND was proven; anything else says what is wrong."""
    from jobs.revision import TAG_PROOF

    if not endpoint.is_filtered:
        return "OFF" if endpoint.content_safety == "Disabled" else "unknown"
    return "on" if TAG_PROOF in endpoint.tags else "unproven"


def _model(holding: "Holding") -> str:
    from jobs.foundry.endpoints import serves

    if holding.endpoint:
        return serves(holding.endpoint)
    return holding.models[-1].label if holding.models else ""


def _state(endpoint: "Endpoint") -> str:
    if endpoint.provisioning_state != "Succeeded":
        return endpoint.provisioning_state
    return "Healthy" if endpoint.state in {"Online", ""} else endpoint.state


def _since(created: str, now: datetime) -> str:
    from jobs.following import timestamp
    from jobs.progress import duration

    if not created:
        return "-"
    return duration(max(0.0, (now - timestamp(created)).total_seconds()))
