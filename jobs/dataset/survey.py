"""What is in the data as a whole: prompts, answers, languages, lengths.

A second look, which reads the texts where `lint` only held them to their form. Every conversation
is looked at, by every core if the file is large; what is kept of each is thirty bytes.
"""

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from xxhash import xxh3_64_intdigest

from jobs.dataset.conversations import Conversation, batches, fields_of, read_conversations
from jobs.dataset.lines import Stretch
from jobs.dataset.lint import Task
from jobs.dataset.parallel import over_parts
from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.scripts import characters, dominant, title
from jobs.dataset.tokens import NO_TOKENS, Estimator, Tokenizer, Tokens
from jobs.terminal.output import printable

_LABEL_LENGTH = 40
_MANY_LABELS = 1000
"""So many different short answers are no labels, and need not be kept."""
_MANY_PROMPTS = 5000


@dataclass(slots=True)
class Answers:
    """What was answered to which first question, as hashes: twenty bytes a conversation."""

    questions: "array[int]" = field(default_factory=lambda: array("Q"))
    answers: "array[int]" = field(default_factory=lambda: array("Q"))
    lines: "array[int]" = field(default_factory=lambda: array("I"))
    """The line, times two, and one more if a system message comes first."""

    def take(self, other: "Answers") -> None:
        """Take in those of the next part."""
        self.questions.extend(other.questions)
        self.answers.extend(other.answers)
        self.lines.extend(other.lines)


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

    def take(self, other: "Survey") -> None:
        """Take in what was found in the next part of the file."""
        self.conversations += other.conversations
        self.system_prompts.update(other.system_prompts)
        self.without_system += other.without_system
        self.first_without_system = self.first_without_system or other.first_without_system
        self.labels.update(other.labels)
        self.label_order += other.label_order
        self.scripts.update(other.scripts)
        self.line_of_script = {**other.line_of_script, **self.line_of_script}
        self.answers.take(other.answers)
        self.token_counts.extend(other.token_counts)
        self.turns.update(other.turns)
        self.calls_last.extend(other.calls_last)


def survey(
    path: Path,
    remarks: Remarks,
    *,
    task: Task = "chat_completion",
    model: str = "",
    tokenizer: Tokenizer | None = None,
    context: int | None = None,
) -> Survey:
    """Look at a file's usable conversations, and say what is wrong with them and with the whole."""

    def work(part: Stretch) -> _Seen:
        seen = _Seen(Remarks(remarks.limit), Estimator(model), tokenizer, context)
        for batch in batches(read_conversations(path, task, part=part)):
            seen.look_at(batch)
        seen.tokenizer = None  # it need not go back through a pipe
        return seen

    first, *others = over_parts(path, work)
    found = first.found
    for other in others:
        found.take(other.found)
        first.estimator.take(other.estimator)
        first.counted = [a + b for a, b in zip(first.counted, other.counted, strict=True)]
    for seen in (first, *others):
        remarks.take(seen.remarks, 0)
    found.tokens = first.estimator.tokens()
    if tokenizer:
        found.tokens = Tokens(first.counted[0], first.counted[1], tokenizer.basis)
    _contradictions(found.answers, remarks)
    _system_prompts(found, remarks)
    _labels(found, remarks)
    _scripts(found, remarks)
    return found


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


