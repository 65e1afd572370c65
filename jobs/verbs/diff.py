"""Two revisions of a name: fields of the spec, data, filter, scores, and answers that changed.

foundry-tune diff xbox-support 51f0aa7c20 a8bbe5a87e
foundry-tune diff jobs/specs/xbox-support.yaml 51f0 a8bb    with the spec's questions and metrics

`foundry-tune history NAME` lists the revisions. No model is asked: scores rest on kept answers.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from jobs.options import add_output, add_target

if TYPE_CHECKING:
    from jobs.report.between import Between, DataMoved
    from jobs.report.report import Evaluated, Exchange, Said


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("name", help="a spec file, which tells more, or a name")
    parser.add_argument("before", metavar="REVISION", help="its hash, or the start of it")
    parser.add_argument("after", metavar="REVISION", help="likewise")
    parser.add_argument(
        "--answers", type=int, default=10, metavar="N", help="changed answers to show (10)"
    )
    add_target(parser)
    add_output(parser)


def run(arguments: Namespace) -> int:
    """Hold one against the other."""
    from jobs.arguments import session_of
    from jobs.report import gather
    from jobs.report.between import between
    from jobs.terminal import output

    about = gather.subjects(arguments.name)
    session = session_of(arguments, arguments.name)
    found = between(session, about, arguments.before, arguments.after)
    if arguments.output == "table":
        output.tell("\n".join(_lines(found, max(0, arguments.answers))))
    else:
        output.emit_structured(_record(found), arguments.output)
    return 0


# ── for people ──────────────────────────────────────────────────────────────────────────────────


def _lines(found: "Between", most: int) -> Iterator[str]:
    from jobs.report.report import Absent
    from jobs.terminal import output

    yield output.style(f"{found.name}: {found.before} -> {found.after}", "bold")
    fields = [(field, was or "(none)", "->", now or "(none)") for field, was, now in found.fields]
    yield output.table(fields, indent="  ") if fields else "  No field differs."
    for moved in found.data:
        yield f"  {moved.role}: {_moved(moved)}"
    yield from _filter(found)
    if isinstance(found.evaluations, Absent):
        yield f"  scores: not measured: {found.evaluations.why}"
        return
    for one in found.evaluations:
        yield f"  evaluation {one.name}, {len(one.exchanges):,} questions"
        yield output.table(_scores(one), indent="    ")
    changed = list(found.changed)
    yield f"  {len(changed):,} answers changed"
    for one, exchange in islice(changed, most):
        yield from _exchange(one, exchange)
    if len(changed) > most:
        yield f"  {len(changed) - most:,} more: --answers {len(changed)}"


def _filter(found: "Between") -> Iterator[str]:
    from jobs.report.report import Absent

    if isinstance(found.filter, Absent):
        yield f"  content filter: not compared: {found.filter.why}"
        return
    worse, blocks = found.filter.regressions, found.filter.blocks_more
    yield f"  content filter: {len(worse):,} less safe, {len(blocks):,} over-blocked"
    yield from (f"    {shift}" for shift in (*worse, *blocks))


def _moved(moved: "DataMoved") -> str:
    from jobs.report.report import Absent

    if isinstance(moved.lines, Absent):
        return f"lines not compared: {moved.lines.why}"
    came, went = moved.lines
    return f"{came:,} lines came, {went:,} went"


def _scores(one: "Evaluated") -> Iterator[tuple[str, ...]]:
    """Each metric before and after, with the paired difference where there is one."""
    told = {compared.metric: str(compared.difference) for compared in one.comparisons}
    for metric, (after, before, *_) in one.scores.items():
        yield metric, f"{before.value:.4g} -> {after.value:.4g}", told.get(metric, "")


def _exchange(one: "Evaluated", exchange: "Exchange") -> Iterator[str]:
    from jobs.terminal.output import printable

    asked = exchange.messages[-1][1] if exchange.messages else ""
    yield f"  {one.name} {exchange.number}: {printable(asked, 200)}"
    after, before = exchange.said[:2]
    yield f"    - {_said(before)}"
    yield f"    + {_said(after)}"


def _said(said: "Said") -> str:
    from jobs.terminal.output import printable

    return (
        f"(refused: {said.refused})" if said.refused else printable(said.text, 300) or "(nothing)"
    )


# ── for programs ────────────────────────────────────────────────────────────────────────────────


def _record(found: "Between") -> dict[str, object]:
    from jobs.report.report import Absent

    told = () if isinstance(found.evaluations, Absent) else found.evaluations
    return {
        "name": found.name,
        "before": found.before,
        "after": found.after,
        "fields": {field: {"before": was, "after": now} for field, was, now in found.fields},
        "data": [_data(moved) for moved in found.data],
        "filter": None
        if isinstance(found.filter, Absent)
        else {
            "less_safe": list(map(str, found.filter.regressions)),
            "over_blocked": list(map(str, found.filter.blocks_more)),
            "uncompared": found.filter.uncompared,
        },
        "not_measured": found.evaluations.why if isinstance(found.evaluations, Absent) else None,
        "evaluations": [_evaluation(one) for one in told],
        "answers": [
            {
                "evaluation": one.name,
                "question": exchange.number,
                "messages": [{"role": role, "content": text} for role, text in exchange.messages],
                "expected": exchange.expected,
                "before": _answer(exchange.said[1]),
                "after": _answer(exchange.said[0]),
            }
            for one, exchange in found.changed
        ],
    }


def _data(moved: "DataMoved") -> dict[str, object]:
    from jobs.report.report import Absent

    known = None if isinstance(moved.lines, Absent) else moved.lines
    return {
        "field": moved.role,
        "before": moved.before,
        "after": moved.after,
        "lines_came": known[0] if known else None,
        "lines_went": known[1] if known else None,
    }


def _evaluation(one: "Evaluated") -> dict[str, object]:
    return {
        "name": one.name,
        "questions": len(one.exchanges),
        "scores": {
            metric: {"before": before.value, "after": after.value}
            for metric, (after, before, *_) in one.scores.items()
        },
        "differences": [
            {
                "metric": compared.metric,
                "difference": compared.difference.mean,
                "low": compared.difference.low,
                "high": compared.difference.high,
                "word": compared.difference.word,
            }
            for compared in one.comparisons
        ],
    }


def _answer(said: "Said") -> dict[str, object]:
    return {"text": said.text, "refused": said.refused or None}
