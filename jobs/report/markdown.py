"""A report as Markdown, for a pull request: the verdict, the figures, a few answers that changed.

Text that others wrote is escaped or stands in a fence that it can't close.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from jobs.proof.compare import Difference
from jobs.report import overfitting
from jobs.report.in_depth import ground
from jobs.report.report import (
    SEVERITIES,
    Absent,
    Bill,
    DataProfile,
    Evaluated,
    Exchange,
    Ground,
    InDepth,
    Judgement,
    Losses,
    Report,
    Safety,
    Score,
    Speaker,
)
from jobs.terminal.github import CELL, clipped, folded, plain, sound, table

T = TypeVar("T")

_ANSWER = 600
_MOST_ANSWERS = 5
_MARKS = {True: "✅", False: "❌", None: "➖"}


def page(report: Report) -> str:
    """The report as Markdown that GitHub and Azure DevOps show."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from (f"## {plain(report.name)} `{_code(report.revision)}`", "")
    yield from _verdict(report.judgement)
    if isinstance(report.evaluations, Absent):
        yield from _why("Scores", report.evaluations)
    else:
        for measured in report.evaluations:
            yield from _scores(measured)
    yield from _section("Learning", report.losses, _losses)
    yield from _section("What changed", report.changes, _changes)
    yield from _section("Data", report.data, _data)
    yield from _section("Content safety", report.safety, _safety)
    yield from _section("Cost", report.cost, _cost)
    rows = [("made", report.made), *report.provenance]
    yield from folded("Where it comes from", list(table(("what", "value"), rows)))


def _verdict(judgement: Judgement) -> Iterator[str]:
    mark = _MARKS[judgement.is_good]
    yield f"{mark} **{judgement.word.capitalize()}**: {plain(judgement.sentence)}"
    yield from _grounds(judgement.grounds)


def _grounds(grounds: Iterable[Ground]) -> Iterator[str]:
    yield ""
    for one in grounds:
        yield f"- {_MARKS[one.held]} {plain(one.text)}"
    yield ""


def _section(name: str, section: T | Absent, told: Callable[[T], Iterable[str]]) -> Iterator[str]:
    if isinstance(section, Absent):
        yield from _why(name, section)
    else:
        yield from folded(name, list(told(section)))


def _why(name: str, absent: Absent) -> Iterator[str]:
    yield from (f"**{name}**: not measured: {plain(absent.why)}", "")


# ── sections ────────────────────────────────────────────────────────────────────────────────────


def _scores(one: Evaluated) -> Iterator[str]:
    yield from (f"**{plain(one.name)}**: {len(one.exchanges):,} questions", "")
    header = ("metric", *(f"{model.role}: {model.label}" for model in one.models))
    rows = [(metric, *map(_score, scores)) for metric, scores in one.scores.items()]
    yield from table(header, rows)
    if one.judge:
        yield from ("", *(f"- Judge: {plain(line)}" for line in one.judge))
    compared = [(f"{c.metric} against {c.reference}", c.difference) for c in one.comparisons]
    if compared:
        yield from ("", *_differences("metric", compared))
    yield ""
    cut = [
        (f"{c.metric} against {c.reference}, {by}: {name}", difference)
        for c in one.comparisons
        for by, found in c.slices.items()
        for name, difference in found.items()
        if difference.word != "can't tell"
    ]
    if cut:
        yield from folded("Slices that differ clearly", list(_differences("slice", cut[:40])))
    changed = [exchange for exchange in one.exchanges if exchange.has_changed]
    if changed:
        shown = [line for each in changed[:_MOST_ANSWERS] for line in _exchange(one.models, each)]
        title = f"Answers: {len(changed):,} of {len(one.exchanges):,} changed"
        if len(changed) > _MOST_ANSWERS:
            title += f"; {_MOST_ANSWERS} of them, all are in the HTML report"
        yield from folded(title, shown)


