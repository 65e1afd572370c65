"""Spec files and the data they name, examined together offline: what every verb begins with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jobs.catalog.catalog import today
from jobs.errors import InvalidInputError, UsageError
from jobs.files import UnreadableFileError, open_regular
from jobs.findings import Finding, in_order, refuses
from jobs.money.cost import Cost, estimate
from jobs.read.asked import is_chat, row_findings
from jobs.read.checks import check_story
from jobs.read.fields import field_findings
from jobs.read.labels import label_findings
from jobs.read.near_name import near_name
from jobs.read.policies import Policies, policy_findings
from jobs.read.prices import PriceLists, team_prices
from jobs.read.silence import silence
from jobs.read.training_rows import training_rows
from jobs.spec.measured import measured_online
from jobs.spec.models import DataInput, Evaluation, FineTuning
from jobs.spec.policies import TeamPolicy, is_policy, read_policy
from jobs.spec.prices import TeamPrices, is_price_list, read_prices
from jobs.spec.story import Chapter, Story, load
from jobs.spec.training import TrainingJob
from jobs.spec.trials import longest
from jobs.terminal.findings import summary

if TYPE_CHECKING:
    from jobs.dataset.check import Checked, DataFile

_LEFT_TO_PREFLIGHT = {f"FT-C00{number}" for number in range(1, 7)}
"""The catalogue's objections to a model, a date or a region."""


@dataclass(frozen=True, kw_only=True)
class CheckedSpecs:
    """What is known of spec files after a look at them and their data, for one file or many."""

    files: tuple[str, ...]
    stories: tuple[Story, ...]
    data: "Mapping[str, Checked]"
    """The data of each fine-tuning document that was looked at, by its reference."""
    findings: tuple[Finding, ...]
    """Everything that is wrong, spec and data, less what `ignore:` silences."""
    ignored: int
    """How many findings `ignore:` silences."""
    prices: tuple[Mapping[str, TeamPrices], ...] = ()
    """For each story the price lists of its documents, by their references."""
    held: tuple[tuple[TeamPolicy, ...], ...] = ()
    """For each story the policies that it is held to."""

    @property
    def chapters(self) -> list[Chapter]:
        """Every document, those that others need first."""
        return [chapter for story in self.stories for chapter in story.chapters]

    @property
    def team_prices(self) -> Mapping[str, TeamPrices]:
        """The price lists of all documents, by their references."""
        return {name: team for story in self.prices for name, team in story.items()}

    @property
    def policies(self) -> tuple[TeamPolicy, ...]:
        """Every policy, each once."""
        return tuple({one.file: one for held in self.held for one in held}.values())

    @property
    def unreadable(self) -> tuple[Finding, ...]:
        """What keeps a spec, a price list or a policy from being read as what it is."""
        told = {f for story in self.stories for f in story.findings if f.severity == "error"}
        specs = {story.file for story in self.stories}
        return tuple(
            f
            for f in self.findings
            if f in told
            or f.rule == "FT-P000"
            or (f.severity == "error" and f.file not in specs and not f.rule.startswith("FT-P"))
        )

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """What each fine-tuning would cost, as far as anybody knows."""
        return tuple(
            cost
            for story, team in zip(self.stories, self.prices, strict=True)
            for cost in estimate(story, self.data, team)
        )


def examine(
    files: Sequence[str | Path],
    *,
    on: date | None = None,
    overrides: Sequence[str] = (),
    with_data: bool = True,
    near: bool = True,
    with_prices: bool = True,
    tokenizer: str | Path | None = None,
    policy: str | None = None,
) -> CheckedSpecs:
    """Read spec files and, with `with_data`, the local files that they name; nothing refuses.

    `on` is the day of the catalogue's lifecycle dates, today where it is left out. `near` looks for
    near-duplicates too, `with_prices` at the team's price list. `tokenizer` wins over the file that
    a spec names, `policy` over the policies above it.
    """
    on = on or today()
    known = _Known(PriceLists() if with_prices else None, Policies(policy))
    looks = [_look(file, on, overrides, with_data, near, tokenizer, known) for file in files]
    return _together(files, looks)


