"""`--set path=value`: values of the command line that win over the file's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.spec.dialects import kind_of
from jobs.spec.models import KINDS
from jobs.spec.reader import Path, Tree, read
from jobs.spec.references import parse
from jobs.spec.shape import fields_of
from jobs.suggestions import did_you_mean
from jobs.values import mapping, sequence


@dataclass(frozen=True, slots=True)
class OverrideProblem:
    """An override that meets no field."""

    argument: str
    message: str


def override(trees: Sequence[Tree], arguments: Sequence[str]) -> list[OverrideProblem]:
    """Put each `path=value` into the document it is meant for; say which could not be."""
    said = [(argument, _override(trees, argument)) for argument in arguments]
    return [OverrideProblem(f"--set {argument}", message) for argument, message in said if message]


def _override(trees: Sequence[Tree], argument: str) -> str:
    written, equals, text = argument.partition("=")
    steps = [step for step in written.strip().split(".") if step]
    if not equals or not steps:
        return "write it as path=value."
    values, problems = read(text.encode("utf-8", "surrogateescape")) if text else ([], [])
    if problems or len(values) > 1:
        return f"the value is not YAML. Quote it: --set '{written}=\"…\"'."
    value = values[0].value if values else ""
    targets, path = _targets(trees, steps)
    if not targets:
        fields = {name for model in KINDS.values() for name in fields_of(model)}
        strange = path[0] if path else written
        return f"no document has a field '{strange}'.{did_you_mean(strange, fields)}"
    if len(targets) > 1:
        names = [f"{kind_of(tree.value)}.{tree.value.get('name', '?')}" for tree in targets]
        return f"{' and '.join(names)} have it. Say which: --set {names[0]}.{argument}"
    return _put(targets[0], path, value, f"--set {argument}")


def _targets(trees: Sequence[Tree], steps: list[str]) -> tuple[list[Tree], list[str]]:
    mappings = [tree for tree in trees if isinstance(tree.value, dict)]
    if steps[0] in KINDS and len(steps) > 1:
        of_kind = [tree for tree in mappings if kind_of(tree.value) == steps[0]]
        named = [tree for tree in of_kind if tree.value.get("name") == steps[1]]
        if named and len(steps) > 2:
            return named, steps[2:]
        return of_kind, steps[1:]
    having = [tree for tree in mappings if steps[0] in _words(tree)]
    return having, steps


def _words(tree: Tree) -> set[str]:
    kind = kind_of(tree.value)
    model = KINDS.get(kind)
    words = set(fields_of(model)) if model else set[str]()
    if kind == "serverless_endpoint" and parse(str(tree.value.get("model", ""))):
        words.discard("budget")  # that of the training covers it
    return set(tree.value) | words


def _put(tree: Tree, steps: list[str], value: Any, argument: str) -> str:
    place: Any = tree.value
    path: Path = ()
    for index, step in enumerate(steps):
        is_last = index == len(steps) - 1
        if (items := sequence(place)) is not None:
            if not step.isdecimal() or int(step) >= len(items):
                return f"'{'.'.join(steps[:index])}' is a list without an item '{step}'."
            path = (*path, int(step))
            place = items[int(step)]
            if is_last:
                items[int(step)] = value
        elif (fields := mapping(place)) is not None:
            path = (*path, step)
            if is_last:
                fields[step] = value
            elif mapping(fields.get(step)) is None and sequence(fields.get(step)) is None:
                fields[step] = {}  # `--set budget.max_usd=5` where there is no budget yet
            place = fields[step]
        else:
            return f"'{'.'.join(steps[:index])}' holds one value, with no fields inside."
    tree.set_paths[path] = argument
    return ""
