"""A spec file and the data it names, examined together offline: what `validate` and `plan` show."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.findings import Finding, in_order
from jobs.spec.checks import check_story
from jobs.spec.models import Evaluation, FineTuning
from jobs.spec.silence import silence
from jobs.spec.story import Chapter, Story, load

if TYPE_CHECKING:
    from jobs.dataset.check import Checked, DataFile


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known of a spec file after a look at it and its data."""

    story: Story
    data: "dict[str, Checked]"
    """The data of each fine-tuning document, by its reference (`finetuning.xbox-support`)."""
    findings: tuple[Finding, ...]
    """Everything that is wrong, spec and data, less what `ignore:` silences."""
    ignored: int
    """How many findings `ignore:` silences."""


def examine(
    file: str | Path,
    *,
    on: date,
    overrides: Sequence[str] = (),
    with_data: bool = True,
    near: bool = True,
    tokenizer: str | Path | None = None,
) -> Examination:
    """Read a spec file and, with `with_data`, the local files that it names.

    `near` looks for near-duplicates too. `tokenizer` wins over the file that the spec names.
    """
    story = load(file, overrides=overrides)
    findings = [*story.findings, *check_story(story, on=on)]
    data: dict[str, Checked] = {}
    spoken: dict[str, list[Finding]] = {}
    for owner, names in _files(story) if with_data else ():
        readable, missing = _readable(owner, names)
        findings += missing
        if readable:
            checked = _check(owner, readable, near, tokenizer)
            data[owner.reference] = checked
            spoken[owner.reference] = list(checked.findings)
    kept, ignored = silence(story, findings, spoken, on=on)
    return Examination(story, data, tuple(in_order(kept)), ignored)


_Named = tuple[Chapter, str, str, str]
"""The chapter and field that name a file, what is written there, and the file's role."""


def _files(story: Story) -> Iterator[tuple[Chapter, list[_Named]]]:
    """For each fine-tuning the files that belong together, evaluations' test files with them."""
    tests: dict[str, list[_Named]] = {}
    for chapter in story.chapters:
        if isinstance(chapter.spec, Evaluation):
            named = (chapter, "data", chapter.spec.data_path, "test")
            tests.setdefault(_trained_by(story, chapter), []).append(named)
    for chapter in story.chapters:
        spec = chapter.spec
        if isinstance(spec, FineTuning):
            named = [(chapter, "training_data", spec.training_path, "training")]
            if spec.validation_path:
                named.append((chapter, "validation_data", spec.validation_path, "validation"))
            yield chapter, [*named, *tests.pop(chapter.reference, [])]
    for named in tests.values():
        for one in named:
            yield one[0], [one]


def _trained_by(story: Story, evaluation: Chapter) -> str:
    """The fine-tuning whose model an evaluation measures; its own name where there is none."""
    found = evaluation
    for _ in range(3):
        following = next((story.chapter(r.target) for r in found.references), None)
        if following is None:
            break
        found = following
    return found.reference


def _readable(owner: Chapter, named: list[_Named]) -> "tuple[list[DataFile], list[Finding]]":
    from jobs.dataset.check import DataFile
    from jobs.files import UnreadableFileError, open_regular

    readable: list[DataFile] = []
    findings: list[Finding] = []
    for chapter, field, written, role in named:
        path = chapter.local_path(written)
        if path is None:
            if not written:
                message = "names no file. Write a path, or azureml:name:version."
                findings.append(chapter.finding("FT-S005", (field,), message))
            continue
        if isinstance(owner.spec, FineTuning) and _is_folder_asset(chapter, field):
            continue
        try:
            open_regular(path).close()
        except UnreadableFileError as error:
            hint = _near_name(path)
            message = f"'{written}' can't be read: {error}.{hint}"
            findings.append(chapter.finding("FT-S017", (field,), message))
        else:
            readable.append(DataFile(path, role))  # pyright: ignore[reportArgumentType]
    return readable, findings


def _is_folder_asset(chapter: Chapter, field: str) -> bool:
    data = getattr(chapter.spec, field)
    return getattr(data, "type", "uri_file") == "uri_folder"


def _near_name(path: Path) -> str:
    from jobs.suggestions import did_you_mean

    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return ""
    return did_you_mean(path.name, names[:1000])


def _check(
    owner: Chapter, files: "list[DataFile]", near: bool, tokenizer: str | Path | None
) -> "Checked":
    from jobs.dataset.check import Training, check

    spec = owner.spec
    if not isinstance(spec, FineTuning) or not owner.is_whole:
        return check(files, near=near)  # with what it trains unknown, only the data is looked at
    named = owner.local_path(spec.tokenizer) if spec.tokenizer else None
    return check(
        files,
        task="text_completion" if spec.task == "text_completion" else "chat_completion",
        near=near,
        training=Training(
            model=spec.model_path,
            epochs=spec.epochs,
            batch_size=spec.batch_size,
            split=(spec.split.split or 0.0) if spec.split else None,
            has_validation=spec.validation_path is not None,
            tokenizer=Path(tokenizer) if tokenizer else named,
        ),
    )