def checked(
    files: Sequence[str],
    overrides: Sequence[str] = (),
    *,
    on: date | None = None,
    strict: bool,
    policy: str | None = None,
) -> CheckedSpecs:
    """The spec files with the data they name, or a refusal of all that `validate` calls an error.

    What the catalogue says of dates and regions is left to the preflight, which knows Azure's own
    date and the project's region; everything else refuses here, before Azure is reached for.

    Raises:
        InvalidInputError: Something is wrong; every finding is in it.
        UsageError: One of them is a price list or a policy.
    """
    for file in files:
        if is_price_list(file) or is_policy(file):
            what = "a price list" if is_price_list(file) else "a policy"
            raise UsageError(
                f"{file} is {what}, and nothing to make.",
                next_step=f"Name the specs that it is for; foundry-tune validate {file} checks it.",
            )
    known = _Known(PriceLists(), Policies(policy))
    looks = [_look(file, on or today(), overrides, True, True, None, known) for file in files]
    specs = _together(files, looks, without=_LEFT_TO_PREFLIGHT)
    _refuse(specs, strict=strict)
    return specs


def readable(
    files: Sequence[str], overrides: Sequence[str] = (), *, policy: str | None = None
) -> CheckedSpecs:
    """The spec files with prices and policies, for whoever keeps what is there.

    A rule that is broken, or data that changed, refuses nothing here: money would go on meanwhile.

    Raises:
        InvalidInputError: Something can't be read; every finding about that is in it.
    """
    specs = examine(files, overrides=overrides, with_data=False, policy=policy)
    if specs.unreadable:
        raise InvalidInputError(summary(specs.unreadable), findings=specs.unreadable)
    return specs


def named(files: Sequence[str]) -> CheckedSpecs:
    """The spec files alone, for verbs that need their names and not their data.

    Raises:
        InvalidInputError: A file can't be read as a spec.
    """
    stories = [load(file) for file in files]
    specs = _together(files, [_Look(story, {}, story.findings, 0, {}) for story in stories])
    _refuse(specs, strict=False)
    return specs


def _refuse(specs: CheckedSpecs, *, strict: bool) -> None:
    if refuses(specs.findings, strict=strict):
        raise InvalidInputError(summary(specs.findings), findings=specs.findings)


def _together(
    files: Sequence[str | Path], looks: "Sequence[_Look]", *, without: Sequence[str] | set[str] = ()
) -> CheckedSpecs:
    return CheckedSpecs(
        files=tuple(map(str, files)),
        stories=tuple(look.story for look in looks),
        data={name: data for look in looks for name, data in look.data.items()},
        # Once each, as specs share a price list.
        findings=tuple(
            dict.fromkeys(f for look in looks for f in look.findings if f.rule not in without)
        ),
        ignored=sum(look.ignored for look in looks),
        prices=tuple(look.prices for look in looks),
        held=tuple(look.policies for look in looks),
    )


