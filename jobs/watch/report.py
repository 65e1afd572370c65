"""What a look at an endpoint found: rows for people, and JSON."""

from collections.abc import Iterator

from jobs.foundry.endpoints import serves
from jobs.look.monitor import Traffic
from jobs.look.status import safety
from jobs.money.cost import CostLine
from jobs.money.so_far import total
from jobs.terminal.output import table
from jobs.terminal.progress import duration
from jobs.watch.watch import Canaries, Watched

_PROMOTED = {
    True: "by all that the spec says",
    False: "not by what the spec says now: foundry-tune plan shows the difference",
    None: "no spec is named, so what it was promoted with is asked, as far as it was kept: -f SPEC",
}

Row = tuple[str, str]


def lines(found: Watched) -> list[str]:
    """A headline, and a row a subject."""
    endpoint, usage = found.endpoint, found.usage
    head = f"{endpoint.name}  serves {serves(endpoint)}, content filter {safety(endpoint)}"
    rows = [*_usage(usage), *_money(found), *_canaries(found)]
    since = f"the last {duration(usage.hours * 3600)}{', since it was made' * found.is_young}"
    return [f"{head}; {since}", table(rows, indent="  ")]


def _usage(usage: Traffic) -> Iterator[Row]:
    if usage.unread:
        yield "calls", f"unverified: {usage.unread}"
        return
    yield "calls", "unknown" if usage.calls is None else f"{usage.calls:,}"
    if usage.tokens is not None:
        yield "tokens", f"{usage.tokens[0]:,} read, {usage.tokens[1]:,} written"
    if usage.seconds is not None:
        mean, most = usage.seconds
        yield "latency", f"{mean:.2f} s until an answer begins, {most:.2f} s at most"
    for what, counts in (("errors", usage.errors), ("refused", usage.refused)):
        if counts is not None:
            each = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            yield what, f"{sum(counts.values()):,}" + (f" ({each})" if each else "")
    if usage.untold:
        yield "", f"Azure Monitor has no {', '.join(usage.untold)} of this endpoint"


def _money(found: Watched) -> Iterator[Row]:
    usage, hours = found.usage, found.served.hours
    if usage.idle_hours is not None:
        cost = f"; billed all the same: {found.idle.money}" if found.idle else ""
        yield "idle", f"{usage.idle_hours:.1f} of {usage.hours:.1f} hours{cost}"
    age = duration(hours * 3600) if hours is not None else "nobody knows when"
    yield "money", f"{total(found.bill)} since it was made ({age})"
    for line in found.bill:
        prices = "; ".join(price.words for price in line.prices)
        yield "", f"{line.what}, {line.quantity}: {line.money}; {prices}"


def _canaries(found: Watched) -> Iterator[Row]:
    if found.canaries is None:
        yield "canaries", "not asked"
        return
    proof, tests = found.canaries.proof, found.canaries.tests
    if proof is not None:
        yield "safety", proof.summary()
        yield from (("", failure) for failure in proof.failures())
    smoke = [one for one in tests if one.kind == "smoke test"]
    if smoke:
        yield "smoke", f"{sum(one.state == 'holds' for one in smoke)} of {len(smoke)} pass"
        yield from (("", f"test {one.name} {one.words}") for one in smoke if one.state != "holds")
    yield from (("gate", f"{one.name}: {one.words}") for one in tests if one.kind == "gate")
    yield from (("answers", f"{one.evaluation}: {one}") for one in found.canaries.since)
    if (again := found.canaries.filter) is not None:
        yield "filter", str(again)
        yield from (
            ("", str(shift)) for shift in (*again.drift.regressions, *again.drift.blocks_more)
        )
    yield "promoted", _PROMOTED[found.promoted]


def record(found: Watched) -> dict[str, object]:
    """The same as JSON carries it; what nobody knows is null."""
    usage = found.usage
    return {
        "endpoint": found.endpoint.name,
        "model": serves(found.endpoint),
        "safety": safety(found.endpoint),
        "from": usage.start.isoformat(timespec="seconds"),
        "to": usage.end.isoformat(timespec="seconds"),
        "calls": usage.calls,
        "statuses": usage.statuses,
        "errors": usage.errors,
        "refused": usage.refused,
        "tokens": {"read": usage.tokens[0], "written": usage.tokens[1]} if usage.tokens else None,
        "seconds": {"mean": usage.seconds[0], "most": usage.seconds[1]} if usage.seconds else None,
        "idle_hours": usage.idle_hours,
        "unread": usage.unread or None,
        "not_published": list(usage.untold),
        "idle": _line(found.idle) if found.idle else None,
        "money": [_line(line) for line in found.bill],
        "promoted": found.promoted,
        "canaries": _asked(found.canaries) if found.canaries else None,
    }


def _line(line: CostLine) -> dict[str, object]:
    return {
        "what": line.what,
        "quantity": line.quantity,
        "prices": [price.as_dict() for price in line.prices],
        "usd": {"low": line.money.low, "high": line.money.high},
    }


def _asked(found: Canaries) -> dict[str, object]:
    proof = found.proof
    return {
        "safety": {"passed": proof.passed, "failures": proof.failures()} if proof else None,
        "answers": [
            {
                "evaluation": one.evaluation,
                "metric": one.metric,
                "asked": one.asked,
                "changed": one.changed,
                "worse": one.worse,
                "difference": one.difference.mean,
                "low": one.difference.low,
                "high": one.difference.high,
                "word": one.difference.word,
            }
            for one in found.since
        ],
        "filter": None
        if found.filter is None
        else {
            "as_on": found.filter.day,
            "asked": found.filter.asked,
            "holds": found.filter.held,
            "less_safe": list(map(str, found.filter.drift.regressions)),
            "over_blocked": list(map(str, found.filter.drift.blocks_more)),
            "uncompared": found.filter.drift.uncompared,
        },
        "tests": [
            {
                "kind": one.kind,
                "name": one.name,
                "state": one.state,
                "asked": one.asked,
                "seen": one.seen,
                "surely": {"low": one.low, "high": one.high},
                "words": one.words,
            }
            for one in found.tests
        ],
    }