def _score(score: Score) -> str:
    if math.isnan(score.value):
        return "not measured"
    if score.low is None or score.high is None:
        return f"{score.value:,.4g}"
    return f"{score.value:.3f} ({score.low:.3f} – {score.high:.3f})"


def _differences(of: str, rows: Iterable[tuple[str, Difference]]) -> Iterator[str]:
    yield from table(
        (of, "difference", "95 % interval", "so", "questions"),
        [
            (
                name,
                f"{one.mean:+.3f}",
                f"{one.low:+.3f} to {one.high:+.3f}",
                one.word,
                f"{one.questions:,}",
            )
            for name, one in rows
        ],
    )


def _exchange(models: Sequence[Speaker], one: Exchange) -> Iterator[str]:
    """A question and the two answers that differ, as text that nothing in it can leave."""
    lines = [f"{role}: {clipped(said, _ANSWER)}" for role, said in one.messages[-1:]]
    for model, said in zip(models[:2], one.said, strict=False):
        words = f"(refused: {said.refused})" if said.refused else clipped(said.text, _ANSWER)
        lines.append(f"{model.role} ({model.label}): {words}")
    inside = sound("\n\n".join(lines))
    longest = max((len(run) for run in re.findall("`+", inside)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"Question {one.number}", "", f"{fence}text", inside, fence, "")


def _losses(losses: Losses) -> Iterator[str]:
    lowest = overfitting.lowest(losses.validation)
    ends = [
        (name, f"{steps[0][1]:.4g}", f"{steps[-1][1]:.4g}", f"{steps[-1][0]:,}")
        for name, steps in (("training", losses.train), ("validation", losses.validation))
        if steps
    ]
    yield from table(("loss", "first", "last", "to step"), ends)
    yield from ("", plain(lowest.sentence if lowest else "No validation loss was logged."))


def _changes(changes: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    if not changes:
        yield "Nothing: it was trained once more from the same spec and data."
        return
    yield from table(
        ("field", "before", "now"),
        [(name, before or "none", now or "none") for name, before, now in changes],
    )


def _data(profiles: Sequence[DataProfile]) -> Iterator[str]:
    for profile in profiles:
        yield from (f"**{plain(profile.file)}**", "")
        yield from table(("what", "value"), profile.figures)
        yield ""
        yield from (f"- {plain(line)}" for line in profile.findings)
        yield ""


def _safety(safety: Safety) -> Iterator[str]:
    words = {True: "on, read back", False: "OFF", None: "nothing is served now"}
    yield f"Content filter: {words[safety.is_filtered]}."
    yield from _grounds([safety.probes])
    if safety.counts:
        rows = [
            (f"{category}, {side}", *(f"{found.get(severity, 0):,}" for severity in SEVERITIES))
            for (category, side), found in sorted(safety.counts.items())
        ]
        yield from table(("category, side", *SEVERITIES), rows)
        yield ""
    yield from _in_depth(safety.in_depth)


def _in_depth(found: InDepth | Absent) -> Iterator[str]:
    yield from _grounds([ground(found)])
    if isinstance(found, Absent):
        return
    rows = [
        (
            f"{row.category}, {row.severity}, {row.side}",
            *(f"{count:,}" for count in (row.refused, row.answered, row.faults)),
        )
        for row in found.rows
    ]
    header = ("category, severity, side", "refused", "answered", "not as it must be")
    yield from table(header, rows)


def _cost(bills: Sequence[Bill]) -> Iterator[str]:
    for bill in bills:
        yield from (f"**{plain(bill.document)}**", "")
        rows = [*bill.lines, ("total", bill.total, "", bill.budget)]
        yield from table(("what", "amount", "quantity", "price"), rows)
        yield ""


# ── text ────────────────────────────────────────────────────────────────────────────────────────


def _code(written: str) -> str:
    return re.sub(r"[^\w.:-]", "", clipped(written, CELL)) or "-"
