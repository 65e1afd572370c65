"""How many tokens text is: counted where the model's tokenizer is at hand, else an interval.

The intervals are tokens a character, by script and by the family of the model's vocabulary. They
were measured on the Universal Declaration of Human Rights in 48 languages and on this project's
datasets (2026-11-23, tokenizers 0.23.3), and widened: 7 % below the lowest language of a script,
12 % above the highest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from jobs.catalog.catalog import registry_model
from jobs.dataset.english import read_as_english
from jobs.dataset.scripts import COMMON, LATIN, SCRIPTS, characters_of_each
from jobs.files import UnreadableFileError, read_bounded

Family = str
FAMILIES: dict[str, Family] = {
    "phi-3-small": "cl100k",
    "phi-3.5": "llama2",
    "phi-3-": "llama2",
    "phi-4-mini": "o200k",
    "phi-4-multimodal": "o200k",
    "phi-4": "cl100k",
}
"""The vocabulary that a model's is (built on), by the beginning of the model's name: from the
models' cards and reports (vocabularies of 32,064, 100,352 and 200,064)."""

_PER_CHARACTER: dict[str, dict[Family, tuple[float, float]]] = {
    "english": {"o200k": (0.173, 0.245), "cl100k": (0.173, 0.245), "llama2": (0.185, 0.265)},
    "latin": {"o200k": (0.190, 0.600), "cl100k": (0.228, 0.745), "llama2": (0.263, 0.768)},
    "cyrillic": {"o200k": (0.214, 0.390), "cl100k": (0.403, 0.656), "llama2": (0.328, 0.464)},
    "greek": {"o200k": (0.327, 0.395), "cl100k": (0.824, 0.994), "llama2": (0.929, 1.119)},
    "arabic": {"o200k": (0.279, 0.351), "cl100k": (0.638, 0.988), "llama2": (0.829, 1.114)},
    "hebrew": {"o200k": (0.358, 0.433), "cl100k": (0.904, 1.090), "llama2": (0.929, 1.119)},
    "devanagari": {"o200k": (0.263, 0.392), "cl100k": (0.905, 1.138), "llama2": (0.962, 1.181)},
    "indic": {"o200k": (0.311, 0.610), "cl100k": (1.129, 2.038), "llama2": (1.031, 2.583)},
    "thai": {"o200k": (0.387, 0.468), "cl100k": (0.892, 1.076), "llama2": (0.943, 1.136)},
    "han": {"o200k": (0.733, 0.970), "cl100k": (1.076, 1.540), "llama2": (1.027, 1.353)},
    "kana": {"o200k": (0.733, 0.970), "cl100k": (1.075, 1.540), "llama2": (1.027, 1.353)},
    "hangul": {"o200k": (0.524, 0.632), "cl100k": (0.908, 1.095), "llama2": (0.982, 1.183)},
    "georgian": {"o200k": (0.260, 0.314), "cl100k": (1.724, 2.077), "llama2": (0.933, 1.125)},
    "armenian": {"o200k": (0.254, 0.307), "cl100k": (1.727, 2.080), "llama2": (1.002, 1.208)},
    "other": {"o200k": (0.484, 2.220), "cl100k": (1.496, 3.273), "llama2": (1.133, 2.928)},
    "emoji": {"o200k": (1.0, 4.0), "cl100k": (1.0, 4.0), "llama2": (1.0, 5.0)},
}
TEMPLATE_TOKENS = (2, 5)
"""What a chat template adds to a message: a role and an end at least, line breaks at most."""


class Tokens(NamedTuple):
    """A number of tokens, or the ends of the interval it is in."""

    low: int
    high: int
    basis: str
    """How it is known: `counted with tokenizer.json`, `estimated from 90,282 characters …`."""

    @property
    def is_exact(self) -> bool:
        """Whether the ends meet."""
        return self.low == self.high

    def __str__(self) -> str:
        return f"{self.low:,}" if self.is_exact else f"{self.low:,} – {self.high:,}"

    def __add__(self, other: object) -> "Tokens":
        if not isinstance(other, Tokens):
            return NotImplemented
        basis = self.basis if self.basis == other.basis else f"{self.basis}; {other.basis}"
        return Tokens(self.low + other.low, self.high + other.high, basis)


NO_TOKENS = Tokens(0, 0, "")


