"""Pieces of HTML: every text is escaped here, whoever wrote it."""

from collections.abc import Iterable, Sequence
from html import escape

from jobs.report.report import Ground
from jobs.terminal.github import clipped, sound

_SHORT = 300


def text(written: str, limit: int = _SHORT) -> str:
    """A text as HTML, cut to a length."""
    return escape(sound(clipped(written, limit)))


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already, in a stretch of its own that can be scrolled.

    The first cell of a row names it. A column whose title ends with a space holds numbers.
    """
    kinds = [' class="n"' if title.endswith(" ") else "" for title in header]
    titles = "".join(
        f'<th scope="col"{kind}>{text(title.strip())}</th>'
        for title, kind in zip(header, kinds, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(rest, kinds[1:], strict=True))
        + "</tr>"
        for first, *rest in rows
    )
    head = f"<caption>{text(caption)}</caption><thead><tr>{titles}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names with their values."""
    return f"<dl>{''.join(f'<dt>{text(a)}</dt><dd>{text(b)}</dd>' for a, b in rows)}</dl>"


def grounds(rows: Iterable[Ground]) -> str:
    """What a judgement rests on, each with its word: colour alone says nothing."""
    words = {True: ("yes", "✓ holds"), False: ("no", "✗ fails"), None: ("soft", "– open")}
    items: list[str] = []
    for row in rows:
        kind, word = words[row.held]
        items.append(f'<li><b class="{kind}">{word}</b> <span>{text(row.text)}</span></li>')
    return f'<ul class="grounds">{"".join(items)}</ul>'


def paragraph(written: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return (
        f'<p class="{kind}">{text(written, 2000)}</p>' if kind else f"<p>{text(written, 2000)}</p>"
    )


def unfolded(summary: str, inner: str) -> str:
    """Something that opens where it is wanted."""
    return f"<details><summary>{text(summary)}</summary>{inner}</details>"
