"""From rows to tokens, and which of them are learned."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from tuning import custom
from tuning.config import Config
from tuning.errors import Mistake, MistakesError
from tuning.losses import IGNORED
from tuning.rows import Row


@dataclass(frozen=True)
class Example:
    """One sequence. `labels[i]` is token i where it is learned, else IGNORED."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Labelled:
    """A text and the index of its label; of a custom task, its target."""

    input_ids: list[int]
    label: int | float | list[float]


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt; what the untrained model makes of them is added later."""

    chosen: Example
    rejected: Example
    reference: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Prepared:
    """Tokenised rows, and what had to be left out of them."""

    examples: list[Any]
    cut: int
    dropped: int


class Tokens:
    """Turns rows of one task into examples."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: Config) -> None:
        self._tokenizer: Any = tokenizer
        self._config = config
        self._special = [t for t in tokenizer.all_special_tokens if len(t) > 2]
        special = tokenizer.added_tokens_decoder.values()
        self._special += [
            t.content for t in special if t.special and t.content not in self._special
        ]

    def prepare(self, rows: Iterable[Row], file: str) -> Prepared:
        """The examples of rows.

        What is longer than `max_seq_length` is cut, and dropped if nothing to learn is left.

        Raises:
            MistakesError: a text has a role marker in it, the tokenizer no usable template, or
                nothing is left to learn.
        """
        rows = list(rows)
        self._refuse_markers(rows, file)
        longest, answers = self._config.max_seq_length, self._config.loss.answers_only
        examples: list[Any] = []
        cut = 0
        task = custom.task_of(self._config) if self._config.task == "custom" else None
        for number, row in enumerate(rows, 1):
            if task:
                where = f"{file}, row {number}"
                ids, target = custom.tokens_and_target(task, row, self._tokenizer, where)
                examples.append(Labelled(ids[:longest], target))
                cut += len(ids) > longest
                continue
            if self._config.task == "classification":
                ids = self._ids(row["text"])
                examples.append(Labelled(ids[:longest], self._labels.index(row["label"])))
                cut += len(ids) > longest
                continue
            if self._config.task == "preference":
                whole = [self._preferred(row, which) for which in ("chosen", "rejected")]
                chosen, rejected = (self._cut(example) for example in whole)
                if learns(chosen) and learns(rejected):
                    examples.append(Pair(chosen, rejected))
            else:
                text = self._config.task == "text"
                whole = [self._text(row, answers) if text else self._chat(row["messages"], answers)]
                if learns(shortened := self._cut(whole[0])):
                    examples.append(shortened)
            cut += any(len(example.input_ids) > longest for example in whole)
        if not examples:
            what = f"nothing to learn is left of {len(rows)} rows in {longest} tokens."
            raise MistakesError([Mistake(file, what, "Raise `max_seq_length`.")])
        return Prepared(examples, cut, len(rows) - len(examples))

    @property
    def _labels(self) -> list[str]:
        return self._config.layers.labels or []

    def _cut(self, example: Example) -> Example:
        end = self._config.max_seq_length
        return Example(example.input_ids[:end], example.labels[:end])

    # ── tasks ───────────────────────────────────────────────────────────────────────────────

    def _text(self, row: Row, answers: bool) -> Example:
        """A text and its end; of a prompt and its completion, the completion if asked."""
        if "text" in row:
            return self._marked(row["text"] + self._end, [(0, len(row["text"] + self._end))])
        prompt, completion = row["prompt"], row["completion"]
        text = prompt + completion + self._end
        return self._marked(text, [(len(prompt) if answers else 0, len(text))])

    def _chat(self, messages: list[Row], answers: bool) -> Example:
        """A conversation in the model's own template; the assistant's turns if asked.

        No published template of Phi marks the assistant's turns for transformers, so a turn is
        what the conversation up to it has more than the one before it, asked for an answer.
        """
        text = self._render(messages, ask=False)
        if not answers:
            return self._marked(text, [(0, len(text))])
        spans: list[tuple[int, int]] = []
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._render(messages[:number], ask=True) if number else ""
            upto = self._render(messages[: number + 1], ask=False)
            if not text.startswith(before):
                what = "its chat template writes a turn differently when more follow."
                raise MistakesError(
                    [Mistake(self._config.model, what, "Write `loss: cross_entropy`.")]
                )
            spans.append((len(before), _common(text, upto)))
        return self._marked(text, spans)

    def _preferred(self, row: Row, which: str) -> Example:
        """A prompt and one of its two answers; the answer counts."""
        if isinstance(row["prompt"], str):
            text = row["prompt"] + row[which] + self._end
            return self._marked(text, [(len(row["prompt"]), len(text))])
        asked = self._render(row["prompt"], ask=True)
        answer = {"role": "assistant", "content": row[which]}
        text = self._render([*row["prompt"], answer], ask=False)
        return self._marked(text, [(len(asked), len(text))])

    # ── text to tokens ──────────────────────────────────────────────────────────────────────

    @property
    def _end(self) -> str:
        return self._tokenizer.eos_token or ""

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _marked(self, text: str, spans: list[tuple[int, int]]) -> Example:
        """A text's tokens; those within a span are learned, but never the first.

        Nothing comes before the first token of a sequence that could predict it, and in a packed
        sequence what does come before it is another row.
        """
        found = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        labels = [
            token if any(start <= at and to <= end for start, end in spans) else IGNORED
            for token, (at, to) in zip(found["input_ids"], found["offset_mapping"], strict=True)
        ]
        return Example(found["input_ids"], [IGNORED, *labels[1:]])

    def _render(self, messages: list[Row], *, ask: bool) -> str:
        if not self._tokenizer.chat_template:
            what = "its tokenizer has no chat template."
            raise MistakesError([Mistake(self._config.model, what, "Take an instruct model.")])
        return self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=ask
        )

    def _refuse_markers(self, rows: list[Row], file: str) -> None:
        """A marker such as <|system|> in a text would be read as a turn that nobody wrote."""
        if self._config.task in ("text", "custom"):
            return  # such data may write turns itself
        mistakes = [
            Mistake(f"{file}, row {number}", f"{marker} in a text.", "Take it out of the text.")
            for number, row in enumerate(rows, 1)
            for marker in self._special
            if any(marker in text for text in _texts(row))
        ]
        if mistakes:
            raise MistakesError(mistakes[:20])


def learns(example: Example) -> bool:
    """Whether there is anything to learn in an example."""
    return any(label != IGNORED for label in example.labels)


def load_tokenizer(folder: Path | str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, with something to pad with."""
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise MistakesError(
            [Mistake(str(folder), f"no tokenizer: {first_line(error)}", "Name a model's folder.")]
        ) from error
    if not tokenizer.is_fast:
        what = "its tokenizer can't say where in the text a token stands."
        raise MistakesError([Mistake(str(folder), what, "Add its tokenizer.json.")])
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    return sum(
        1 for _ in itertools.takewhile(lambda p: p[0] == p[1], zip(one, other, strict=False))
    )


def _texts(value: object) -> Iterable[str]:
    """Every text in a row, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
