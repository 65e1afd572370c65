"""The expressions of ARM templates: `[concat('a', parameters('b').c)]`.

As learn.microsoft.com's "Syntax and expressions in ARM templates" has them, with the functions that
azure-ai-ml's own templates need; another function is refused by name once it is really called.
"""

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.state.errors import AzureError, not_emulated

_TOKEN = re.compile(
    r"\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+)|(?P<name>\w+)|(?P<sign>[(),.\[\]]))"
)
# Azure's own name space of guid(): the same names are the same GUIDs there and here.
_LONGEST = 131_072
"""Characters of a string, as Azure has it; items of an array too, for want of a number."""
_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")

Value = Any
Lookup = Callable[[str], Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an expression can refer to: the deployment's place, and its named values."""

    subscription: Mapping[str, str]
    group: Mapping[str, Value]
    parameters: Lookup
    variables: Lookup


def evaluate(value: Value, scope: Scope) -> Value:
    """A piece of a template with every expression in it worked out.

    Raises:
        AzureError: an expression that can't be read (400), or a function that isn't known (501).
    """
    if isinstance(value, dict):
        return {_key(name, scope): evaluate(one, scope) for name, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [evaluate(one, scope) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, str) or not value.startswith("[") or not value.endswith("]"):
        return value
    if value.startswith("[["):
        return value[1:]
    return _Reader(value, scope).whole()


def _key(name: str, scope: Scope) -> str:
    key = evaluate(name, scope)
    if not isinstance(key, str):
        raise invalid(f"The property name '{name}' doesn't evaluate to a string")
    return key


def invalid(message: str) -> AzureError:
    """ARM's refusal of a template."""
    return AzureError(
        400, "InvalidTemplate", f"Deployment template validation failed: '{message}'."
    )


class _Reader:
    """One expression, read and worked out in one go; what isn't chosen is read and not called."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text[1:-1], scope
        self._tokens = list(self._split())
        self._next = 0

    def whole(self) -> Value:
        value = self._value(called=True)
        if self._next != len(self._tokens):
            raise self._unreadable()
        return value

    def _split(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        position, text = 0, self._text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._unreadable()
            found.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return found

    def _value(self, *, called: bool) -> Value:
        kind, text = self._take()
        if kind == "text":
            value: Value = text.replace("''", "'")
        elif kind == "number":
            value = int(text)
        elif kind == "name":
            value = self._call(text, called=called)
        else:
            raise self._unreadable()
        return self._parts(value, called=called)

    def _parts(self, value: Value, *, called: bool) -> Value:
        while self._next < len(self._tokens) and self._tokens[self._next][1] in (".", "["):
            _, sign = self._take()
            key: Value = self._take()[1] if sign == "." else self._value(called=called)
            if sign == "[":
                self._expect("]")
            if not called:
                continue
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError) as error:
                raise invalid(
                    f"The language expression property '{key}' doesn't exist in [{self._text}]"
                ) from error
        return value

    def _call(self, name: str, *, called: bool) -> Value:
        self._expect("(")
        lowered = name.lower()
        arguments: list[Value] = []
        while not self._is(")"):
            if arguments:
                self._expect(",")
            # `if` works out only the value that it chooses.
            chosen = len(arguments) == (1 if arguments and arguments[0] is True else 2)
            lazy = lowered == "if" and arguments
            arguments.append(self._value(called=called and (not lazy or chosen)))
        self._expect(")")
        if not called:
            return None
        function = _FUNCTIONS.get(lowered)
        if function is None:
            raise not_emulated(
                f"the template function '{name}'", f"Known: {', '.join(sorted(_FUNCTIONS))}."
            )
        fewest, most, work_out = function
        if not fewest <= len(arguments) <= most:
            raise invalid(f"The function '{name}' in [{self._text}] doesn't take {len(arguments)}")
        try:
            return work_out(self._scope, arguments)
        except (TypeError, ValueError) as error:
            raise invalid(
                f"Unable to evaluate template language function '{name}' in [{self._text}]"
            ) from error

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise self._unreadable()
        self._next += 1
        return self._tokens[self._next - 1]

    def _is(self, sign: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next] == ("sign", sign)

    def _expect(self, sign: str) -> None:
        if self._take() != ("sign", sign):
            raise self._unreadable()

    def _unreadable(self) -> AzureError:
        return invalid(f"The template language expression '[{self._text}]' is not valid")


def interleave(kind: str, names: tuple[str, ...]) -> str:
    """`Microsoft.X/a/b` and its names as an id has them: `Microsoft.X/a/A/b/B`."""
    namespace, *kinds = kind.split("/")
    pairs = zip(kinds, names, strict=True)
    return "/".join([namespace, *(f"{one}/{name}" for one, name in pairs)])


def _concat(scope: Scope, parts: list[Value]) -> Value:
    del scope
    joined: Value = (
        [item for part in parts for item in part]
        if isinstance(parts[0], list)
        else "".join(str(part) for part in parts)
    )
    if len(joined) > _LONGEST:
        raise ValueError("too long")
    return joined


def _resource_id(scope: Scope, parts: list[Value]) -> str:
    before, kind, names = _at_type(parts)
    group = before[-1] if before else scope.group["name"]
    subscription = before[-2] if len(before) > 1 else scope.subscription["subscriptionId"]
    root = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return f"{root}/providers/{interleave(kind, names)}"


def _subscription_resource_id(scope: Scope, parts: list[Value]) -> str:
    before, kind, names = _at_type(parts)
    subscription = before[-1] if before else scope.subscription["subscriptionId"]
    return f"/subscriptions/{subscription}/providers/{interleave(kind, names)}"


def _at_type(parts: list[Value]) -> tuple[list[str], str, tuple[str, ...]]:
    texts = [str(part) for part in parts]
    place = next((number for number, text in enumerate(texts) if "/" in text), None)
    if place is None:
        raise ValueError("no type among them")
    return texts[:place], texts[place], tuple(texts[place + 1 :])


def _unique(scope: Scope, parts: list[Value]) -> str:
    """13 characters that depend on the parts alone. Azure's hash is another one."""
    del scope
    digest = hashlib.sha256(_joined(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:13]


def _joined(parts: list[Value]) -> str:
    return "-".join(str(part) for part in parts)


def _array(scope: Scope, parts: list[Value]) -> Value:
    del scope
    return parts[0] if isinstance(parts[0], list) else [parts[0]]  # pyright: ignore[reportUnknownVariableType]


Function = Callable[[Scope, list[Value]], Value]

_FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    # With the fewest and the most values that each takes.
    "and": (2, 99, lambda _, values: all(values)),
    "array": (1, 1, _array),
    "concat": (1, 99, _concat),
    "empty": (1, 1, lambda _, values: not values[0]),
    "equals": (2, 2, lambda _, values: values[0] == values[1]),
    "guid": (1, 99, lambda _, values: str(uuid.uuid5(_GUIDS, _joined(values)))),
    "if": (3, 3, lambda _, values: values[1] if values[0] is True else values[2]),
    "json": (1, 1, lambda _, values: json.loads(values[0])),
    "newguid": (0, 0, lambda _, __: str(uuid.uuid4())),
    "not": (1, 1, lambda _, values: not values[0]),
    "or": (2, 99, lambda _, values: any(values)),
    "parameters": (1, 1, lambda scope, values: scope.parameters(values[0])),
    "resourcegroup": (0, 0, lambda scope, __: scope.group),
    "resourceid": (2, 99, _resource_id),
    "subscription": (0, 0, lambda scope, __: scope.subscription),
    "subscriptionresourceid": (2, 99, _subscription_resource_id),
    "tolower": (1, 1, lambda _, values: str(values[0]).lower()),
    "toupper": (1, 1, lambda _, values: str(values[0]).upper()),
    "uniquestring": (1, 99, _unique),
    "variables": (1, 1, lambda scope, values: scope.variables(values[0])),
}