@dataclass(slots=True)
class Estimator:
    """Adds up texts and says how many tokens they are for one model."""

    model: str = ""
    _counts: list[int] = field(default_factory=lambda: [0] * len(_COLUMNS), init=False)
    _messages: int = field(default=0, init=False)

    def add(self, conversations: Sequence[Sequence[str]], counts: Any = None) -> tuple[Any, Any]:
        """Take in the messages of conversations; the least and the most tokens of each alone.

        `counts` are the characters of each conversation, where somebody has counted them already.
        """
        import numpy

        if counts is None:
            counts = characters_of_each(["".join(texts) for texts in conversations])
        latin = counts[:, LATIN]
        english = numpy.flatnonzero(latin * 2 > counts.sum(axis=1))  # and what of it is English
        english = english[read_as_english([conversations[row] for row in english.tolist()])]
        counts = numpy.column_stack((counts, numpy.zeros_like(latin)))
        counts[english, -1] = latin[english]
        counts[english, LATIN] = 0
        self._counts = [
            a + b for a, b in zip(self._counts, counts.sum(axis=0).tolist(), strict=True)
        ]
        messages = numpy.array([len(texts) for texts in conversations])
        self._messages += int(messages.sum())
        low, high = _interval(counts.T, messages, family_of(self.model))
        return low.astype(numpy.int64), high.astype(numpy.int64) + 1

    def take(self, other: "Estimator") -> None:
        """Take in what another has added up."""
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        self._messages += other._messages

    def tokens(self) -> Tokens:
        """The interval, with what it rests on."""
        low, high = _interval(self._counts, self._messages, family_of(self.model))
        basis = f"no tokenizer file: estimated from {sum(self._counts):,} characters"
        return Tokens(int(low), int(high) + 1 if self._messages else 0, basis)


_COLUMNS = (*SCRIPTS, "english")


@cache
def family_of(model: str) -> Family:
    """The vocabulary of a model; empty where it is not known."""
    name = registry_model(model).lower()
    return next((family for prefix, family in FAMILIES.items() if name.startswith(prefix)), "")


class Tokenizer:
    """A model's own tokenizer, from its tokenizer.json."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UnreadableFileError: It can't be read, or is no tokenizer.
        """
        content = read_bounded(path, 256 << 20)
        import tokenizers

        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_buffer(content)
        except Exception as error:  # the Rust side raises bare Exception
            raise UnreadableFileError(f"it is no tokenizer.json: {error}") from error
        self._tokenizer.no_truncation()
        self.name = path.name
        known = self._tokenizer.get_vocab(with_added_tokens=True)
        # Phi's template: <|role|> text <|end|>, and one end of text.
        self._is_phi = {"<|user|>", "<|assistant|>", "<|end|>"} <= set(known)

    def count(self, conversations: Iterable[Sequence[str]]) -> Iterator[tuple[int, int]]:
        """The tokens of each conversation, template included: a number twice where it is known.

        A few hundred at once are counted faster than one by one.
        """
        batch = list(conversations)
        flat = [text for texts in batch for text in texts]
        encoded = iter(self._tokenizer.encode_batch_fast(flat, add_special_tokens=False))
        for texts in batch:
            total = sum(len(one) for one in islice(encoded, len(texts)))
            if self._is_phi:
                exact = total + 2 * len(texts) + 1
                yield exact, exact
            else:
                low, high = TEMPLATE_TOKENS
                yield total + low * len(texts), total + high * len(texts)

    @property
    def basis(self) -> str:
        """What a count rests on."""
        template = "" if self._is_phi else ", 2 to 5 more a message for the chat template"
        return f"counted with {self.name}{template}"


def estimate(texts: Sequence[str], model: str) -> tuple[int, int]:
    """The interval of one conversation's tokens."""
    low, high = Estimator(model).add([texts])
    return int(low[0]), int(high[0])


def _interval(counts: Sequence[Any], messages: Any, family: Family) -> tuple[Any, Any]:
    """The tokens of characters, by script, with the chat template's: of numbers, or of arrays."""
    import numpy

    common = counts[COMMON]
    letters = sum(counts) - common
    low = high = (letters == 0) * common  # where there is nothing else, they are what there is
    low, high = low * 0.2, high * 1.0
    for name, count in zip(_COLUMNS, counts, strict=True):
        if name == "common" or not numpy.any(count):
            continue
        # Spaces and punctuation were measured with the letters that they stand between.
        share = count + (common * count / (letters + (letters == 0)) if name != "emoji" else 0)
        lowest, highest = _rates(name, family)
        low = low + share * lowest
        high = high + share * highest
    return low + TEMPLATE_TOKENS[0] * messages, high + TEMPLATE_TOKENS[1] * messages


@cache
def _rates(script: str, family: Family) -> tuple[float, float]:
    """Tokens a character, at least and at most."""
    rates = _PER_CHARACTER.get(script, _PER_CHARACTER["other"])
    known = [rates[family]] if family else list(rates.values())
    return min(low for low, _ in known), max(high for _, high in known)
