"""A report as one HTML file that needs nothing else: no network, no font, no library.

Its policy lets nothing in but its own style and script, by their hashes; answers are text.
"""

import base64
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from jobs.proof.compare import Difference
from jobs.report import charts, exchanges, overfitting
from jobs.report.in_depth import ground
from jobs.report.markup import grounds, pairs, paragraph, table, text, unfolded
from jobs.report.report import (
    SEVERITIES,
    Absent,
    Bill,
    Compared,
    DataProfile,
    Evaluated,
    InDepth,
    Judgement,
    Losses,
    Report,
    Safety,
    Score,
)

LIMIT = 400_000
"""Bytes: what a mail or a pull request takes without a thought. Answers are left out beyond it."""

T = TypeVar("T")

MARK = '<meta name="generator" content="foundry-tune report">'
"""Near the top of every report: by it a file is known to be one, and may be written over."""

_FOLDER = Path(__file__).parent
_SLACK = 2_000
_MOST_ROWS = 30
_MOST_SLICES = 240


def page(report: Report) -> str:
    """The report as a page of less than `LIMIT` bytes."""
    sections = _sections(report)
    measured = () if isinstance(report.evaluations, Absent) else report.evaluations
    used = len(_page(report, sections, []).encode()) + _SLACK * (1 + len(measured))
    return _page(report, sections, _answers(measured, LIMIT - used))


def _page(report: Report, sections: Sequence[tuple[str, str, str]], answers: list[str]) -> str:
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"{text(report.name)} · {text(report.revision)}"
    shown = [
        (key, name, inner if key != "answers" else "".join(answers) or inner)
        for key, name, inner in sections
    ]
    links = "".join(f'<li><a href="#{key}">{name}</a></li>' for key, name, _ in shown)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{name}</h2>{inner}</section>'
        for key, name, inner in shown
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{MARK}"
        f"<title>{title}</title><style>{style}</style></head><body>"
        '<a class="skip" href="#main">To the report</a><header>'
        f'<h1>{text(report.name)} <span class="soft">revision {text(report.revision)}</span></h1>'
        f'<p class="soft">Told by foundry-tune on {text(report.made)}</p></header>'
        f'<main id="main" tabindex="-1">{_verdict(report.judgement)}'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>{body}</main>'
        f"<script>{script}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _sections(report: Report) -> list[tuple[str, str, str]]:
    """Each section's key, name and inside; what is absent says why."""
    return [
        ("changes", "What changed", _or_why(report.changes, _changes, "Not known")),
        ("learning", "Learning", _or_why(report.losses, _losses)),
        ("data", "Data", _or_why(report.data, _data)),
        ("scores", "Scores", _or_why(report.evaluations, _scores)),
        ("safety", "Content safety", _or_why(report.safety, _safety)),
        ("cost", "Cost", _or_why(report.cost, _cost)),
        ("provenance", "Where it comes from", pairs(report.provenance)),
        # Last, since they are many: everything else is read before them.
        ("answers", "Answers", _or_why(report.evaluations, lambda _: "")),
    ]


def _or_why(section: T | Absent, told: Callable[[T], str], otherwise: str = "Not measured") -> str:
    if isinstance(section, Absent):
        return paragraph(f"{otherwise}: {section.why}")
    return told(section)


def _verdict(judgement: Judgement) -> str:
    kind = "verdict good" if judgement.is_good else "verdict"
    sentence = f"{judgement.word.capitalize()}: {judgement.sentence}"
    return (
        f'<section class="{kind}" aria-label="Verdict">{paragraph(sentence)}'
        f"{grounds(judgement.grounds)}</section>"
    )


def _changes(changes: tuple[tuple[str, str, str], ...]) -> str:
    if not changes:
        return paragraph("Nothing: it was trained once more from the same spec and data.")
    rows = [[text(field), text(old or "none"), text(new or "none")] for field, old, new in changes]
    return table("Fields that differ from the revision before", ("field", "before", "now"), rows)


# ── learning and data ───────────────────────────────────────────────────────────────────────────


