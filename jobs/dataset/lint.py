"""One pass over a file of conversations: structure, turns, encoding, exact repeats, secrets.

The hot loop is the point of this module: msgspec decodes a block of lines at once, holds them to
their form, and hashes them, all in C; everything else is for `jobs.dataset.explain`, which is slow
and knows the words. Memory is a block of lines, and twelve bytes a conversation.
"""

import gc
from array import array
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, BinaryIO, Literal

import msgspec

from jobs.dataset import explain
from jobs.dataset.bytewise import pattern
from jobs.dataset.lines import WHOLE, Block, Stretch, blocks
from jobs.dataset.privacy import find_private, find_private_in
from jobs.dataset.remarks import Remark, Remarks

Task = Literal["chat_completion", "text_completion"]


Role = Literal["system", "user", "assistant"]
Content = Annotated[str, msgspec.Meta(min_length=1)]


class _Message(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
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


def lint(file: BinaryIO, wish: Wish, part: Stretch = WHOLE) -> Tally:
    """Pass over the lines of a file, or of a part of it."""
    tally = Tally(Remarks(wish.limit))
    with _no_collector():
        for block in blocks(file, part):
            if block.too_long:
                explain.too_long(tally.remarks, block.first_line, block.too_long)
                tally.lines = block.first_line
            else:
                _look_at(block, tally, wish, begins_file=part.start == 0)
    return tally


def _look_at(block: Block, tally: Tally, wish: Wish, *, begins_file: bool) -> None:
    data, number = block.data, block.first_line
    if begins_file and number == 1 and data.startswith(_BOM):
        tally.remarks.add(Remark("FT-D004", 1, "", "the file begins with a byte order mark."))
        data = data[len(_BOM) :]
    tally.lines = number + block.lines - 1
    if b"\r" in data:
        explain.carriage_returns(tally.remarks, data.split(b"\n"), number)
    readable: list[tuple[int, bytes]] = []
    if wish.task == "chat_completion":
        _chat(data, number, block.lines, tally, readable)
    else:
        _text(data, number, tally, readable)
    if wish.private:
        said = find_private(data, number, tally.remarks)
        if readable:
            find_private_in(readable, tally.remarks, said)


def _chat(
    data: bytes, first: int, lines: int, tally: Tally, readable: list[tuple[int, bytes]]
) -> None:
    """Whole blocks at once; one with an odd line is halved until only the odd lines are left."""
    if _all_good(data, first, lines, tally):
        return
    cut = data.find(b"\n", len(data) // 2)
    if cut < 0 or lines < _FEW_LINES:
        for number, line in enumerate(data.split(b"\n"), first):
            _one_line(line, number, tally, readable)
        return
    before = data.count(b"\n", 0, cut) + 1
    _chat(data[:cut], first, before, tally, readable)
    _chat(data[cut + 1 :], first + before, lines - before, tally, readable)


def _all_good(data: bytes, first: int, lines: int, tally: Tally) -> bool:
    """The hot loop: a microsecond more a line is a second more on a million lines.

    Nothing is taken down before the whole block has turned out to be good.
    """
    if not data.startswith(b"{") or _ODD_BLOCK.search(data):
        return False
    conversations = _decoded(data)
    if conversations is None or len(conversations) != lines:
        return False  # several in a line; msgspec doesn't mind
    orders = [tuple(map(_role_of, conversation.messages)) for conversation in conversations]
    if not _GOOD_ORDERS.issuperset(orders):
        return False
    contents = [message.content for one in conversations for message in one.messages]
    if any(map(str.isspace, contents)):
        return False
    tally.hashes.extend(map(hash, conversations))
    tally.hashed_lines.extend(range(first, first + len(conversations)))
    return True


def _decoded(data: bytes) -> list[_Conversation] | None:
    """The conversations of some lines; None if one of them is none."""
    try:
        return _decode_strictly(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        data.decode()  # msgspec skips the fields that it isn't asked for, whatever bytes they are
        loose = _decode_loosely(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return [
        _Conversation(tuple([_Message(m.role, m.content) for m in one.messages])) for one in loose
    ]


def _one_line(line: bytes, number: int, tally: Tally, readable: list[tuple[int, bytes]]) -> None:
    """A line that may be odd: everything that is wrong with it, and its hash if it can be used."""
    conversations = None if _SPECIAL.search(line) else _decoded(line)
    if conversations is None or len(conversations) != 1 or not conversations[0].messages:
        if explain.line(tally.remarks, line, number):
            tally.hashes.append(hash(line.strip()))
            tally.hashed_lines.append(number)
        return
    conversation = conversations[0]
    roles = tuple(message.role for message in conversation.messages)
    texts = [message.content for message in conversation.messages]
    explain.texts(tally.remarks, texts, number)
    if explain.order(tally.remarks, roles, number) and len(_GOOD_ORDERS) < _MANY_ORDERS:
        _GOOD_ORDERS.add(roles)
    tally.hashes.append(hash(conversation))
    tally.hashed_lines.append(number)
    if b"\\u" in line or not line.isascii():
        readable.append((number, msgspec.json.encode(texts)))


def _text(data: bytes, first: int, tally: Tally, readable: list[tuple[int, bytes]]) -> None:
    """Prompts and completions, which are few enough not to need a fast path."""
    for number, line in enumerate(data.split(b"\n"), first):
        pair = explain.text_line(tally.remarks, line, number)
        if pair is None:
            continue
        tally.hashes.append(hash(pair))
        tally.hashed_lines.append(number)
        if b"\\u" in line or not line.isascii():
            readable.append((number, msgspec.json.encode(pair)))


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
_ODD_BLOCK = pattern(rb"\n[^{]|\\u00[0-7]|" + _SPECIAL_BYTES)
"""In one pass: the same; a line that begins oddly (a blank one, say, which another with two
conversations would make up for in a count); an escaped control character, or text that the search
for secrets can't read as it is."""
_BOM = b"\xef\xbb\xbf"
_FEW_LINES = 8
_MANY_ORDERS = 10_000
_GOOD_ORDERS: set[tuple[str, ...]] = {
    (*system, *("user", "assistant") * turns)
    for system in ((), ("system",))
    for turns in range(1, 9)
}
"""Orders of roles that nothing is wrong with; others join them when they were looked at."""
