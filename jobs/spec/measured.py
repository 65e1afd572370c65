"""What an evaluation measures, where that is an online endpoint: whose it is, and what it is asked.

A script takes what its author likes. Left to itself an evaluation asks as `training/score.py` is
asked: conversations as chat completions, a row of text and label by `{"text": …}`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jobs.spec.models import Evaluation, ServerlessEndpoint, Spec
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.reader import Path
from jobs.spec.references import parse
from jobs.values import mapping, placed_texts, sequence

MESSAGES = "messages"
"""The field of a row that is a conversation."""
COMPLETION = "choices.0.message.content"
"""Where a chat completion has what was said."""
_LABEL = "label"

_FIELD = re.compile(r"\$\{\{\s*row\.([A-Za-z0-9_-]+)\s*\}\}")


def measured_online(evaluation: Evaluation, file: Iterable[Spec]) -> OnlineEndpoint | None:
    """The online endpoint that an evaluation measures, by reference or by name; else None.

    `file` are the documents of the evaluation's own file: it is held while one of them is rolled
    out, and a bare name that none of them has is a serverless endpoint's.
    """
    reference = parse(evaluation.endpoint)
    if reference is not None and reference.kind != OnlineEndpoint.kind:
        return None
    name = reference.name if reference else evaluation.endpoint
    named = [one for one in file if one.name == name]
    if reference is None and any(isinstance(one, ServerlessEndpoint) for one in named):
        return None
    return next((one for one in named if isinstance(one, OnlineEndpoint)), None)


def is_asked_by_chat(evaluation: Evaluation, row: Mapping[str, Any]) -> bool:
    """Whether a row is asked as a chat completion is: a conversation, and nothing else written."""
    own = (evaluation.request, evaluation.at, evaluation.expected)
    return MESSAGES in row and all(one is None for one in own)


def request_of(evaluation: Evaluation, row: Mapping[str, Any]) -> Any:
    """What a script is asked for a row that is not asked as a chat completion, to be filled."""
    if evaluation.request is not None:
        return evaluation.request
    if MESSAGES not in row:
        return {"text": "${{ row.text }}"}
    manner = {"max_tokens": evaluation.max_tokens, "temperature": evaluation.temperature}
    return {MESSAGES: "${{ row.messages }}", **manner}


def at_of(evaluation: Evaluation, row: Mapping[str, Any]) -> str:
    """The member of an answer that is measured."""
    return evaluation.at or (COMPLETION if MESSAGES in row else _LABEL)


def answer_field(evaluation: Evaluation, row: Mapping[str, Any]) -> str:
    """The field that has a row's right answer; empty where that is a conversation's last turn."""
    return evaluation.expected or ("" if MESSAGES in row else _LABEL)


def fields_of(template: Any) -> Iterator[tuple[Path, str]]:
    """Every field of rows that a request names, with its place in the request."""
    for path, text in placed_texts(template):
        for match in _FIELD.finditer(text):
            yield path, match[1]


def strays_of(template: Any) -> Iterator[tuple[Path, str]]:
    """Every text of a request that holds `${{` and no field of a row."""
    for path, text in placed_texts(template):
        if "${{" in _FIELD.sub("", text):
            yield path, text


def as_text(value: Any) -> str:
    """A value as a word of an answer: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def filled(template: Any, row: Mapping[str, Any]) -> Any:
    """A request with the row's fields in it: a text that is one field alone becomes its value.

    Raises:
        KeyError: The row has no such field.
    """
    if isinstance(template, str):
        whole = _FIELD.fullmatch(template.strip())
        return row[whole[1]] if whole else _FIELD.sub(lambda m: as_text(row[m[1]]), template)
    if (fields := mapping(template)) is not None:
        return {key: filled(value, row) for key, value in fields.items()}
    if (items := sequence(template)) is not None:
        return [filled(item, row) for item in items]
    return template