def _losses(losses: Losses) -> str:
    lowest = overfitting.lowest(losses.validation)
    key = (
        '<p class="soft"><svg class="key" viewBox="0 0 26 10" aria-hidden="true">'
        '<path d="M0 5H26"/></svg>training &#8195;'
        '<svg class="key v" viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26"/></svg>'
        "validation</p>"
    )
    rows = dict.fromkeys(step for step, _ in _sampled(losses))
    train, validation = dict(losses.train), dict(losses.validation)
    cells = [[f"{step:,}", _loss(train.get(step)), _loss(validation.get(step))] for step in rows]
    return (
        paragraph(lowest.sentence if lowest else "No validation loss was logged.")
        + charts.losses(losses.train, losses.validation, lowest)
        + key
        + unfolded(
            f"The numbers: {len(losses.train):,} training and {len(losses.validation):,} "
            "validation losses",
            table(f"Losses of job {losses.job}", ("step", "training ", "validation "), cells),
        )
        + paragraph(overfitting.RULE, "soft")
    )


def _sampled(losses: Losses) -> list[tuple[int, float]]:
    """Every validation loss and some of the training's, by step."""
    some = charts.thinned(losses.validation, _MOST_ROWS // 2)
    return sorted([*charts.thinned(losses.train, _MOST_ROWS // 2), *some])


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _data(profiles: Sequence[DataProfile]) -> str:
    parts: list[str] = []
    for number, profile in enumerate(profiles, 1):
        parts.append(f"<h3>{text(profile.file)}</h3>{pairs(profile.figures)}")
        if profile.lengths:
            title = f"Tokens a conversation in {profile.file}"
            rows = [[f"{low:,} to {high:,}", f"{n:,}"] for low, high, n in profile.lengths]
            parts.append(charts.histogram(f"tokens-{number}", profile.lengths, title))
            told = table(title, ("tokens", "conversations "), rows)
            parts.append(unfolded("The numbers", told))
        if profile.findings:
            found = "".join(f"<li>{text(line)}</li>" for line in profile.findings)
            parts.append(f"<ul>{found}</ul>")
    return "".join(parts)


# ── scores ──────────────────────────────────────────────────────────────────────────────────────


def _scores(evaluations: Sequence[Evaluated]) -> str:
    comparisons = sum(len(one.comparisons) for one in evaluations) or 1
    most = max(3, _MOST_SLICES // comparisons)
    return "".join(part for one in evaluations for part in _evaluation(one, most))


def _evaluation(one: Evaluated, most: int) -> Iterator[str]:
    yield f"<h3>{text(one.name)}: {len(one.exchanges):,} questions</h3>"
    yield paragraph(one.rests_on, "soft")
    if one.gates:
        yield grounds(one.gates)
    header = ("metric", *(f"{model.role}: {model.label} " for model in one.models))
    rows = [[text(metric), *map(_score, scores)] for metric, scores in one.scores.items()]
    yield table("Scores, with 95 % intervals of those that are means over questions", header, rows)
    for line in one.judge:
        yield paragraph(f"Judge: {line}.")
    if one.comparisons:
        yield _comparisons(one.comparisons)
    for compared in one.comparisons:
        if rows := _slices(compared.slices):
            title = f"{compared.metric} against {compared.reference}, by slice"
            told = _differences(title, "slice", rows[:most])
            if len(rows) > most:
                many = f"{len(rows) - most:,} of {len(rows):,} slices are left out"
                told += paragraph(f"{many}: those of which nothing can be told first.", "soft")
            yield unfolded(title, told)
    if one.confusion:
        yield _confusion(one.confusion)


def _score(score: Score) -> str:
    if math.isnan(score.value):
        return "not measured"
    if score.low is None or score.high is None:
        return f"{score.value:,.4g}"
    return f'{score.value:.3f} <span class="soft">({score.low:.3f} – {score.high:.3f})</span>'


def _comparisons(comparisons: Sequence[Compared]) -> str:
    rows = [(f"{one.metric} against {one.reference}", one.difference) for one in comparisons]
    return _differences("This revision less the other, on the same questions", "metric", rows)


def _slices(slices: Mapping[str, Mapping[str, Difference]]) -> list[tuple[str, Difference]]:
    """Those that differ clearly first."""
    rows = [(f"{by}: {name}", one) for by, found in slices.items() for name, one in found.items()]
    return sorted(rows, key=lambda row: row[1].word == "can't tell")


def _differences(title: str, of: str, rows: Sequence[tuple[str, Difference]]) -> str:
    """Differences on one axis; the words say what the interval does."""
    ends = [abs(end) for _, one in rows for end in (one.low, one.high, one.mean)]
    reach = max([*ends, 0.05])
    header = (
        of,
        "difference ",
        "95 % interval ",
        f"-{reach:.2f} … +{reach:.2f}",
        "so",
        "questions ",
    )
    cells = [
        [
            text(name),
            f"{one.mean:+.3f}",
            f"{one.low:+.3f} to {one.high:+.3f}",
            charts.interval(one.mean, one.low, one.high, reach),
            f'<span class="{one.word.split()[0]}">{text(one.word)}</span>',
            f"{one.questions:,}",
        ]
        for name, one in rows
    ]
    return table(title, header, cells)


def _confusion(confusion: Mapping[tuple[str, str], int]) -> str:
    expected = list(dict.fromkeys(truth for truth, _ in sorted(confusion)))
    answered = sorted({said for _, said in confusion} | set(expected))
    if max(len(expected), len(answered)) > 20:
        return paragraph(f"{len(expected)} labels are too many for a matrix.", "soft")
    rows = [
        [text(truth), *(f"{confusion.get((truth, said), 0):,}" for said in answered)]
        for truth in expected
    ]
    header = ("expected", *(f"{said} " for said in answered))
    return unfolded(
        "Labels", table("What was answered where each label was expected", header, rows)
    )


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def _answers(evaluations: Sequence[Evaluated], budget: int) -> list[str]:
    """Every evaluation's answers, each within its share of the bytes that are left."""
    parts: list[str] = []
    for number, one in enumerate(evaluations):
        drawn, left_out = exchanges.articles(
            one, f"q{number}", budget // (len(evaluations) - number)
        )
        budget -= sum(len(article.encode()) for article in drawn)
        parts.append(f"<h3>{text(one.name)}</h3>{_filter(number)}")
        if left_out:
            many = f"{left_out:,} of {len(one.exchanges):,} are left out to keep this file small"
            parts.append(paragraph(f"{many}: the unchanged first. All are in the project."))
        if len(one.models) > 1:
            words = (
                f"<ins>new</ins> against {text(one.models[1].role)}, <del>gone</del> in this one"
            )
            parts.append(f'<p class="soft">Marked: {words}.</p>')
        parts.append(f'<div id="answers-{number}">{"".join(drawn)}</div>')
    return parts


def _filter(number: int) -> str:
    """Hidden where no script runs: then all answers are there to be read."""
    return (
        f'<fieldset data-for="answers-{number}" hidden><legend>Show answers</legend>'
        '<label class="search">with the text <input type="search"></label>'
        '<label><input type="checkbox"> that changed</label>'
        '<label><input type="checkbox"> that were refused</label>'
        '<output aria-live="polite"></output></fieldset>'
    )


# ── safety and cost ─────────────────────────────────────────────────────────────────────────────


def _safety(safety: Safety) -> str:
    return f"{_filtered(safety)}<h3>In depth</h3>{_or_why(safety.in_depth, _in_depth)}"


def _in_depth(found: InDepth) -> str:
    rows = [
        [
            f"{text(row.category)}, {text(row.severity)}, {row.side}",
            f"{row.refused:,}",
            f"{row.answered:,}",
            f"{row.faults:,}",
        ]
        for row in found.rows
    ]
    header = ("category, severity, side", "refused ", "answered ", "not as it must be ")
    return grounds([ground(found)]) + table(f"Trials of {found.source}", header, rows)


def _filtered(safety: Safety) -> str:
    filter_words = {True: "on, read back", False: "OFF", None: "nothing is served now"}
    parts = [
        pairs([("content filter", filter_words[safety.is_filtered])]),
        grounds([safety.probes]),
    ]
    if not safety.answers:
        why = "no answers are kept that the filter could have said something of."
        return "".join([*parts, paragraph(f"Severities are not measured: {why}")])
    if not safety.counts:
        return "".join([*parts, paragraph("Azure said no severity of any answer.")])
    rows = [
        [f"{text(category)}, {side}", *(f"{found.get(severity, 0):,}" for severity in SEVERITIES)]
        for (category, side), found in sorted(safety.counts.items())
    ]
    header = ("category, side", *(f"{severity} " for severity in SEVERITIES))
    title = f"What the filter made of {safety.answers:,} evaluation questions and their answers"
    note = (
        "Of prompts that it lets through Azure's answer keeps no severity, so prompts count here "
        "only where they were refused."
    )
    return "".join([*parts, table(title, header, rows), paragraph(note, "soft")])


def _cost(bills: Sequence[Bill]) -> str:
    header = ("what", "amount ", "quantity", "price")
    parts: list[str] = []
    for bill in bills:
        rows = [
            *([text(cell, 800) for cell in line] for line in bill.lines),
            ["total", text(bill.total), "", text(bill.budget)],
        ]
        parts.append(table(bill.document, header, rows))
    note = "Estimated from the spec and its data, not billed amounts; unknown prices are no zeros."
    return "".join([*parts, paragraph(note, "soft")])
