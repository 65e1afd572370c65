"""Reads the texts of a file, where `lint` only holds them to their form.

Every conversation is looked at, a batch at a time: what can be counted for a batch at once costs no
object of Python's for each. What is kept of a conversation is thirty bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from jobs.dataset.conversations import Conversation, Task, fields_of
from jobs.dataset.lint import Wish
from jobs.dataset.parallel import read_file
from jobs.dataset.remarks import Remark, Remarks
from jobs.dataset.scripts import characters_of_each, dominant_of_each
from jobs.dataset.survey import Answers, Survey, judge
from jobs.dataset.tokens import Estimator, Tokenizer, Tokens

_LABEL_LENGTH = 40
_MANY_LABELS = 1000
"""So many different short answers are no labels, and need not be kept."""
_MANY_PROMPTS = 5000
_LOOKED_FOR_FIELDS = 1000


def survey(path: Path, task: Task = "chat_completion") -> Survey:
    """What is in a file's usable conversations, by every core if the file is large.

    Raises:
        UnreadableFileError: The file can't be read.
    """
    wish = Wish(task=task, private=False, limit=0)
    _, surveyor = read_file(path, wish, lambda: Surveyor(0))
    return surveyor.outcome(Remarks(0))


@dataclass(slots=True)
class Surveyor:
    """Takes down what is in a part of a file."""

    limit: int
    """How many remarks of one rule are kept."""
    model: str = ""
    tokenizer: Tokenizer | None = None
    context: int | None = None
    """How many tokens the model sees."""
    found: Survey = field(default_factory=Survey)
    remarks: Remarks = field(init=False)
    estimator: Estimator = field(init=False)
    counted: tuple[int, int] = (0, 0)
    """The tokens that the tokenizer counted: at least, and at most."""

    def __post_init__(self) -> None:
        self.remarks = Remarks(self.limit)
        self.estimator = Estimator(self.model)

    def look_at(self, batch: Sequence[Conversation]) -> None:
        """Take in the next conversations."""
        columns = _columns_of(batch)
        self._tokens(columns)
        self._prompts(columns)
        self._answers(columns)
        self._languages(columns)
        self._decoding(columns)
        for one in batch[: max(0, _LOOKED_FOR_FIELDS - self.found.conversations)]:
            _unused_fields(one, self.remarks)
        self.found.conversations += len(batch)

    def rest(self) -> None:
        """Let go of the tokenizer, which is large."""
        self.tokenizer = None

    def take(self, other: "Surveyor", lines_before: int) -> None:
        """Take in what was seen in the next part."""
        self.found.take(other.found, lines_before)
        self.remarks.take(other.remarks, lines_before)
        self.estimator.take(other.estimator)
        self.counted = (self.counted[0] + other.counted[0], self.counted[1] + other.counted[1])

    def outcome(self, remarks: Remarks, counted_by: Tokenizer | None = None) -> Survey:
        """What was found in the whole; what is wrong with it goes to `remarks`."""
        remarks.take(self.remarks, 0)
        self.found.tokens = (
            Tokens(*self.counted, counted_by.basis) if counted_by else self.estimator.tokens()
        )
        judge(self.found, remarks)
        return self.found

    def _tokens(self, batch: "_Columns") -> None:
        more = {row: one.beyond_texts for row, one in enumerate(batch.conversations) if one.raw}
        more = {row: text for row, text in more.items() if text}
        sent = [[*said, more[row]] if row in more else said for row, said in enumerate(batch.texts)]
        if self.tokenizer:
            sizes = numpy.array(list(self.tokenizer.count(sent)), dtype=numpy.int64)
            low, high = sizes[:, 0], sizes[:, 1]
            self.counted = (self.counted[0] + int(low.sum()), self.counted[1] + int(high.sum()))
        else:
            # Most conversations share a system prompt: each is counted once.
            prompts = list(dict.fromkeys(batch.prompts))
            row_of = {prompt: row for row, prompt in enumerate(prompts)}
            rows = [row_of[prompt] for prompt in batch.prompts]
            counts = batch.counts + characters_of_each(prompts)[rows]
            if more:
                counts[list(more)] += characters_of_each(list(more.values()))
            low, high = self.estimator.add(sent, counts)
        self.found.token_counts.extend(((low + high) // 2).tolist())
        if self.context:
            for row in numpy.flatnonzero(high > self.context).tolist():
                line, least, most = batch.conversations[row].line, int(low[row]), int(high[row])
                _too_long(self.remarks, line, least, most, self.context)

    def _prompts(self, batch: "_Columns") -> None:
        found = self.found
        prompts = [system for system in batch.systems if system is not None]
        if len(prompts) < len(batch.systems):
            if not found.without_system:
                first = batch.systems.index(None)
                found.first_without_system = batch.conversations[first].line
            found.without_system += len(batch.systems) - len(prompts)
        if len(found.system_prompts) + len(prompts) <= _MANY_PROMPTS:
            found.system_prompts.update(prompts)
            return
        for prompt in prompts:
            if len(found.system_prompts) < _MANY_PROMPTS or prompt in found.system_prompts:
                found.system_prompts[prompt] += 1

    def _answers(self, batch: "_Columns") -> None:
        found = self.found
        found.turns.update(map(len, batch.turns))
        for row, texts in enumerate(batch.texts):
            answer = texts[-1].strip()
            if len(answer) <= _LABEL_LENGTH:
                if len(found.labels) < _MANY_LABELS:
                    found.labels[answer] += 1
                    found.label_order.append(answer)
                if not answer and b'"tool_calls"' in batch.conversations[row].raw:
                    found.calls_last.append(batch.conversations[row].line)
            if len(batch.turns[row]) == 2:
                line, system = batch.conversations[row].line, batch.systems[row]
                _remember(found.answers, line, system, batch.turns[row][0], answer)

    def _languages(self, batch: "_Columns") -> None:
        scripts = dominant_of_each(batch.joined, batch.counts)
        for one, script in zip(batch.conversations, scripts, strict=True):
            if script and script not in self.found.line_of_script:
                self.found.line_of_script[script] = one.line
        self.found.scripts.update(filter(None, scripts))

    def _decoding(self, batch: "_Columns") -> None:
        broken_prompts = {prompt for prompt in set(batch.prompts) if _may_be_broken(prompt)}
        for row, text in enumerate(batch.joined):
            if not (_may_be_broken(text) or batch.prompts[row] in broken_prompts):
                continue
            if broken := _broken(batch.texts[row]):
                shown = f"reads like text that was decoded wrongly: '{broken[1]}'."
                path = f"messages[{broken[0]}].content"
                self.remarks.add(Remark("FT-D020", batch.conversations[row].line, path, shown))


class _Columns(NamedTuple):
    """A batch of conversations, a list for each thing that more than one look asks for."""

    conversations: Sequence[Conversation]
    texts: list[list[str]]
    systems: list[str | None]
    prompts: list[str]
    """The same, empty where there is none."""
    turns: list[list[str]]
    """The texts without the system prompt that they begin with."""
    joined: list[str]
    """All turns as one text."""
    counts: Any
    """The characters of the turns, by script."""


def _columns_of(batch: Sequence[Conversation]) -> _Columns:
    texts = [[message.content for message in one.messages] for one in batch]
    systems = [one.system for one in batch]
    turns = [
        said if system is None else said[1:] for said, system in zip(texts, systems, strict=True)
    ]
    joined = ["".join(said) for said in turns]
    prompts = [system or "" for system in systems]
    return _Columns(batch, texts, systems, prompts, turns, joined, characters_of_each(joined))


def _remember(answers: Answers, line: int, system: str | None, question: str, answer: str) -> None:
    asked = " ".join(question.casefold().split())
    if asked:
        answers.questions.append(hash(f"{system or ''}\0{asked}"))
        answers.answers.append(hash(answer))
        answers.lines.append(line * 2 + (system is not None))


def _broken(texts: list[str]) -> tuple[int, str] | None:
    """The first message that holds what wrong decoding leaves, and that."""
    for index, text in enumerate(texts):
        if not text.isascii() and (broken := _MOJIBAKE.search(text)):
            return index, broken[0]
    return None


def _may_be_broken(text: str) -> bool:
    """Whether a character is there that what wrong decoding leaves begins with."""
    return not text.isascii() and any(map(text.__contains__, "\ufffdÃÂâàØ"))


_MOJIBAKE = re.compile(
    "\ufffd|[ÃÂ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[™œ“”˜¦]|à¤[\x80-\xbf]|Ø[§-¹]Ù"
)


def _unused_fields(one: Conversation, remarks: Remarks) -> None:
    if not one.raw or "FT-D017" in remarks.counts:
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
