"""`dataset stats -o html`: one page that needs nothing else, to attach to a pull request."""

from collections.abc import Sequence
from html import escape

from jobs.dataset.check import Looked
from jobs.dataset.scripts import title
from jobs.dataset.survey import histogram

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#667;--bar:#3b6ea8;--line:#d8dde3;--paper:#fff}
@media(prefers-color-scheme:dark){
:root{--ink:#e6e9ed;--soft:#9aa4af;--bar:#6fa3dd;--line:#333a42;--paper:#14171b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}
td,th{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid var(--line);
vertical-align:top}svg text{fill:var(--soft);font-size:11px}rect{fill:var(--bar)}
"""


def page(files: Sequence[Looked]) -> str:
    """The files' statistics as a page: tables, and bars as SVG. No script, nothing fetched."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width,initial-scale=1">',
        f"<title>Dataset</title><style>{_STYLE}</style><h1>Dataset</h1>",
    ]
    for item in files:
        parts.append(f"<h2>{escape(item.file.name)}</h2>")
        parts.append(_table(rows_of(item)))
        found = item.survey
        parts.append("<h3>Tokens a conversation</h3>" + _bars(histogram(found.token_counts)))
        if found.has_labels:
            ranked = [
                (escape(label), f"{count:,}") for label, count in found.labels.most_common(20)
            ]
            parts.append("<h3>Answers</h3>" + _table(ranked))
    return "\n".join(parts) + "\n"


def rows_of(item: Looked) -> list[tuple[str, str]]:
    """The figures of one file, as label and value."""
    found, tally = item.survey, item.tally
    rows = [
        ("role", item.file.role),
        ("lines", f"{tally.lines:,}"),
        ("conversations", f"{tally.conversations:,}"),
        ("size", f"{item.stamp.size:,} bytes"),
        ("messages", f"{sum(turns * n for turns, n in found.turns.items()):,} turns"),
        ("tokens", f"{found.tokens} ({found.tokens.basis})"),
        ("longest", f"about {max(found.token_counts, default=0):,} tokens"),
        ("system prompts", f"{len(found.system_prompts):,} different"),
        (
            "scripts",
            ", ".join(f"{title(name)} {n:,}" for name, n in found.scripts.most_common()) or "none",
        ),
    ]
    if found.has_labels:
        rows.append(("labels", f"{len(found.labels):,} different answers"))
    return rows


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(a)}<td>{escape(b)}" for a, b in rows)
    return f"<table>{cells}</table>"


def _bars(bars: Sequence[tuple[int, int, int]]) -> str:
    if not bars:
        return "<p class=s>nothing to draw</p>"
    most = max(count for _, _, count in bars) or 1
    height, step = 120, 56
    drawn = "".join(_bar(i * step + 4, bar, most, height) for i, bar in enumerate(bars))
    size = f'viewBox="0 0 {len(bars) * step} {height + 20}" width="{len(bars) * step}"'
    return f'<svg {size} role="img" aria-label="histogram">{drawn}</svg>'


def _bar(x: int, bar: tuple[int, int, int], most: int, height: int) -> str:
    low, high, count = bar
    tall = count * (height - 14) / most
    top = height - tall
    return (
        f'<rect x="{x}" y="{top:.1f}" width="48" height="{tall:.1f}">'
        f"<title>{low:,} to {high:,}: {count:,}</title></rect>"
        f'<text x="{x}" y="{height + 14}">{low:,}</text>'
        f'<text x="{x}" y="{top - 3:.1f}">{count:,}</text>'
    )
