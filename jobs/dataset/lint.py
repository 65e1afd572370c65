"""One pass over a file of conversations: structure, turns, encoding, exact duplicates, secrets.

The hot loop is the point of this module. msgspec decodes a line just far enough: roles as text,
contents as raw bytes that are never copied into Python strings. A line on which nothing is odd
costs one decode, one dictionary look-up for its roles and one hash; everything else is for
`jobs.dataset.explain`, which is slow and knows the words. Memory is a block of lines, and eight
bytes and a dictionary entry a conversation.
"""

import gc
from array import array
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

import msgspec
from xxhash import xxh3_64_intdigest

from jobs.dataset import explain
from jobs.dataset.lines import MAX_LINE_BYTES, Block, blocks
from jobs.dataset.privacy import find_private
from jobs.dataset.remarks import Remark, Remarks

Task = Literal["chat_completion", "text_completion"]


class _Message(msgspec.Struct, gc=False):
    role: Literal["system", "user", "assistant"]
    content: msgspec.Raw


class _Conversation(msgspec.Struct, gc=False):
    messages: list[_Message]


class _TextMessage(msgspec.Struct, gc=False):
    role: Literal["system", "user", "assistant"]
    content: str


class _TextConversation(msgspec.Struct, gc=False):
    messages: list[_TextMessage]


_decode = msgspec.json.Decoder(_Conversation).decode
_decode_texts = msgspec.json.Decoder(_TextConversation).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a pass looks for."""

    private: bool = True
    """Secrets and personal data."""
    long_bytes: int = MAX_LINE_BYTES
    """From how many bytes on a line is remembered as long."""
    task: Task = "chat_completion"
    limit: int = 200
    """How many findings of one rule are kept; more are counted."""


@dataclass(slots=True)
class Tally:
    """What a pass over (a part of) a file has seen. Small enough to send between processes."""

    remarks: Remarks
    lines: int = 0
    content_bytes: int = 0
    messages: int = 0
    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    """One for each usable conversation, equal for equal roles and texts."""
    hashed_lines: "array[int]" = field(default_factory=lambda: array("I"))
    """The line of each hash."""
    long_lines: "array[int]" = field(default_factory=lambda: array("I"))
    """Lines so long that the model's context might not hold them."""
    orders: dict[tuple[str, ...], int] = field(default_factory=dict[tuple[str, ...], int])
    """How often each order of roles is met."""

    @property
    def conversations(self) -> int:
        """How many conversations the service would train on."""
        return len(self.hashes)


def lint(file: BinaryIO, wish: Wish, *, start: int = 0, end: int | None = None) -> Tally:
    """Pass over the lines of a file, or of a part of it; lines are counted from its start."""
    tally = Tally(Remarks(wish.limit))
    pass_over = _chat if wish.task == "chat_completion" else _text
    with _no_collector():
        for block in blocks(file, start=start, end=end):
            if block.too_long:
                explain.too_long(tally.remarks, block.first_line, block.too_long)
                tally.lines = block.first_line
            else:
                _look_at(block, tally, wish, pass_over, begins_file=start == 0)
    return tally


def _look_at(
    block: Block, tally: Tally, wish: Wish, pass_over: "_PassOver", *, begins_file: bool
) -> None:
    data, number = block.data, block.first_line
    if begins_file and number == 1 and data.startswith(_BOM):
        tally.remarks.add(Remark("FT-D004", 1, "", "the file begins with a byte order mark."))
        data = data[len(_BOM) :]
    lines = data.split(b"\n")
    tally.lines = number + len(lines) - 1
    if b"\r" in data:
        explain.carriage_returns(tally.remarks, lines, number)
    rewritten = pass_over(lines, number, tally, wish, has_blanks=_BLANKS in data)
    if wish.private:
        find_private(b"\n".join(lines) if rewritten else data, number, tally.remarks)


class _PassOver(Protocol):
    def __call__(
        self, lines: list[bytes], first: int, tally: Tally, wish: Wish, *, has_blanks: bool
    ) -> bool: ...


