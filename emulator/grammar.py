"""What an answer's bytes may be, one after another: a recogniser that tokens are chosen by.

A grammar is a node; a `State` is the set of all ways in which the bytes so far may go on, each a
stack of the nodes that are still to come. JSON is ready-made (`JSON_OBJECT`), in UTF-8 and without
what a reader could stumble over: lone surrogates, numbers too large for a float.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, eq=False)
class OneOf:
    """One byte out of some."""

    allowed: frozenset[int]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One after another."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several."""

    options: "tuple[Node, ...]"


@dataclass(frozen=True, eq=False)
class Repeat:
    """As often as one likes, or never; the part itself is never empty."""

    part: "Node"


@dataclass(frozen=True, eq=False)
class AnyValue:
    """Any JSON value: it holds others of its kind, so it is opened where it is met."""


Node = OneOf | Sequence | Choice | Repeat | AnyValue
"""Something that may come next, told apart by identity: a state is a set of them."""

Stack = tuple[Node, ...]
State = frozenset[Stack]
"""Every stack begins with a `OneOf`; the empty one says that nothing more need come."""


def start(node: Node) -> State:
    """Where nothing has been said yet."""
    return frozenset(_opened((node,)))


def after(state: State, said: bytes) -> State | None:
    """Where some bytes lead; None where they can't come here."""
    for byte in said:
        state = _after(state, byte)
        if not state:
            return None
    return state


def is_whole(state: State) -> bool:
    """Whether it may end here."""
    return () in state


def is_over(state: State) -> bool:
    """Whether it must end here."""
    return state == _END


@lru_cache(maxsize=50_000)
def closing(state: State) -> bytes:
    """The fewest bytes that bring it to an end."""
    return min((b"".join(map(_shortest, stack)) for stack in state), key=len)


@lru_cache(maxsize=50_000)
def _shortest(node: Node) -> bytes:
    if isinstance(node, OneOf):
        return bytes([min(node.allowed)])
    if isinstance(node, Sequence):
        return b"".join(map(_shortest, node.parts))
    if isinstance(node, Choice):
        return min(map(_shortest, node.options), key=len)
    return b"" if isinstance(node, Repeat) else b"0"


@lru_cache(maxsize=200_000)
def _after(state: State, byte: int) -> State:
    return frozenset(
        opened
        for stack in state
        if stack and isinstance(stack[0], OneOf) and byte in stack[0].allowed
        for opened in _opened(stack[1:])
    )


def _opened(stack: Stack) -> Iterator[Stack]:
    """The stacks that one stands for, each with a byte at its top, or empty."""
    if not stack or isinstance(stack[0], OneOf):
        yield stack
        return
    top, rest = stack[0], stack[1:]
    if isinstance(top, Sequence):
        yield from _opened((*top.parts, *rest))
    elif isinstance(top, Choice):
        for option in top.options:
            yield from _opened((option, *rest))
    elif isinstance(top, Repeat):
        yield from _opened(rest)
        yield from _opened((top.part, top, *rest))
    else:
        yield from _opened((_VALUE, *rest))


_END: State = frozenset({()})

# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


def literal(text: str) -> Node:
    """These very characters."""
    return Sequence(tuple(OneOf(frozenset({byte})) for byte in text.encode()))


def separated(part: Node) -> Node:
    """Some of a kind with commas between them, or none."""
    return Choice((Sequence(()), Sequence((part, Repeat(Sequence((COMMA, part)))))))


def _between(low: int, high: int) -> Node:
    return OneOf(frozenset(range(low, high + 1)))


def _at_most(count: int, part: Node) -> Node:
    more: Node = Sequence(())
    for _ in range(count):
        more = Choice((Sequence(()), Sequence((part, more))))
    return more


_SPACE = Choice((Sequence(()), literal(" "), Sequence((literal("\n"), Repeat(literal(" "))))))
COMMA = Sequence((_SPACE, literal(","), _SPACE))
COLON = Sequence((_SPACE, literal(":"), _SPACE))

_NEXT = _between(0x80, 0xBF)
_CHARACTER = Choice(
    (
        OneOf(frozenset(range(0x20, 0x7F)) - set(b'"\\')),
        Sequence((literal("\\"), OneOf(frozenset(b'"\\/bfnrt')))),
        # UTF-8 (RFC 3629, section 4).
        Sequence((_between(0xC2, 0xDF), _NEXT)),
        Sequence((OneOf(frozenset({0xE0})), _between(0xA0, 0xBF), _NEXT)),
        Sequence((OneOf(frozenset({*range(0xE1, 0xED), 0xEE, 0xEF})), _NEXT, _NEXT)),
        Sequence((OneOf(frozenset({0xED})), _between(0x80, 0x9F), _NEXT)),
        Sequence((OneOf(frozenset({0xF0})), _between(0x90, 0xBF), _NEXT, _NEXT)),
        Sequence((_between(0xF1, 0xF3), _NEXT, _NEXT, _NEXT)),
        Sequence((OneOf(frozenset({0xF4})), _between(0x80, 0x8F), _NEXT, _NEXT)),
    )
)
STRING = Sequence((literal('"'), Repeat(_CHARACTER), literal('"')))

_DIGIT = _between(0x30, 0x39)
INTEGER = Sequence(
    (
        Choice((Sequence(()), literal("-"))),
        # So many digits are exact in a float.
        Choice((literal("0"), Sequence((_between(0x31, 0x39), _at_most(14, _DIGIT))))),
    )
)
NUMBER = Sequence(
    (
        INTEGER,
        Choice((Sequence(()), Sequence((literal("."), _DIGIT, _at_most(14, _DIGIT))))),
    )
)
BOOLEAN = Choice((literal("true"), literal("false")))
NULL = literal("null")
VALUE: Node = AnyValue()


def array_of(part: Node) -> Node:
    """A JSON array whose items are of a kind."""
    return Sequence((literal("["), _SPACE, separated(part), _SPACE, literal("]")))


def object_of(members: tuple[tuple[Node, Node], ...]) -> Node:
    """A JSON object with these names and values, all of them and in this order."""
    parts: list[Node] = [literal("{"), _SPACE]
    for index, (name, value) in enumerate(members):
        parts += [COMMA] if index else []
        parts += [name, COLON, value]
    return Sequence((*parts, _SPACE, literal("}")))


JSON_OBJECT: Node = Sequence(
    (
        literal("{"),
        _SPACE,
        separated(Sequence((STRING, COLON, VALUE))),
        _SPACE,
        literal("}"),
    )
)
"""Any JSON object."""

_VALUE = Choice((JSON_OBJECT, array_of(VALUE), STRING, NUMBER, BOOLEAN, NULL))