# ── one file ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Look:
    """One file, looked at."""

    story: Story
    data: "Mapping[str, Checked]"
    findings: tuple[Finding, ...]
    ignored: int
    prices: Mapping[str, TeamPrices]
    policies: tuple[TeamPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What teams have written above specs, each file read once."""

    prices: PriceLists | None
    policies: Policies


def _look(
    file: str | Path,
    on: date,
    overrides: Sequence[str],
    with_data: bool,
    near: bool,
    tokenizer: str | Path | None,
    known: _Known,
) -> _Look:
    if is_price_list(file) or is_policy(file):
        reader = read_prices if is_price_list(file) else read_policy
        return _Look(Story(str(file), (), ()), {}, reader(str(file))[1], 0, {})
    story = load(file, overrides=overrides)
    findings = [*story.findings, *check_story(story, on=on)]
    data: dict[str, Checked] = {}
    spoken: dict[str, list[Finding]] = {}
    for owner, names in _files(story) if with_data else ():
        readable, missing = _readable(names)
        findings += missing
        if readable and names[0].role == _ROWS:
            assert isinstance(owner.spec, Evaluation)
            [asked] = readable
            found, of_data = row_findings(owner, owner.spec, asked.path, asked.name)
            findings += found
            spoken[owner.reference] = of_data
        elif readable:
            data[owner.reference] = _check(owner, readable, near, tokenizer)
            spoken[owner.reference] = list(data[owner.reference].findings)
    for chapter in story.chapters:
        if isinstance(chapter.spec, TrainingJob):
            found, of_data = training_rows(chapter, chapter.spec, with_data=with_data)
            findings += found
            if of_data:
                spoken[chapter.reference] = of_data
    kept, ignored = silence(story, findings, spoken, on=on)
    prices, wrong = team_prices(story, known.prices) if known.prices else ({}, [])
    policies, wrong_policies = known.policies.of(Path(file).parent)
    broken = policy_findings(story, policies)
    findings = in_order([*kept, *broken, *wrong, *wrong_policies])
    for chapter in story.chapters:
        chapter.tree.release()
    return _Look(story, data, tuple(findings), ignored, prices, tuple(policies))


_ROWS = "rows"
"""The role of a file that a script of one's own is asked: it holds no plain conversations."""


class _Named(NamedTuple):
    """Where a file is named, and what for."""

    chapter: Chapter
    field: str
    written: str
    role: str


def _files(story: Story) -> Iterator[tuple[Chapter, list[_Named]]]:
    """For each fine-tuning the files that belong together, evaluations' test files with them."""
    tests: dict[str, list[_Named]] = {}
    for chapter in story.chapters:
        if isinstance(chapter.spec, Evaluation):
            role = _role(story, chapter, chapter.spec)
            named = _Named(chapter, "data", chapter.spec.data_path, role)
            owner = chapter.reference if role == _ROWS else _trained_by(story, chapter)
            tests.setdefault(owner, []).append(named)
    for chapter in story.chapters:
        spec = chapter.spec
        if isinstance(spec, FineTuning):
            named = [_Named(chapter, "training_data", spec.training_path, "training")]
            if spec.validation_path:
                validation = spec.validation_path
                named.append(_Named(chapter, "validation_data", validation, "validation"))
            yield chapter, [*named, *tests.pop(chapter.reference, [])]
    for named in tests.values():
        for one in named:
            yield one[0], [one]


def _role(story: Story, chapter: Chapter, spec: Evaluation) -> str:
    """What an evaluation's file is; one that can't be read is told of as any test file."""
    path = chapter.local_path(spec.data_path) if spec.data_path else None
    if path is None or measured_online(spec, story.specs) is None:
        return "test"
    try:
        return "test" if is_chat(path, spec) else _ROWS
    except UnreadableFileError:
        return "test"


def _trained_by(story: Story, evaluation: Chapter) -> str:
    """The fine-tuning whose model an evaluation measures; its own name where there is none."""
    found = evaluation
    for _ in range(3):
        # What is measured, and not who is compared with or judges.
        measured = sorted(found.references, key=lambda r: r.path != ("endpoint",))
        following = next((story.chapter(r.target) for r in measured), None)
        if following is None:
            break
        found = following
    return found.reference


def _readable(named: list[_Named]) -> "tuple[list[DataFile], list[Finding]]":
    from jobs.dataset.check import DataFile

    readable: list[DataFile] = []
    findings: list[Finding] = []
    for chapter, field, written, role in named:
        path = chapter.local_path(written)
        if path is None:
            if not written:
                message = "names no file. Write a path, or azureml:name:version."
                findings.append(chapter.finding("FT-S005", (field,), message))
            continue
        if _is_called_a_folder(chapter, field):
            what = "a folder. Name one .jsonl file" if path.is_dir() else "a file, not a uri_folder"
            message = f"'{written}' is {what}. Write type: uri_file."
            findings.append(chapter.finding("FT-S039", (field, "type"), message))
            if path.is_dir():
                continue
        try:
            open_regular(path).close()
        except UnreadableFileError as error:
            hint = near_name(path)
            message = f"'{written}' can't be read: {error}.{hint}"
            findings.append(chapter.finding("FT-S017", (field,), message))
        else:
            if isinstance(chapter.spec, Evaluation) and chapter.spec.labels:
                findings += label_findings(chapter, chapter.spec, path)
            if isinstance(chapter.spec, Evaluation) and chapter.spec.slices:
                findings += field_findings(chapter, chapter.spec.slices, path)
            calls = isinstance(chapter.spec, Evaluation) and "tool_calls" in chapter.spec.metrics
            readable.append(DataFile(path, role, calls))  # pyright: ignore[reportArgumentType]
    return readable, findings


def _is_called_a_folder(chapter: Chapter, field: str) -> bool:
    data = getattr(chapter.spec, field)
    return isinstance(data, DataInput) and data.type == "uri_folder"


def _check(
    owner: Chapter, files: "list[DataFile]", near: bool, tokenizer: str | Path | None
) -> "Checked":
    from jobs.dataset.check import TrainedWith, check

    spec = owner.spec
    if not isinstance(spec, FineTuning) or not owner.is_whole:
        return check(files, near=near)  # with what it trains unknown, only the data is looked at
    named = owner.local_path(spec.tokenizer) if spec.tokenizer else None
    epochs, batch_size = longest(spec)
    return check(
        files,
        task="text_completion" if spec.task == "text_completion" else "chat_completion",
        near=near,
        training=TrainedWith(
            model=spec.model_path,
            epochs=epochs,
            batch_size=batch_size,
            split=(spec.split.split or 0.0) if spec.split else None,
            has_validation=spec.validation_path is not None,
            tokenizer=Path(tokenizer) if tokenizer else named,
        ),
    )
