"""All that can be said about the data of one fine-tune: its files, and what is between them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from jobs.catalog.catalog import catalog, registry_model
from jobs.dataset.conversations import Conversation, Task
from jobs.dataset.layout import NO_SENSE, layout_of, looks_foreign
from jobs.dataset.lint import Tally, Wish
from jobs.dataset.near import Signatures, pairs_among
from jobs.dataset.parallel import read_file
from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.repeats import Place, remark, repeats
from jobs.dataset.survey import Survey, is_sorted_by_label
from jobs.dataset.surveyor import Surveyor
from jobs.dataset.tokens import NO_TOKENS, Tokenizer, Tokens
from jobs.files import Stamp, UnreadableFileError, stamp_of
from jobs.findings import Finding, in_order

Role = Literal["training", "validation", "test"]
ROLES: tuple[Role, ...] = ("training", "validation", "test")

SERVICE_LIMIT_BYTES = 512 * 1000 * 1000
"""Files have to be smaller than this (fine-tune-serverless.md; MB, not MiB, to be safe)."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file and what it is for."""

    path: Path
    role: Role = "training"
    calls_count: bool = False
    """Whether an evaluation compares calls of tools, too."""

    @property
    def name(self) -> str:
        """The file as messages name it: short where it lies below the working folder."""
        written = os.path.normpath(self.path)
        relative = os.path.relpath(written) if self.path.is_absolute() else written
        return written if relative.startswith("..") else relative


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that was read, and what was counted in it."""

    file: DataFile
    tally: Tally
    stamp: Stamp
    """Of the file as it was before it was read."""
    survey: Survey


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check."""

    files: tuple[Looked, ...]
    """The files that could be read, in the order given."""
    findings: tuple[Finding, ...]

    def of(self, role: Role) -> tuple[Looked, ...]:
        """The files of a role."""
        return tuple(looked for looked in self.files if looked.file.role == role)

    def conversations(self, role: Role) -> int:
        """How many usable conversations the files of a role have together."""
        return sum(looked.tally.conversations for looked in self.of(role))

    def tokens(self, role: Role) -> Tokens:
        """How many tokens the files of a role have together."""
        counts = [looked.survey.tokens for looked in self.of(role)]
        return sum(counts[1:], counts[0]) if counts else NO_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedWith:
    """What is trained with the data: some checks need to know."""

    model: str = ""
    epochs: int = 1
    batch_size: int = 1
    split: float | None = None
    """The share of the training file that is held out for validation, if we do it."""
    has_validation: bool = False
    tokenizer: Path | None = None


def check(
    files: Sequence[DataFile],
    *,
    task: Task = "chat_completion",
    training: TrainedWith | None = None,
    near: bool = True,
    limit: int = 200,
    tell: Callable[[str], None] = lambda _: None,
) -> Checked:
    """Read the files and say everything that is wrong with them, and between them.

    Training files come first, whatever order they are given in, so that a repeat is told where it
    does harm: in the validation or the test file. `tell` hears what is being looked at.
    """
    tokenizer, missing = _tokenizer(training)

    def reader() -> _Reader:
        model = training.model if training else ""
        surveyor = Surveyor(limit, model, tokenizer, _context(training))
        return _Reader(surveyor, Signatures() if near else None)

    looked, findings = _look_at_all(files, Wish(task=task, limit=limit), reader, tell)
    findings += missing
    names = [item.file.name for item in looked]
    again = repeats([item.tally for item in looked])
    for one, first in again:
        looked[one[0]].tally.remarks.add(remark(one, first, names))
    if near:
        tell("near-duplicates …")
        _near(looked, task, [one for one, _ in again], names)
        for item in looked:
            item.read.signatures = None  # a hundred bytes a conversation, which nobody needs now
    for item in looked:
        _whole_file(item, task)
    surveys = [item.read.surveyor.outcome(item.tally.remarks, tokenizer) for item in looked]
    tell("")
    checked = [
        Looked(item.file, item.tally, item.stamp, survey)
        for item, survey in zip(looked, surveys, strict=True)
    ]
    if training:
        _enough(checked, training)
    for item in checked:
        if item.file.role == "test" and not item.file.calls_count:
            _expects_calls(item)
        findings += item.tally.remarks.findings(item.file.name)
    return Checked(tuple(checked), tuple(in_order(findings)))


@dataclass(slots=True)
class _Reader:
    """Reads the texts of a file for all that wants to know them."""

    surveyor: Surveyor
    signatures: Signatures | None
    """None where near-duplicates are not looked for."""

    def look_at(self, batch: Sequence[Conversation]) -> None:
        self.surveyor.look_at(batch)
        if self.signatures:
            self.signatures.look_at(batch)

    def rest(self) -> None:
        self.surveyor.rest()

    def take(self, other: "_Reader", lines_before: int) -> None:
        self.surveyor.take(other.surveyor, lines_before)
        if self.signatures and other.signatures:
            self.signatures.take(other.signatures, lines_before)


class _Read(NamedTuple):
    file: DataFile
    tally: Tally
    stamp: Stamp
    read: _Reader


def _look_at_all(
    files: Sequence[DataFile],
    wish: Wish,
    reader: Callable[[], _Reader],
    tell: Callable[[str], None],
) -> tuple[list[_Read], list[Finding]]:
    looked: list[_Read] = []
    findings: list[Finding] = []
    for file in sorted(files, key=lambda f: ROLES.index(f.role)):
        tell(f"{file.name}: form, texts, secrets …")
        try:
            stamp = stamp_of(file.path)
            tally, read = read_file(file.path, wish, reader)
        except UnreadableFileError as error:
            message = f"can't be read: {error}."
            findings.append(Finding(file.name, 0, 0, "", message, "FT-S017", "error"))
            continue
        looked.append(_Read(file, tally, stamp, read))
    return looked, findings


