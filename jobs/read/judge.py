"""Whether a judge can judge: its endpoint, its scale, and its rubric line by line."""

import re
from collections.abc import Iterator
from pathlib import Path

from jobs.dataset.privacy import masked, private_in
from jobs.files import UnreadableFileError, read_bounded
from jobs.findings import Finding
from jobs.rules import RULES
from jobs.spec.judge import JUDGE, Judge, JudgeMetric
from jobs.spec.models import Evaluation
from jobs.spec.reader import Path as Field
from jobs.spec.references import name_of
from jobs.spec.story import Chapter

_MOST_BYTES = 64 << 10
_MOST_STEPS = 100
_MARKUP = b" \t-*#>|"
# `5: perfect`, `- **4** – good`, `Score 3: …`: a line that says what a score is given for.
_DESCRIBES = re.compile(
    rb"(?:score\s+)?\**(\d{1,6})\**\s*(?::|=|-\s|\xe2\x80[\x93\x94])", re.IGNORECASE
)


def judge_findings(chapter: Chapter, spec: Evaluation) -> Iterator[Finding]:
    """What keeps the judge of an evaluation from judging."""
    written = [(at, one) for at, one in enumerate(spec.metrics) if isinstance(one, JudgeMetric)]
    for at, one in written:
        place: Field = ("metrics", at, "judge")
        if at != written[0][0]:
            message = "an evaluation has one judge. Write another evaluation document for it."
            yield chapter.finding("FT-S052", place, message, at_key=True)
            continue
        yield from _manner(chapter, one.judge, place)
        yield from _impartial(chapter, spec, one.judge, place)
        yield from _rubric(chapter, one.judge, place)


def _manner(chapter: Chapter, judge: Judge, place: Field) -> Iterator[Finding]:
    if not _is_scale(judge):
        message = "a scale is two whole numbers, the lower first, at most 100 apart. Write [1, 5]."
        yield chapter.finding("FT-S052", (*place, "scale"), message)
    if judge.repeats > 1 and judge.temperature == 0:
        message = "at temperature 0 each repeat says the same, and is paid. Write repeats: 1."
        yield chapter.finding("FT-S052", (*place, "temperature"), message)


def _impartial(chapter: Chapter, spec: Evaluation, judge: Judge, place: Field) -> Iterator[Finding]:
    name = name_of(judge.endpoint)
    if name == name_of(spec.endpoint):
        message = f"'{name}' is what is measured; it can't judge itself. Name another endpoint."
        yield chapter.finding("FT-S052", (*place, "endpoint"), message)
        return
    compared = {name_of(spec.base or "") if word == "base" else word for word in spec.compare_with}
    if name in compared:
        message = f"'{name}' is compared with, so it judges answers of its own too."
        yield chapter.finding("FT-S053", (*place, "endpoint"), message)


def _rubric(chapter: Chapter, judge: Judge, place: Field) -> Iterator[Finding]:
    path, field = chapter.local_path(judge.rubric), (*place, "rubric")
    if path is None or not judge.rubric.strip():
        message = f"'{judge.rubric[:60]}' is no local file. Write rubric.md."
        yield chapter.finding("FT-S052", field, message)
        return
    try:
        content = read_bounded(path, _MOST_BYTES)
    except UnreadableFileError as error:
        yield chapter.finding("FT-S052", field, f"'{judge.rubric}' can't be read: {error}.")
        return
    if not content.strip():
        message = f"'{judge.rubric}' is empty. Write what a good answer is like."
        yield chapter.finding("FT-S052", field, message)
        return
    yield from _lines(path, content, judge)


def _lines(path: Path, content: bytes, judge: Judge) -> Iterator[Finding]:
    """What is wrong inside of the rubric, by its lines."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            message = "is no UTF-8 text. Save the rubric as UTF-8."
            yield _at(path, number, error.start + 1, "FT-S052", message)
            return
        text = line.lstrip(_MARKUP)
        described = _DESCRIBES.match(text) if _is_scale(judge) and judge.low >= 0 else None
        if described and not judge.low <= int(described[1]) <= judge.high:
            score = described[1].decode()
            column = len(line) - len(text) + described.start(1) + 1
            message = f"describes {score}, which is not on the scale {judge.low} to {judge.high}."
            yield _at(path, number, column, "FT-S052", message)
        for item in private_in(line):
            if item.rule == "FT-D041":
                shown = masked(line[item.start : item.end].decode("utf-8", "replace"))
                yield _at(path, number, item.start + 1, "FT-S032", f"holds {item.kind}: {shown}")


def _at(path: Path, line: int, column: int, rule: str, message: str) -> Finding:
    return Finding(str(path), line, column, JUDGE, message, rule, RULES[rule].severity)


def _is_scale(judge: Judge) -> bool:
    return len(judge.scale) == 2 and 0 < judge.high - judge.low <= _MOST_STEPS
