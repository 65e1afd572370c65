"""Whether an evaluation can be held by the script of an online endpoint: its questions and metrics.

The script is somebody's own and isn't run here, so what it takes is known by the document alone.
"""

import codecs
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from jobs.dataset.lines import MAX_LINE_BYTES
from jobs.dataset.rows import check_rows, problem
from jobs.files import open_regular
from jobs.findings import Finding
from jobs.spec.judge import JUDGE
from jobs.spec.measured import (
    MESSAGES,
    answer_field,
    fields_of,
    is_asked_by_chat,
    request_of,
    strays_of,
)
from jobs.spec.models import Evaluation
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.story import Chapter
from jobs.suggestions import did_you_mean
from jobs.values import mapping

_NEVER = {
    "perplexity_of_answers": "a script is not asked for log probabilities",
    "tool_calls": "a script is not offered tools",
}
_BY_CHAT = {
    JUDGE: "a judge grades what is said in a conversation",
    "tokens_per_1000": "only a chat completion says how many tokens it has",
}


def request_findings(
    chapter: Chapter, spec: Evaluation, online: OnlineEndpoint | None
) -> Iterator[Finding]:
    """What is wrong with how it asks, whatever the data; `online` is whom it measures, if one."""
    if online is None:
        for field in ("request", "at", "expected"):
            if getattr(spec, field) is not None:
                message = (
                    "is for the script of an online endpoint: a serverless one is asked "
                    "conversations, and answers them. Remove it."
                )
                yield chapter.finding("FT-S055", (field,), message, at_key=True)
        return
    for path, text in strays_of(spec.request):
        message = f"'{text[:60]}' is no field of a row. Write ${{{{ row.<field> }}}}."
        yield chapter.finding("FT-S055", ("request", *path), message)
    if spec.at is not None and not all(spec.at.split(".")):
        message = f"'{spec.at[:60]}' is no member of an answer. Write predictions.0.label."
        yield chapter.finding("FT-S055", ("at",), message)
    yield from _unfit(chapter, spec, _NEVER)
    if online.content_safety != "client_side":
        yield from _unfit(chapter, spec, {"refusal_rate": "nothing filters what it is asked"})


def is_chat(path: Path, spec: Evaluation) -> bool:
    """Whether an online endpoint is asked a file's rows as chat completions are: by its first row.

    Raises:
        UnreadableFileError: It can't be read.
    """
    return is_asked_by_chat(spec, _first(path))


def row_findings(
    chapter: Chapter, spec: Evaluation, path: Path, name: str
) -> tuple[list[Finding], list[Finding]]:
    """Findings about an evaluation by what its rows are, and those about the rows.

    `name` is what messages call the file. Its rows are not asked as chat completions.

    Raises:
        UnreadableFileError: The file can't be read.
    """
    first = _first(path)
    found = [*_unfit(chapter, spec, _BY_CHAT), *_fields(chapter, spec, first, name)]
    for index, word in enumerate(spec.compare_with):
        if word != "served":
            message = (
                f"'{word}' is asked conversations, and answers them; this is another asking. An "
                "online endpoint is compared with what it serves: served."
            )
            found.append(chapter.finding("FT-S046", ("compare_with", index), message))
    by_own_words = any(one is not None for one in (spec.request, spec.at, spec.expected))
    told = {field for _, field in fields_of(request_of(spec, first))} - set(first)
    of_data = check_rows(
        path,
        name,
        "custom" if by_own_words else "classification",
        also=lambda row: _lacks(spec, row, told),
    )
    return found, list(of_data.findings)


def _fields(
    chapter: Chapter, spec: Evaluation, row: Mapping[str, Any], name: str
) -> Iterator[Finding]:
    """Fields that the document names and rows don't have, by the first of them."""
    answer = answer_field(spec, row)
    for path, field in fields_of(spec.request):
        if field == answer:
            message = f"'{field}' is the right answer: it would be told what to say. Remove it."
            yield chapter.finding("FT-S055", ("request", *path), message)
        elif field not in row:
            message = f"rows of {name} have no '{field}'.{did_you_mean(field, row)}"
            yield chapter.finding("FT-S055", ("request", *path), message)
    if spec.expected is not None and spec.expected not in row:
        message = f"rows of {name} have no '{spec.expected}'.{did_you_mean(spec.expected, row)}"
        yield chapter.finding("FT-S055", ("expected",), message)


def _lacks(spec: Evaluation, row: Mapping[str, Any], told: Collection[str]) -> str | None:
    """What a row hasn't that it is asked by, but for fields that are told of already."""
    if MESSAGES in row and (wrong := problem(row, "chat")):
        return wrong
    answer = answer_field(spec, row)
    fields = [field for _, field in fields_of(request_of(spec, row))]
    for field in (*fields, *([answer] if answer else ())):
        if field not in row and field not in told:
            return f"has no '{field}'.{did_you_mean(field, row)}"
    value = row.get(answer)
    if answer in row and (value is None or value == "" or isinstance(value, dict | list)):
        return f"'{answer}' is no text and no number."
    return None


def _unfit(chapter: Chapter, spec: Evaluation, why: Mapping[str, str]) -> Iterator[Finding]:
    """Metrics that these answers don't have, each with why."""
    for index, one in enumerate(spec.metrics):
        name = one if isinstance(one, str) else JUDGE
        if name in why:
            message = f"{name} can't be measured here: {why[name]}. Remove it."
            yield chapter.finding("FT-S056", ("metrics", index), message)


def _first(path: Path) -> Mapping[str, Any]:
    """The first row of a file; nothing where it is no row."""
    with open_regular(path) as file:
        lines = iter(lambda: file.readline(MAX_LINE_BYTES), b"")
        first = next((line for line in lines if line.strip()), b"")
    try:
        return mapping(json.loads(first.removeprefix(codecs.BOM_UTF8))) or {}
    except (ValueError, RecursionError):
        return {}