def _context(training: TrainedWith | None) -> int | None:
    """How many tokens the model sees at once, where that is known."""
    model = catalog().model(training.model) if training else None
    return model.context_tokens.value if model else None


def _tokenizer(training: TrainedWith | None) -> tuple[Tokenizer | None, list[Finding]]:
    if training is None or training.tokenizer is None:
        return None, []
    try:
        return Tokenizer(training.tokenizer), []
    except UnreadableFileError as error:
        message = f"can't be read: {error}."
        name = DataFile(training.tokenizer).name
        return None, [Finding(name, 0, 0, "", message, "FT-S017", "error")]


def _near(
    looked: Sequence[_Read], task: Task, exact: Sequence[Place], names: Sequence[str]
) -> None:
    paths = [item.file.path for item in looked]
    signatures = [item.read.signatures or Signatures() for item in looked]
    for pair in pairs_among(paths, signatures, task, exact=exact):
        file, line = pair.again
        share = f"{int(pair.similarity * 100)} %"
        if file == pair.first[0]:
            text = f"shares {share} of its words with line {pair.first[1]}."
            found = Remark("FT-D022", line, "", text)
        else:
            where = f"{names[pair.first[0]]}:{pair.first[1]}"
            found = Remark("FT-D032", line, "", f"shares {share} of its words with {where}.")
        looked[file].tally.remarks.add(found)


def _whole_file(item: _Read, task: Task) -> None:
    remarks, tally = item.tally.remarks, item.tally
    if item.file.path.suffix.lower() != ".jsonl":
        text = f"'{item.file.path.suffix}' is not what the service takes: .jsonl only."
        remarks.add(Remark("FT-S033", 0, "", text))
    if item.stamp.size >= SERVICE_LIMIT_BYTES:
        text = f"{item.stamp.size / 1e6:,.0f} MB; the service takes files smaller than 512 MB."
        remarks.add(Remark("FT-D007", 0, "", text))
    layout = layout_of(item.file.path, task) if looks_foreign(tally) else None
    if layout is not None and layout.says:
        # What is wrong with each line follows from it, and would be said a thousand times.
        if not layout.is_guess:
            remarks.leave_out(*NO_SENSE, "FT-D005", "FT-D008")
        remarks.add(Remark("FT-D024", 0, "", f"{layout.says} {layout.advice}"))
    elif not tally.conversations:
        remarks.add(Remark("FT-D002", 0, "", "holds no conversation to train on."))


def _expects_calls(item: Looked) -> None:
    for line in item.survey.calls_last:
        text = "the expected answer is a call of a tool; an evaluation compares texts."
        item.tally.remarks.add(Remark("FT-D028", line, "", text))


# ── is it enough? ───────────────────────────────────────────────────────────────────────────────

SERVICE_FLOOR = 10
"""TrainedWith rows that the service wants after the split (azureml-acft-contrib-hf-nlp 0.0.91)."""
TRIAL_ROWS = 50
"""What Microsoft's overview of fine-tuning calls enough for a trial (2025-12-03)."""
FEW_STEPS = 20
TELLING_ROWS = 20
SERVICE_SPLIT = 0.2
"""The service takes the last fifth of the file, in order, where no validation data is given."""


def _enough(files: Sequence[Looked], training: TrainedWith) -> None:
    trained = [item for item in files if item.file.role == "training"]
    rows = sum(item.tally.conversations for item in trained)
    if not trained or not rows:
        return
    held_out = 0.0 if training.has_validation else training.split or SERVICE_SPLIT
    left = rows - int(rows * held_out)
    remarks = trained[0].tally.remarks
    of = f"{rows:,} conversations" if left == rows else f"{left:,} of {rows:,} conversations"
    if left < SERVICE_FLOOR:
        text = f"{of} are left to train on; the service wants {SERVICE_FLOOR}."
        remarks.add(Remark("FT-D061", 0, "", text))
    elif left < TRIAL_ROWS:
        text = f"{of} to train on; {TRIAL_ROWS} to 100 are thought enough for a trial."
        remarks.add(Remark("FT-D062", 0, "", text))
    steps = -(-left // training.batch_size) * training.epochs
    if steps < FEW_STEPS and left >= SERVICE_FLOOR:
        passes = f"{training.epochs} epoch" + ("s" if training.epochs != 1 else "")
        how = f"{left:,} rows, {passes}, batches of {training.batch_size}"
        text = f"{steps} optimizer steps ({how}); the weights hardly move."
        remarks.add(Remark("FT-D063", 0, "", text))
    _telling(files, rows - left, training, remarks)
    if not training.has_validation and training.split is None:
        for item in trained:
            if is_sorted_by_label(item.survey):
                text = "sorted by answer, and the service validates on the file's last fifth."
                item.tally.remarks.add(Remark("FT-D065", 0, "", text))
    if any(item.survey.system_prompts for item in trained) and _drops_system(training.model):
        text = f"system messages, which {registry_model(training.model)} does not know."
        remarks.add(Remark("FT-D054", 0, "", text))


def _telling(
    files: Sequence[Looked], held_out: int, training: TrainedWith, remarks: Remarks
) -> None:
    validation = [item for item in files if item.file.role == "validation"]
    count = sum(item.tally.conversations for item in validation) if validation else held_out
    if training.has_validation and not validation:
        return  # it is in Azure; how many there are is not known here
    if 0 < count < TELLING_ROWS:
        text = f"{count} conversations to validate on; the loss on so few moves by chance."
        (validation[0].tally.remarks if validation else remarks).add(Remark("FT-D064", 0, "", text))


def _drops_system(path: str) -> bool:
    model = catalog().model(path)
    return model is not None and not model.system_prompt
