"""One pass over a file of conversations: structure, turns, encoding, exact repeats, secrets.

The hot loop is the point of this module: msgspec decodes a block of lines at once, holds them to
their form, and hashes them, all in C; everything else is for `jobs.dataset.explain`, which is slow
and knows the words. Memory is a block of lines, and twelve bytes a conversation. Whoever reads the
texts is handed what was decoded, so that no line is decoded twice.
"""

import gc
from array import array
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from operator import attrgetter
from typing import Annotated, BinaryIO, Literal

import msgspec

from jobs.dataset import explain
from jobs.dataset.bytewise import pattern
from jobs.dataset.conversations import (
    BATCH,
    BATCH_BYTES,
    Conversation,
    Message,
    Task,
    as_messages,
    messages_of,
)
from jobs.dataset.lines import WHOLE, Block, Stretch, blocks
from jobs.dataset.privacy import SIGNS, find_private, find_private_in
from jobs.dataset.remarks import Remark, Remarks

Role = Literal["system", "user", "assistant"]
Content = Annotated[str, msgspec.Meta(min_length=1)]


class _Message(Message, gc=False, frozen=True, forbid_unknown_fields=True):
    role: Role
    content: Content


class _Conversation(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    messages: tuple[_Message, ...]


class _LooseMessage(msgspec.Struct, gc=False):
    role: Role
    content: Content


class _LooseConversation(msgspec.Struct, gc=False):
    messages: tuple[_LooseMessage, ...]


_decode_strictly = msgspec.json.Decoder(_Conversation).decode_lines
_decode_loosely = msgspec.json.Decoder(_LooseConversation).decode_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a pass looks for."""

    private: bool = True
    """Secrets and personal data."""
    task: Task = "chat_completion"
    limit: int = 200
    """How many findings of one rule are kept; more are counted."""


@dataclass(slots=True)
class Tally:
    """What a pass over (a part of) a file has seen. Small enough to send between processes."""

    remarks: Remarks
    lines: int = 0
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    """One for each usable conversation, equal for equal roles and texts, however they are spelled.

    Python's own hash, which is salted: it means something in this process and its forks only.
    """
    hashed_lines: "array[int]" = field(default_factory=lambda: array("I"))
    """The line of each hash."""

    @property
    def conversations(self) -> int:
        """How many conversations the service would train on."""
        return len(self.hashes)

    def take(self, other: "Tally") -> None:
        """Take in what the pass over the next part has seen; its lines begin with 1 again."""
        self.remarks.take(other.remarks, self.lines)
        self.hashes.extend(other.hashes)
        self.hashed_lines.extend([line + self.lines for line in other.hashed_lines])
        self.lines += other.lines


def lint(
    file: BinaryIO,
    wish: Wish,
    part: Stretch = WHOLE,
    read: Callable[[list[Conversation]], object] | None = None,
) -> Tally:
    """Pass over the lines of a file, or of a part of it; `read` is handed what can be trained on.

    Those are the conversations of `read_conversations`, except that a line which holds nothing but
    roles and texts isn't kept with them.
    """
    on = _Pass(wish, Tally(Remarks(wish.limit)), [] if read else None)
    size = 0
    with _no_collector():
        for block in blocks(file, part):
            if block.too_long:
                explain.too_long(on.tally.remarks, block.first_line, block.too_long)
                on.tally.lines = block.first_line
                continue
            _look_at(block, on, begins_file=part.start == 0)
            size += len(block.data)
            if read and on.usable and (len(on.usable) >= BATCH or size > BATCH_BYTES):
                read(on.usable)
                on.usable, size = [], 0
        if read and on.usable:
            read(on.usable)
    return on.tally


@dataclass(slots=True)
class _Pass:
    """What a pass has in hand."""

    wish: Wish
    tally: Tally
    usable: list[Conversation] | None
    """Conversations that nobody has read yet; None where nobody will."""
    readable: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    """Texts of the block's lines that the search for secrets can't read as they are written."""


def _look_at(block: Block, on: _Pass, *, begins_file: bool) -> None:
    data, number, remarks = block.data, block.first_line, on.tally.remarks
    if begins_file and number == 1 and data.startswith(_BOM):
        remarks.add(Remark("FT-D004", 1, "", "the file begins with a byte order mark."))
        data = data[len(_BOM) :]
    on.tally.lines = number + block.lines - 1
    if b"\r" in data:
        explain.carriage_returns(remarks, data.split(b"\n"), number)
    on.readable = []
    # Most blocks hold nothing odd and nothing private, which one search for both finds out; where
    # there is something, each is looked for from there on.
    suspect = (_ODD_OR_PRIVATE if on.wish.private else _ODD_BLOCK).search(data)
    start = suspect.start() if suspect else len(data)
    if on.wish.task == "chat_completion":
        _chat(data, number, block.lines, on, is_odd=_ODD_BLOCK.search(data, start) is not None)
    else:
        _text(data, number, on)
    if on.wish.private:
        said = find_private(data, number, remarks, start)
        if on.readable:
            find_private_in(on.readable, remarks, said)


def _chat(data: bytes, first: int, lines: int, on: _Pass, *, is_odd: bool) -> None:
    """Whole blocks at once; one with an odd line is halved until only the odd lines are left."""
    if not is_odd and _all_good(data, first, lines, on):
        return
    cut = data.find(b"\n", len(data) // 2)
    if cut < 0 or lines < _FEW_LINES:
        for number, line in enumerate(data.split(b"\n"), first):
            _one_line(line, number, on)
        return
    before = data.count(b"\n", 0, cut) + 1
    for half, begins, count in (
        (data[:cut], first, before),
        (data[cut + 1 :], first + before, lines - before),
    ):
        _chat(half, begins, count, on, is_odd=_ODD_BLOCK.search(half) is not None)


def _all_good(data: bytes, first: int, lines: int, on: _Pass) -> bool:
    """The hot loop: a microsecond more a line is a second more on a million lines.

    Nothing is taken down before the whole block has turned out to be good.
    """
    if not data.startswith(b"{"):
        return False
    conversations, is_bare = _decoded(data)
    if len(conversations) != lines:
        return False  # several in a line; msgspec doesn't mind
    messages = [conversation.messages for conversation in conversations]
    if not _GOOD_ORDERS.issuperset([tuple(map(_role_of, said)) for said in messages]):
        return False
    if any(map(str.isspace, [message.content for said in messages for message in said])):
        return False
    numbers = range(first, first + lines)
    on.tally.hashes.extend(map(hash, conversations))
    on.tally.hashed_lines.extend(numbers)
    if on.usable is not None:
        raw = repeat(b"") if is_bare else data.split(b"\n")
        on.usable += map(Conversation._make, zip(numbers, messages, raw, strict=False))
    return True


def _decoded(data: bytes) -> tuple[list[_Conversation], bool]:
    """The conversations of some lines, none if one is none; and whether that is all they say."""
    try:
        return _decode_strictly(data), True
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        data.decode()  # msgspec skips the fields that it isn't asked for, whatever bytes they are
        loose = _decode_loosely(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return [], False
    return [
        _Conversation(tuple([_Message(m.role, m.content) for m in one.messages])) for one in loose
    ], False


def _one_line(line: bytes, number: int, on: _Pass) -> None:
    """A line that may be odd: everything that is wrong with it, and its hash if it can be used."""
    tally = on.tally
    conversations = [] if _SPECIAL.search(line) else _decoded(line)[0]
    if len(conversations) != 1 or not conversations[0].messages:
        if explain.line(tally.remarks, line, number):
            tally.hashes.append(hash(line.strip()))
            tally.hashed_lines.append(number)
        if on.usable is not None and (messages := messages_of(line, number, on.wish.task)):
            on.usable.append(Conversation(number, messages, line))
        return
    conversation = conversations[0]
    roles = tuple(message.role for message in conversation.messages)
    texts = [message.content for message in conversation.messages]
    explain.texts(tally.remarks, texts, number)
    if explain.order(tally.remarks, roles, number) and len(_GOOD_ORDERS) < _MANY_ORDERS:
        _GOOD_ORDERS.add(roles)
    tally.hashes.append(hash(conversation))
    tally.hashed_lines.append(number)
    if on.usable is not None:
        on.usable.append(Conversation(number, conversation.messages, line))
    if b"\\u" in line or not line.isascii():
        on.readable.append((number, msgspec.json.encode(texts)))


def _text(data: bytes, first: int, on: _Pass) -> None:
    """Prompts and completions, which are few enough not to need a fast path."""
    for number, line in enumerate(data.split(b"\n"), first):
        pair = explain.text_line(on.tally.remarks, line, number)
        if pair is None:
            continue
        on.tally.hashes.append(hash(pair))
        on.tally.hashed_lines.append(number)
        if on.usable is not None:
            on.usable.append(Conversation(number, as_messages(pair), line))
        if b"\\u" in line or not line.isascii():
            on.readable.append((number, msgspec.json.encode(pair)))


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


_role_of = attrgetter("role")
_SPECIAL_BYTES = (
    rb'"(?:tool|weight"|status"|null"|None"|undefined"|NaN"|nan")'
    rb"|<(?:\||<SYS|/?s>)|\[INST\]|\\u003c"
)
_SPECIAL = pattern(_SPECIAL_BYTES)
"""Something may be there that the form of roles and texts doesn't show."""
_ODD_BYTES = rb"\n[^{]|\\u00[0-7]|" + _SPECIAL_BYTES
_ODD_BLOCK = pattern(_ODD_BYTES)
"""In one pass: the same; a line that begins oddly (a blank one, say, which another with two
conversations would make up for in a count); an escaped control character, or text that the search
for secrets can't read as it is."""
_ODD_OR_PRIVATE = pattern(_ODD_BYTES + b"|" + SIGNS)
_BOM = b"\xef\xbb\xbf"
_FEW_LINES = 8
_MANY_ORDERS = 10_000
_GOOD_ORDERS: set[tuple[str, ...]] = {
    (*system, *("user", "assistant") * turns)
    for system in ((), ("system",))
    for turns in range(1, 9)
}
"""Orders of roles that nothing is wrong with; others join them when they were looked at."""