def _chat(lines: list[bytes], first: int, tally: Tally, wish: Wish, *, has_blanks: bool) -> bool:
    """The hot loop: a microsecond more a line is a second more on a million lines.

    Gives whether it has put readable text in the place of lines that are written in escapes.
    """
    decode, decode_texts, isspace = _decode, _decode_texts, str.isspace
    digest, join, private = xxh3_64_intdigest, b"\0".join, wish.private
    between = '"\0"'
    remarks, orders = tally.remarks, tally.orders
    add_hash, add_line, long_bytes = tally.hashes.append, tally.hashed_lines.append, wish.long_bytes
    content_bytes = messages_seen = 0
    rewritten = False
    for number, line in enumerate(lines, first):
        try:
            if b"\\" in line or not line.isascii():
                # Decoding to text checks UTF-8 and makes escaped and plain spellings the same.
                messages = decode_texts(line).messages
                roles = tuple([message.role for message in messages])
                texts = [message.content for message in messages]
                said = f'"{between.join(texts)}"'
                # UTF-16 for hashing only: it is several times faster to make than UTF-8.
                text = said.encode() if said.isascii() else said.encode("utf-16-le")
                if "" in texts or any(map(isspace, texts)) or b"\\u00" in line:
                    explain.texts(remarks, texts, number)
                if private and b"\\u" in line:
                    lines[number - first] = said.encode().replace(b"\n", b" ")
                    rewritten = True
            else:
                raw_messages = decode(line).messages
                roles = tuple([message.role for message in raw_messages])
                raw = [message.content for message in raw_messages]
                text = join(raw)
                if min(map(len, raw)) < _SHORT or has_blanks:
                    explain.raw_texts(remarks, raw, number)
                if text.count(_BETWEEN) != len(raw) - 1 or text[0] != 34 or text[-1] != 34:
                    _odd_line(line, number, tally)  # some content is not a text
                    continue
        except (msgspec.MsgspecError, RecursionError, ValueError):
            _odd_line(line, number, tally)
            continue
        if roles in orders:
            orders[roles] += 1
        else:
            orders[roles] = 1
        if roles not in _GOOD_ORDERS:
            _order(remarks, roles, number)
        add_hash(digest(text, len(roles)))
        add_line(number)
        if len(line) > long_bytes:
            tally.long_lines.append(number)
        content_bytes += len(text)
        messages_seen += len(roles)
    tally.content_bytes += content_bytes
    tally.messages += messages_seen
    return rewritten


def _odd_line(line: bytes, number: int, tally: Tally) -> None:
    """A line that is not a plain conversation: nothing, broken, or one with tools."""
    if explain.line(tally.remarks, line, number):
        tally.hashes.append(xxh3_64_intdigest(line.strip()))
        tally.hashed_lines.append(number)


def _order(remarks: Remarks, roles: tuple[str, ...], number: int) -> None:
    if explain.order(remarks, roles, number) and len(_GOOD_ORDERS) < 10_000:
        _GOOD_ORDERS.add(roles)


def _text(
    lines: list[bytes],
    first: int,
    tally: Tally,
    wish: Wish,
    *,
    has_blanks: bool,  # noqa: ARG001
) -> bool:
    """The loop over prompts and completions, which are few enough not to need a fast path."""
    rewritten = False
    for number, line in enumerate(lines, first):
        pair = explain.text_line(tally.remarks, line, number)
        if pair is None:
            continue
        text = "\0".join(pair).encode()
        tally.hashes.append(xxh3_64_intdigest(text, 2))
        tally.hashed_lines.append(number)
        tally.content_bytes += len(text)
        tally.messages += 2
        if len(line) > wish.long_bytes:
            tally.long_lines.append(number)
        if b"\\u" in line and wish.private:
            lines[number - first] = text.replace(b"\n", b" ").replace(b"\0", b" ")
            rewritten = True
    return rewritten


@contextmanager
def _no_collector() -> Generator[None]:
    """Nothing made here holds a circle, and the collector would look for one every 700 lines."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_BOM = b"\xef\xbb\xbf"
_BETWEEN = b'"\0"'
_SHORT = 10
"""Contents shorter than this (quotes counted) are looked at one by one: `""`, `null`, `"   "`."""
_BLANKS = b'"' + b" " * (_SHORT - 2)
"""How a longer content of nothing but spaces begins."""
_GOOD_ORDERS: set[tuple[str, ...]] = set()
"""Orders of roles that were looked at and have nothing wrong with them."""
