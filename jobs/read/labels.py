"""Labels, and whether a label task's data has them."""

import codecs
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.files import open_regular
from jobs.findings import Finding
from jobs.spec.measured import answer_field, as_text
from jobs.spec.models import Evaluation
from jobs.spec.story import Chapter
from jobs.suggestions import did_you_mean


def label_findings(chapter: Chapter, spec: Evaluation, path: Path) -> Iterator[Finding]:
    """Labels that no answer of a file has, and the first answer that is no label."""
    labels = spec.labels
    answers = {as_label(answer): answer for answer in _answers(path, spec)}
    known = {as_label(label) for label in labels}
    for index, label in enumerate(labels):
        if as_label(label) not in answers:
            hint = did_you_mean(label, answers.values())
            message = f"'{label}' is no answer in {path.name}.{hint}"
            yield chapter.finding("FT-S043", ("labels", index), message)
    for plain, answer in answers.items():
        if plain not in known:
            message = f"{path.name} expects '{answer[:40]}', which is no label. Add it."
            yield chapter.finding("FT-S043", ("labels",), message, at_key=True)
            break


def as_label(text: str) -> str:
    """What labels are compared by: without case, and spaces and punctuation around them."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    inside = [i for i, c in enumerate(folded) if unicodedata.category(c)[0] not in "PZC"]
    return folded[inside[0] : inside[-1] + 1] if inside else folded


def _answers(path: Path, spec: Evaluation) -> Iterator[str]:
    """The answer of each line that can be read; what can't, the data's own rules tell."""
    with open_regular(path) as file:
        for line in file:
            try:
                row: Any = json.loads(line.removeprefix(codecs.BOM_UTF8))
                field = answer_field(spec, row)
                content: Any = row[field] if field else row["messages"][-1]["content"]
            except (ValueError, LookupError, TypeError, RecursionError):
                continue
            if content is not None:
                yield as_text(content)
