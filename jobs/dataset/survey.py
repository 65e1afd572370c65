"""What is in the data as a whole: prompts, answers, languages, lengths; and what is wrong with it.

`jobs.dataset.surveyor` takes it down.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.scripts import title
from jobs.dataset.tokens import NO_TOKENS, Tokens
from jobs.terminal.output import printable


@dataclass(slots=True)
class Answers:
    """What was answered to which first question, as hashes: twenty bytes a conversation.

    Python's own, salted: they mean something in this process and its forks only.
    """

    questions: "array[int]" = field(default_factory=lambda: array("q"))
    answers: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("I"))
    """The line, times two, and one more if a system message comes first."""

    def take(self, other: "Answers", lines_before: int) -> None:
        """Take in those of the next part."""
        self.questions.extend(other.questions)
        self.answers.extend(other.answers)
        self.lines.extend([line + 2 * lines_before for line in other.lines])


@dataclass(slots=True)
class Survey:
    """What was found in a file."""

    conversations: int = 0
    system_prompts: Counter[str] = field(default_factory=Counter[str])
    without_system: int = 0
    first_without_system: int = 0
    labels: Counter[str] = field(default_factory=Counter[str])
    """Short last answers; empty if there are too many to be labels."""
    label_order: list[str] = field(default_factory=list[str])
    scripts: Counter[str] = field(default_factory=Counter[str])
    line_of_script: dict[str, int] = field(default_factory=dict[str, int])
    """Where each script is met first."""
    answers: Answers = field(default_factory=Answers)
    token_counts: "array[int]" = field(default_factory=lambda: array("I"))
    """Tokens of each conversation (the middle, where there is an interval)."""
    turns: Counter[int] = field(default_factory=Counter[int])
    calls_last: "array[int]" = field(default_factory=lambda: array("I"))
    """Lines whose last answer is a call of a tool, and no text."""
    tokens: Tokens = NO_TOKENS

    @property
    def has_labels(self) -> bool:
        """Whether the answers are labels: nearly all short, and few different ones."""
        return (
            self.conversations >= 20
            and self.labels.total() >= 0.9 * self.conversations
            and len(self.labels) <= max(2, min(50, self.conversations // 5))
        )

    def take(self, other: "Survey", lines_before: int) -> None:
        """Take in what was found in the next part of the file; so many lines are before it."""
        self.conversations += other.conversations
        self.system_prompts.update(other.system_prompts)
        self.without_system += other.without_system
        if other.first_without_system and not self.first_without_system:
            self.first_without_system = other.first_without_system + lines_before
        self.labels.update(other.labels)
        self.label_order += other.label_order
        self.scripts.update(other.scripts)
        for script, line in other.line_of_script.items():
            self.line_of_script.setdefault(script, line + lines_before)
        self.answers.take(other.answers, lines_before)
        self.token_counts.extend(other.token_counts)
        self.turns.update(other.turns)
        self.calls_last.extend([line + lines_before for line in other.calls_last])


def judge(found: Survey, remarks: Remarks) -> None:
    """Say what is wrong with the whole of a file."""
    _contradictions(found.answers, remarks)
    _system_prompts(found, remarks)
    _labels(found, remarks)
    _scripts(found, remarks)


def is_sorted_by_label(found: Survey) -> bool:
    """Whether labels come in blocks, so that the file's end has some that its beginning has not."""
    order = found.label_order
    if not found.has_labels or len(found.labels) < 2:
        return False
    cut = len(order) * 8 // 10
    head, tail = Counter(order[:cut]), Counter(order[cut:])
    missing = [label for label in tail if label not in head]
    unseen = sum(tail[label] for label in missing)
    return unseen * 5 >= len(order) - cut


def _contradictions(answers: Answers, remarks: Remarks) -> None:
    """Says which questions were answered before, and differently."""
    if len(set(answers.questions)) == len(answers.questions):
        return  # as nearly always, and numpy need not be loaded
    import numpy

    questions = numpy.frombuffer(answers.questions, dtype=numpy.int64)
    said = numpy.frombuffer(answers.answers, dtype=numpy.int64)
    order = numpy.argsort(questions, kind="stable")
    asked = questions[order]
    is_new = numpy.concatenate(([True], asked[1:] != asked[:-1]))
    first = order[numpy.maximum.accumulate(numpy.where(is_new, numpy.arange(len(asked)), 0))]
    differs = said[order] != said[first]
    places: list[tuple[int, int]] = list(zip(order[differs], first[differs], strict=True))
    for index, before in sorted(places):
        line, has_system = divmod(answers.lines[index], 2)
        text = f"the same question as line {answers.lines[before] // 2}, and another answer."
        remarks.add(Remark("FT-D023", line, f"messages[{1 + has_system}].content", text))


def _system_prompts(found: Survey, remarks: Remarks) -> None:
    prompts = found.system_prompts
    if prompts and found.without_system:
        some = f"{found.without_system:,} of {found.conversations:,} conversations"
        text = f"{some} have no system message."
        remarks.add(Remark("FT-D053", found.first_without_system, "", text))
    common = [prompt for prompt, _ in prompts.most_common(50)]
    for index, prompt in enumerate(common[1:], 1):
        near = next((other for other in common[:index] if _drifts(prompt, other)), None)
        if near is not None:
            text = (
                f"two wordings of a system prompt: '{_short(near)}' ({prompts[near]:,} times) and "
                f"'{_short(prompt)}' ({prompts[prompt]:,} times)."
            )
            remarks.add(Remark("FT-D051", 0, "", text))
            return


def _drifts(one: str, other: str) -> bool:
    if one == other:
        return False
    if " ".join(one.casefold().split()) == " ".join(other.casefold().split()):
        return True
    matcher = SequenceMatcher(None, one[:500], other[:500], autojunk=False)
    return matcher.real_quick_ratio() > 0.8 and matcher.ratio() > 0.8


def _labels(found: Survey, remarks: Remarks) -> None:
    if not found.has_labels or len(found.labels) < 2:
        return
    ranked = found.labels.most_common()
    total = sum(found.labels.values())
    most = ranked[0]
    if most[1] >= 0.8 * total or most[1] >= 20 * ranked[-1][1]:
        text = (
            f"'{_short(most[0])}' is {most[1] / total:.0%} of the answers, "
            f"'{_short(ranked[-1][0])}' {ranked[-1][1]:,} of {total:,}."
        )
        remarks.add(Remark("FT-D052", 0, "", text))


def _scripts(found: Survey, remarks: Remarks) -> None:
    total = sum(found.scripts.values())
    if total < 40:
        return
    main, _ = found.scripts.most_common(1)[0]
    for script, count in found.scripts.items():
        if script != main and count * 50 <= total:
            line = found.line_of_script[script]
            some = f"{count:,} of {total:,} conversations are in {title(script)}"
            text = f"{some}, the others in {title(main)}."
            remarks.add(Remark("FT-D081", line, "", text))


def _short(text: str) -> str:
    return printable(text, 40)


def histogram(lengths: Sequence[int], *, bars: int = 12) -> list[tuple[int, int, int]]:
    """Lengths in equal steps: from, up to and including, how many."""
    if not lengths:
        return []
    low, high = min(lengths), max(lengths)
    size = max(1, -(-(high - low + 1) // bars))
    counts = Counter((length - low) // size for length in lengths)
    return [
        (low + bar * size, low + (bar + 1) * size - 1, counts[bar])
        for bar in range((high - low) // size + 1)
    ]
