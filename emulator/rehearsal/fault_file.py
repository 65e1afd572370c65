"""Fault rules in a YAML file: a list of them, each with `match` and `do` (docs/emulator.md)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from emulator.state.errors import AzureError
from emulator.state.faults import Faults
from emulator.words import UsageError


def read(file: str) -> list[Any]:
    """The rules of a file; every one of them is one that the emulator takes, or it is said where.

    Raises:
        UsageError: with file:line:column.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    return list(_rules(file, text))


def _rules(file: str, text: str) -> Iterator[Any]:
    try:
        tree: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _at(file, error.problem_mark, str(error.problem)) from error
    except yaml.YAMLError as error:  # a character that YAML has not
        raise UsageError(f"{file}: {error}") from error
    if not isinstance(tree, yaml.SequenceNode):
        raise _at(
            file, tree.start_mark if tree else None, "a list of rules is expected: - match: {…}"
        )
    loader, trial = yaml.SafeLoader(""), Faults()
    for node in tree.value:
        try:
            rule: Any = loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType] # of any node
            if not isinstance(rule, dict):
                raise _at(file, node.start_mark, "a rule has `match` and `do`.")
            trial.add(rule)  # pyright: ignore[reportUnknownArgumentType] # it judges what it gets
        except yaml.MarkedYAMLError as error:
            raise _at(file, error.problem_mark, str(error.problem)) from error
        except (AzureError, TypeError, ValueError) as error:
            said = error.message if isinstance(error, AzureError) else str(error)
            raise _at(file, _place(node, said), said) from error
        yield rule


def _place(rule: Any, said: str) -> Any:
    """Where the first key stands that a refusal names, in the rule or one level below."""
    keys = [(key, value) for key, value in rule.value if isinstance(key, yaml.ScalarNode)]
    inner = [
        pair for _, value in keys if isinstance(value, yaml.MappingNode) for pair in value.value
    ]
    for key, _ in [*inner, *keys]:
        if f"`{key.value}`" in said or f" {key.value}" in said.rstrip("."):
            return key.start_mark
    return rule.start_mark


def _at(file: str, mark: Any, what: str) -> UsageError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return UsageError(f"{file}:{line}:{column}: {what}")
