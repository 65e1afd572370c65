"""Answers side by side, as many as fit: what changed is marked, word by word."""

from collections.abc import Iterable, Iterator, Sequence

from jobs.report.markup import text
from jobs.report.report import Evaluated, Exchange, Said, Speaker
from jobs.report.words import Piece, changes
from jobs.terminal.github import clipped

_LONGEST = 1_500
_LONGEST_TURN = 600


def articles(measured: Evaluated, key: str, budget: int) -> tuple[list[str], int]:
    """The answers as HTML within a number of bytes, and how many more there are.

    `key` begins their ids.

    Where not all fit, those that changed or were refused come before those that are the same.
    """
    by_need = sorted(measured.exchanges, key=lambda one: (not one.is_refused, not one.has_changed))
    drawn: dict[int, str] = {}
    for exchange in by_need:
        article = _article(measured, f"{key}-{exchange.number}", exchange)
        budget -= len(article.encode())
        if budget < 0:
            break
        drawn[exchange.number] = article
    return [drawn[number] for number in sorted(drawn)], len(by_need) - len(drawn)


def _article(measured: Evaluated, key: str, one: Exchange) -> str:
    marks = " data-changed" * one.has_changed + " data-refused" * one.is_refused
    words = [word for word, is_so in _words(one, len(measured.models) > 1) if is_so]
    head = f'<h4 id="{key}">Question {one.number}{" · ".join(["", *words])}</h4>'
    asked = "".join(
        f'<div><p class="who">{text(role)}</p><p class="text" dir="auto">'
        f"{text(said, _LONGEST_TURN)}</p></div>"
        for role, said in one.messages
    )
    expected = (
        '<div><p class="who">expected</p>'
        f'<p class="text" dir="auto">{text(one.expected, _LONGEST)}</p></div>'
    )
    columns = "".join(_columns(measured.models, one.said))
    return (
        f'<article aria-labelledby="{key}"{marks}>{head}{asked}'
        f'<div class="texts">{expected}{columns}</div></article>'
    )


def _words(one: Exchange, is_compared: bool) -> Iterator[tuple[str, bool]]:
    yield "changed", is_compared and one.has_changed
    yield "the same", is_compared and not one.has_changed
    yield "refused by the content filter", one.is_refused


def _columns(models: Sequence[Speaker], said: Sequence[Said]) -> Iterator[str]:
    """This revision's answer and the first reference's, each marked against the other; the rest."""
    ours, *others = [[Piece(_shown(one), is_own=False)] for one in said]
    if others:
        others[0], ours = changes(_shown(said[1]), _shown(said[0]))
    yield _column(models[0], said[0], ours, "ins")
    for model, other, pieces in zip(models[1:], said[1:], others, strict=True):
        yield _column(model, other, pieces, "del")


def _shown(said: Said) -> str:
    return "" if said.refused else clipped(said.text, _LONGEST)


def _column(model: Speaker, said: Said, pieces: Iterable[Piece], tag: str) -> str:
    who = f'<p class="who">{text(model.role)}: {text(model.label)}</p>'
    if said.refused:
        return (
            f'<div>{who}<p class="refused">refused by the filter ({text(said.refused)})</p></div>'
        )
    inner = "".join(
        f"<{tag}>{whole}</{tag}>" if piece.is_own else whole
        for piece in pieces
        for whole in [text(piece.text, len(piece.text))]
    )
    said_nothing = '<span class="soft">(nothing)</span>'
    return f'<div>{who}<p class="text" dir="auto">{inner or said_nothing}</p></div>'
