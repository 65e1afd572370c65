"""YAML as specs use it: PyYAML's C parser, YAML 1.2 scalars, every value with its place.

The C parser composes nodes, which carry their marks; the plain values are built here, because
PyYAML's own constructor reads `2e-5` as a string, `no` as false and `010` as 8, and lets a
second key of the same name win without a word. Places are looked up in the nodes only when a
finding needs one, so a correct file costs less than `yaml.CSafeLoader` takes for it.

What a file can ask of the reader is bounded: bytes, depth, and values after aliases are expanded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from yaml import MappingNode, Node, ScalarNode, SequenceNode
from yaml._yaml import CParser  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.reader import ReaderError

from jobs.values import mapping, sequence

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_VALUES = 50_000
"""Values a file may hold once its aliases are expanded (a "billion laughs" file stops here)."""

Path = tuple[str | int, ...]
"""Where a value is in its document: ("hyperparameters", "epochs")."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What the reader has to say about a place; `load` makes a finding of it."""

    rule: str
    line: int
    column: int
    path: str
    message: str


@dataclass(slots=True)
class Tree:
    """One YAML document: plain values, and where the file has them.

    The nodes know the places. `release` lets go of them, and whoever asks for a place afterwards
    has the file composed once more: the nodes of many files would be most of what is in memory, and
    Python's collector would go through them again and again.
    """

    value: Any
    data: bytes
    """The file that it is in."""
    number: int
    """Which of the file's documents it is, from 0."""
    nodes: Node | None
    set_paths: dict[Path, str] = field(default_factory=dict[Path, str])
    """Values that did not come from the file: path → the --set argument."""
    moved: dict[Path, Path] = field(default_factory=dict[Path, Path])
    """Values that a translation put elsewhere: where they are now → where the file has them."""

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Line and column of a value (or of its key), or of its nearest parent in the file."""
        if self.nodes is None:
            self.nodes = _composed(self.data, self.number)
        node = self.nodes
        mark = node.start_mark
        for step in self._in_file(tuple(path)):
            found = _child(node, step)
            if found is None:
                break
            key_node, node = found
            mark = key_node.start_mark if key and key_node is not None else node.start_mark
        return mark.line + 1, mark.column + 1

    def release(self) -> None:
        """Let go of the nodes: its places will hardly be asked for any more."""
        self.nodes = None

    def _in_file(self, path: Path) -> Path:
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return self.moved[path[:length]] + path[length:]
        return path


def read(data: bytes) -> tuple[list[Tree], list[Problem]]:
    """The documents of a YAML file and everything wrong with it as YAML.

    A syntax error ends the reading; the documents before it are given all the same.
    """
    problems: list[Problem] = []
    if _may_be_deep(data) and (deep := _too_deep(data)):
        return [], [deep]
    trees: list[Tree] = []
    try:
        parser = _Parser(data)
        while parser.check_node():
            root = cast("Node", parser.get_node())
            builder = _Builder(problems)
            trees.append(Tree(builder.build(root, 0), data, len(trees), root))
    except MarkedYAMLError as error:
        problems.append(_syntax(error))
    except ReaderError as error:
        problems.append(Problem("FT-S001", *_unreadable_at(data, error), "", _unreadable(error)))
    except YAMLError as error:
        problems.append(Problem("FT-S001", 1, 1, "", str(error)))
    except _TooMuchError as error:
        problems.append(error.problem)
    return trees, problems


def _composed(data: bytes, number: int) -> Node:
    parser = _Parser(data)
    for _ in range(number):
        parser.check_node()  # it steps over what is between documents
        parser.get_node()
    parser.check_node()
    return cast("Node", parser.get_node())


def scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema: null, booleans, integers, floats, else text."""
    if not text:
        return None
    if text[0] in "-+.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return _SPECIAL_FLOATS.get(text, text)
    return _WORDS.get(text, text)


def path_text(path: Sequence[str | int]) -> str:
    """A path as findings print it: `smoke_tests[0].expect`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


# ── scalars ─────────────────────────────────────────────────────────────────────────────────────

# 40 digits are more than any field takes, and keep int() from quadratic work on megabytes of 9s.
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0x[0-9a-fA-F]{1,16}|0o[0-7]{1,21}", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII
)
_SPECIAL_FLOATS = {
    f"{sign}.{word}": float(f"{sign}inf")
    for sign in ("", "-", "+")
    for word in ("inf", "Inf", "INF")
} | {f".{word}": float("nan") for word in ("nan", "NaN", "NAN")}
_WORDS = dict.fromkeys(("~", "null", "Null", "NULL")) | {
    word: word[0] in "tT" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}

_PLAIN = "plain"
_QUOTED = "quoted"
_CORE = "tag:yaml.org,2002:"
_TAGS = {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class _Parser(CParser):  # pyright: ignore[reportUntypedBaseClass]
    """The C parser, asking nobody what a scalar means: `_Builder` decides."""

    def __init__(self, stream: bytes) -> None:
        CParser.__init__(self, stream)

    def resolve(self, kind: type[Node], _value: str, implicit: tuple[bool, bool]) -> str:
        """What the C composer calls for every node that has no explicit tag."""
        return _PLAIN if kind is ScalarNode and implicit[0] else _QUOTED

    def descend_resolver(self, parent: Node, index: Any) -> None:
        """Part of the C composer's protocol; path resolvers are not used here."""

    def ascend_resolver(self) -> None:
        """Part of the C composer's protocol."""


# ── building values ─────────────────────────────────────────────────────────────────────────────


