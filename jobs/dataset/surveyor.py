"""Reads the texts of a file, where `lint` only holds them to their form.

Every conversation is looked at, a batch at a time: what can be counted for a batch at once costs no
object of Python's for each. What is kept of a conversation is thirty bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        texts = [[message.content for message in one.messages] for one in batch]
        systems = [one.system for one in batch]
        turns = [
            said if system is None else said[1:]
            for said, system in zip(texts, systems, strict=True)
        ]
        joined = ["".join(said) for said in turns]
        counts = characters_of_each(joined)
        self._tokens(batch, texts, systems, counts)
        self._prompts(batch, systems)
        self._answers(batch, systems, turns, texts)
        self._languages(batch, joined, counts)
        self._decoding(batch, texts, systems, joined)
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

    def _tokens(
        self,
        batch: Sequence[Conversation],
        texts: list[list[str]],
        systems: Sequence[str | None],
        counts: Any,
    ) -> None:
        more = {row: one.beyond_texts for row, one in enumerate(batch) if one.raw}
        more = {row: text for row, text in more.items() if text}
        sent = [[*said, more[row]] if row in more else said for row, said in enumerate(texts)]
        if self.tokenizer:
            sizes = numpy.array(list(self.tokenizer.count(sent)), dtype=numpy.int64)
            low, high = sizes[:, 0], sizes[:, 1]
            self.counted = (self.counted[0] + int(low.sum()), self.counted[1] + int(high.sum()))
        else:
            # Most conversations share a system prompt: each is counted once.
            prompts = {system or "": 0 for system in systems}
            prompts = {prompt: place for place, prompt in enumerate(prompts)}
            counts = counts + characters_of_each(list(prompts))[[prompts[s or ""] for s in systems]]
            if more:
                counts[list(more)] += characters_of_each(list(more.values()))
            low, high = self.estimator.add(sent, counts)
        self.found.token_counts.extend(((low + high) // 2).tolist())
        if self.context:
            for row in numpy.flatnonzero(high > self.context).tolist():
                _too_long(
                    self.remarks, batch[row].line, int(low[row]), int(high[row]), self.context
                )

    def _prompts(self, batch: Sequence[Conversation], systems: Sequence[str | None]) -> None:
        found = self.found
        prompts = [system for system in systems if system is not None]
        if len(prompts) < len(batch):
            if not found.without_system:
                found.first_without_system = batch[systems.index(None)].line
            found.without_system += len(batch) - len(prompts)
        if len(found.system_prompts) + len(prompts) > _MANY_PROMPTS:
            for prompt in prompts:
                if len(found.system_prompts) < _MANY_PROMPTS or prompt in found.system_prompts:
                    found.system_prompts[prompt] += 1
        else:
            found.system_prompts.update(prompts)

    def _answers(
        self,
        batch: Sequence[Conversation],
        systems: Sequence[str | None],
        turns: list[list[str]],
        texts: list[list[str]],
    ) -> None:
        found = self.found
        found.turns.update(map(len, turns))
        answers = [said[-1].strip() for said in texts]
        for answer in answers:
            if len(answer) <= _LABEL_LENGTH and len(found.labels) < _MANY_LABELS:
                found.labels[answer] += 1
                found.label_order.append(answer)
        for one, answer in zip(batch, answers, strict=True):
            if not answer and b'"tool_calls"' in one.raw:
                found.calls_last.append(one.line)
        for one, system, said, answer in zip(batch, systems, turns, answers, strict=True):
            if len(said) == 2:
                _remember(found.answers, one.line, system, said[0], answer)

    def _languages(self, batch: Sequence[Conversation], joined: list[str], counts: Any) -> None:
        scripts = dominant_of_each(joined, counts)
        for one, script in zip(batch, scripts, strict=True):
            if script and script not in self.found.line_of_script:
                self.found.line_of_script[script] = one.line
        self.found.scripts.update(filter(None, scripts))

    def _decoding(
        self,
        batch: Sequence[Conversation],
        texts: list[list[str]],
        systems: Sequence[str | None],
        joined: list[str],
    ) -> None:
        broken_prompts = {prompt for prompt in set(systems) if prompt and _may_be_broken(prompt)}
        for one, said, system, text in zip(batch, texts, systems, joined, strict=True):
            if not (system in broken_prompts or _may_be_broken(text)):
                continue
            if broken := _broken(said):
                shown = f"reads like text that was decoded wrongly: '{broken[1]}'."
                path = f"messages[{broken[0]}].content"
                self.remarks.add(Remark("FT-D020", one.line, path, shown))


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
