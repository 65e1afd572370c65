"""Text to token ids and back, and Phi's chat template.

Byte-level BPE: every text can be encoded, and ids turn back into exactly the bytes they came from.
A turn is `<|role|>text<|end|>`, as in Phi-4-mini (Phi-3 has the same markers, and newlines).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
END_OF_TURN = "<|end|>"
ROLES = ("system", "user", "assistant")
MARKERS = (END_OF_TEXT, END_OF_TURN, *(f"<|{role}|>" for role in ROLES))
"""Special tokens, ids 0 …; only the template writes them, never a message's text."""

_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
# Where merges stop: Phi-4-mini's pattern (o200k). Unlike GPT-2's, it keeps a vowel sign with its
# word; without that, Devanagari takes almost four times the tokens, and the stand-in learns none.
_WORD = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


class ChatTokenizer:
    """A byte-level tokenizer with Phi's chat markers."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A marker inside a message is text: it must not open a turn. (Not kept in tokenizer.json.)
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._bytes = _bytes_by_id(tokenizer)

    @classmethod
    def trained_on(cls, texts: Iterable[str], vocabulary_size: int) -> Self:
        """Learns the merges of frequent byte pairs; with no text, every byte stays a token."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORD), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            min_frequency=2,
            special_tokens=list(MARKERS),
            # Sorted, so that markers and bytes have the same ids whatever the texts were.
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a tokenizer.json."""
        return cls(Tokenizer.from_file(str(path)))

    def save(self, path: Path) -> None:
        """Writes a tokenizer.json."""
        self._tokenizer.save(str(path))

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are."""
        return len(self._bytes)

    def encode(self, text: str) -> list[int]:
        """Gives a text's ids; a marker in the text is text like any other."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def bytes_of(self, token: int) -> bytes:
        """Gives the bytes that a token stands for: none for a marker."""
        return self._bytes[token]

    def text_of(self, token: int) -> str:
        """Gives what people are shown of a token: a marker's name, or escaped bytes.

        Bytes are escaped where they are no text by themselves, as OpenAI does.
        """
        if self.is_marker(token):
            return MARKERS[token]
        content = self._bytes[token]
        try:
            return content.decode()
        except UnicodeDecodeError:
            return "".join(f"\\x{byte:02x}" for byte in content)

    def is_marker(self, token: int) -> bool:
        """Whether a token is the template's; the first one of an answer is its end."""
        return token < len(MARKERS)

    @property
    def role_markers(self) -> slice:
        """The ids that open a turn."""
        return slice(MARKERS.index("<|system|>"), len(MARKERS))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Gives the conversation so far, and the marker after which the answer follows."""
        tokens = [token for message in messages for token in self._turn(message)]
        return [*tokens, _MARKER_IDS["<|assistant|>"]]

    def conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """Gives a whole conversation, and which of its tokens the assistant wrote.

        The end of an assistant's turn is the assistant's: it has to learn to stop.
        """
        tokens: list[int] = []
        written: list[bool] = []
        for message in messages:
            turn = self._turn(message)
            opening = 1 if message.role in ROLES else len(self._opening(message.role))
            tokens += turn
            written += [False] * opening
            written += [message.role == "assistant"] * (len(turn) - opening)
        return tokens, written

    def _turn(self, message: Message) -> list[int]:
        text = self.encode(message.content)
        return [*self._opening(message.role), *text, _MARKER_IDS[END_OF_TURN]]

    def _opening(self, role: str) -> list[int]:
        marker = f"<|{role}|>"
        # Phi-4-mini's template writes any role as it is named: one without a token becomes text.
        return [_MARKER_IDS[marker]] if marker in _MARKER_IDS else self.encode(marker)


_MARKER_IDS = {marker: index for index, marker in enumerate(MARKERS)}


def _bytes_by_id(tokenizer: Tokenizer) -> list[bytes]:
    """Gives each id's bytes, undoing the letters that byte-level BPE writes for them."""
    # Printable Latin-1 stands for itself, the other 68 bytes for U+0100 … in order (GPT-2's table).
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in set(printable)]
    letters = {chr(byte): byte for byte in printable}
    letters |= {chr(0x100 + index): byte for index, byte in enumerate(others)}
    table = [b""] * tokenizer.get_vocab_size()
    for token, index in tokenizer.get_vocab().items():
        if index >= len(MARKERS):
            table[index] = bytes(letters[letter] for letter in token)
    return table