class _TooMuchError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Builder:
    """Builds the plain values of one document and notes what is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.values = 0

    def build(self, node: Node, depth: int) -> Any:
        kind = type(node)
        if kind is ScalarNode:
            tag = node.tag
            if tag is _PLAIN:
                return scalar(node.value)
            return node.value if tag is _QUOTED else self._tagged(cast("ScalarNode", node))
        self.values += len(node.value)
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            raise _TooMuchError(self._too_much(node, depth))
        if node.tag is not _QUOTED and node.tag not in _TAGS:
            self._unknown_tag(node)
        if kind is SequenceNode:
            return [self.build(item, depth + 1) for item in node.value]
        built: dict[str, Any] = {}
        merges = False
        for key_node, value_node in node.value:
            if type(key_node) is not ScalarNode:
                self._note("FT-S001", key_node, "a key must be a word, not a list or a mapping.")
                continue
            key = key_node.value
            if key == "<<" and key_node.tag is _PLAIN:
                merges = True  # below, so that the mapping's own keys win
                continue
            if key in built:
                self._duplicate(cast("MappingNode", node), key_node)
                continue
            built[key] = self.build(value_node, depth + 1)
        if merges:
            self._merge(cast("MappingNode", node), built, depth)
        return built

    def _merge(self, node: MappingNode, built: dict[str, Any], depth: int) -> None:
        """`<<: *defaults`, as every `az ml` file may have it."""
        for key_node, value_node in node.value:
            if key_node.value != "<<" or key_node.tag is not _PLAIN:
                continue
            merged = self.build(value_node, depth + 1)
            sources = sequence(merged)
            for source in [merged] if sources is None else sources:
                fields = mapping(source)
                if fields is None:
                    self._note("FT-S001", value_node, "'<<' takes a mapping or a list of mappings.")
                    return
                for key, value in fields.items():
                    built.setdefault(key, value)

    def _tagged(self, node: ScalarNode) -> Any:
        if node.tag not in _TAGS:
            self._unknown_tag(node)
            return node.value
        kind = node.tag.removeprefix(_CORE)
        if kind == "str":
            return node.value
        value = scalar(node.value)
        if kind == "float" and type(value) is int:
            return float(value)
        wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(kind)
        if wanted is None or type(value) is not wanted:
            self._note("FT-S001", node, f"'{node.value[:40]}' is not what its tag !!{kind} says.")
        return value

    def _unknown_tag(self, node: Node) -> None:
        tag = str(node.tag).replace(_CORE, "!!")
        self._note(
            "FT-S001", node, f"the tag '{tag[:40]}' has no meaning here. Write a plain value."
        )

    def _duplicate(self, node: MappingNode, again: ScalarNode) -> None:
        first = next(key for key, _ in node.value if key.value == again.value)
        where = f"line {first.start_mark.line + 1}"
        key = again.value[:60]
        self._note(
            "FT-S002", again, f"the key '{key}' is here twice; the first is at {where}.", key
        )

    def _note(self, rule: str, node: Node, message: str, path: str = "") -> None:
        mark = node.start_mark
        self.problems.append(Problem(rule, mark.line + 1, mark.column + 1, path, message))

    def _too_much(self, node: Node, depth: int) -> Problem:
        mark = node.start_mark
        what = (
            f"nested more than {MAX_DEPTH} levels deep (or an alias that holds itself)"
            if depth > MAX_DEPTH
            else f"more than {MAX_VALUES:,} values once aliases are expanded"
        )
        return Problem(
            "FT-S003", mark.line + 1, mark.column + 1, "", f"{what}; a spec needs no more."
        )


def _child(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, MappingNode) and isinstance(step, str):
        for key, value in node.value:
            if key.value == step:
                return key, value
        for key, value in node.value:  # the value of a merge key
            if key.value == "<<":
                sources = value.value if isinstance(value, SequenceNode) else [value]
                for source in sources:
                    if found := _child(source, step):
                        return found
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None


# ── what can't be read ──────────────────────────────────────────────────────────────────────────

_DEEP_INDENT = re.compile(rb"^[ \t]{128}", re.MULTILINE)


def _may_be_deep(data: bytes) -> bool:
    """Whether nesting could be deep enough to matter: the C composer recurses, and would crash."""
    openers = data.count(b"[") + data.count(b"{") + data.count(b"- ") + data.count(b"? ")
    return (
        openers > 4 * MAX_DEPTH
        or b"-\t" in data
        or b"\0" in data  # UTF-16, where the counts above see nothing
        or _DEEP_INDENT.search(data) is not None
    )


def _too_deep(data: bytes) -> Problem | None:
    """The first place that is nested too deep, found from events, which need no recursion."""
    depth = 0
    parser = _Parser(data)
    try:
        while parser.check_event():  # pyright: ignore[reportUnknownMemberType]
            event = parser.get_event()
            if isinstance(event, CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark = cast("Mark", event.start_mark)
                    message = f"nested more than {MAX_DEPTH} levels deep; a spec needs no more."
                    return Problem("FT-S003", mark.line + 1, mark.column + 1, "", message)
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
    except YAMLError:
        return None  # not too deep before the error, which `read` reports with its place
    return None


def _syntax(error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "this is not YAML"
    if error.context and error.problem:
        what = f"{error.problem} ({error.context})"
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem("FT-S001", line, column, "", f"not valid YAML: {what}.")


def _unreadable(error: ReaderError) -> str:
    if _code(error) < 0:
        return "the file ends in the middle of a character."
    if isinstance(error.character, int) and error.character > 0x7F:
        return "not valid UTF-8."
    return f"a character that YAML does not allow (#x{_code(error):04x})."


def _code(error: ReaderError) -> int:
    return error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")


def _unreadable_at(data: bytes, error: ReaderError) -> tuple[int, int]:
    position = max(0, min(int(error.position), len(data)))
    before = data[:position]
    return before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1