@dataclass(slots=True)
class _Seen:
    """What was seen in a part of a file."""

    remarks: Remarks
    estimator: Estimator
    tokenizer: Tokenizer | None
    context: int | None
    found: Survey = field(default_factory=Survey)
    counted: list[int] = field(default_factory=lambda: [0, 0])

    def look_at(self, batch: list[Conversation]) -> None:
        texts = [[message.content for message in one.messages] for one in batch]
        sent = [
            [*said, more] if (more := one.beyond_texts) else said
            for one, said in zip(batch, texts, strict=True)
        ]
        if self.tokenizer:
            sizes = list(self.tokenizer.count(sent))
            self.counted[0] += sum(low for low, _ in sizes)
            self.counted[1] += sum(high for _, high in sizes)
        else:
            sizes = [self.estimator.add(said) for said in sent]
        for one, said, (low, high) in zip(batch, texts, sizes, strict=True):
            self.found.token_counts.append((low + high) // 2)
            if self.context and high > self.context:
                _too_long(self.remarks, one.line, low, high, self.context)
            self._take_in(one, said)

    def _take_in(self, one: Conversation, texts: list[str]) -> None:
        found, system = self.found, one.system
        turns = texts if system is None else texts[1:]
        found.conversations += 1
        found.turns[len(turns)] += 1
        if system is None:
            found.without_system += 1
            found.first_without_system = found.first_without_system or one.line
        elif len(found.system_prompts) < _MANY_PROMPTS or system in found.system_prompts:
            found.system_prompts[system] += 1
        answer = texts[-1].strip()
        if len(answer) <= _LABEL_LENGTH and len(found.labels) < _MANY_LABELS:
            found.labels[answer] += 1
            found.label_order.append(answer)
        if not answer and b'"tool_calls"' in one.raw:
            found.calls_last.append(one.line)
        if script := dominant(characters(turns)):
            found.scripts[script] += 1
            found.line_of_script.setdefault(script, one.line)
        if len(turns) == 2:
            _remember(found.answers, one.line, system, turns[0], answer)
        if broken := _broken(texts):
            text = f"reads like text that was decoded wrongly: '{broken[1]}'."
            path = f"messages[{broken[0]}].content"
            self.remarks.add(Remark("FT-D020", one.line, path, text))
        if found.conversations <= 1000:
            _unused_fields(one, self.remarks)


def _remember(answers: Answers, line: int, system: str | None, question: str, answer: str) -> None:
    asked = " ".join(question.casefold().split())
    if asked:
        answers.questions.append(_hash(f"{system or ''}\0{asked}"))
        answers.answers.append(_hash(answer))
        answers.lines.append(line * 2 + (system is not None))


def _hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def _contradictions(answers: Answers, remarks: Remarks) -> None:
    """Says which questions were answered before, and differently."""
    if len(set(answers.questions)) == len(answers.questions):
        return  # as nearly always, and numpy need not be loaded
    import numpy

    questions = numpy.frombuffer(answers.questions, dtype=numpy.uint64)
    said = numpy.frombuffer(answers.answers, dtype=numpy.uint64)
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


def _broken(texts: list[str]) -> tuple[int, str] | None:
    """The first message that holds what wrong decoding leaves, and that."""
    for index, text in enumerate(texts):
        if not text.isascii() and (broken := _MOJIBAKE.search(text)):
            return index, broken[0]
    return None


_MOJIBAKE = re.compile(
    "\ufffd|[ÃÂ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[™œ“”˜¦]|à¤[\x80-\xbf]|Ø[§-¹]Ù"
)


def _unused_fields(one: Conversation, remarks: Remarks) -> None:
    if "FT-D017" in remarks.counts:
        return
    value = fields_of(one.raw)
    strange = [key for key in value if key not in ("messages", "tools")]
    for message in value.get("messages", ()):
        strange += [key for key in message if key not in ("role", "content", "tool_calls", "name")]
    strange = [key for key in dict.fromkeys(strange) if key != "tool_call_id"]
    if strange and "messages" in value:
        names = ", ".join(f"'{key[:30]}'" for key in strange[:4])
        remarks.add(Remark("FT-D017", one.line, "", f"{names}: the service does not use it."))


def _too_long(remarks: Remarks, line: int, low: int, high: int, context: int) -> None:
    if low > context:
        count = f"{low:,}" if low == high else f"at least {low:,}"
        text = f"{count} tokens; the model sees {context:,}, and the end is cut off."
        remarks.add(Remark("FT-D071", line, "", text))
    elif high > context:
        text = f"{low:,} to {high:,} tokens by estimate; the model sees {context:,}."
        remarks.add(Remark("FT-D072", line, "", text))


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
