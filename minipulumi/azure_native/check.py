"""Are the program's inputs what the type takes? Every finding names its property."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from minipulumi.azure_native.difference import PROVIDERS_OWN
from minipulumi.azure_native.resource_types import Property, ResourceType
from minipulumi.values import UNKNOWN, Props, plain

ARTICLES = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "map": "a map of strings",
    "list": "a list of strings",
    "object": "an object",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one property."""

    property: str
    reason: str


def check(type_: ResourceType, inputs: Props) -> list[Finding]:
    """Everything that is wrong with `inputs`; what is unknown yet passes."""
    return list(_object(type_.everything, plain(inputs), ""))


def _object(known: Mapping[str, Property], values: Props, prefix: str) -> Iterator[Finding]:
    for name in sorted(set(values) - set(known) - PROVIDERS_OWN):
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "the real azure-native may know it"
        yield Finding(prefix + name, f"isn't covered by this stand-in for azure-native; {hint}")
    for name, spec in known.items():
        value = values.get(name)
        if value is None:
            if spec.required:
                yield Finding(prefix + name, _missing(name))
        elif value != UNKNOWN:
            yield from _value(spec, value, prefix + name)


def _missing(name: str) -> str:
    if name == "location":
        set_it = "pulumi config set azure-native:location <region>"
        return f"is missing, and required. Give it, or set it for all: {set_it}"
    return "is missing, and required"


def _value(spec: Property, value: object, path: str) -> Iterator[Finding]:
    if not _has_kind(spec, value):
        yield Finding(path, f"must be {_article(spec)}")
    elif spec.kind == "object":
        yield from _object(spec.properties, cast("Props", value), f"{path}.")
    elif spec.kind in ("list", "map") and spec.properties:
        for place, each in _members(value):
            yield from _object(spec.properties, each, f"{path}{place}.")
    elif spec.enum and str(value).lower() not in [each.lower() for each in spec.enum]:
        close = difflib.get_close_matches(str(value), spec.enum, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        yield Finding(path, f"must be one of {', '.join(spec.enum)}{hint}")
    elif spec.pattern and not re.fullmatch(spec.pattern, str(value)):
        yield Finding(path, f"must be {spec.rule}")


def _article(spec: Property) -> str:
    article = ARTICLES[spec.kind]
    return article.replace("strings", "objects") if spec.properties else article


def _members(value: object) -> Iterator[tuple[str, Props]]:
    """The objects in a list or a map, each with its place as Pulumi writes it."""
    if isinstance(value, list):
        for index, each in enumerate(cast("list[Props]", value)):
            yield f"[{index}]", each
    else:
        for key, each in cast("dict[str, Props]", value).items():
            yield f".{key}", each


def _has_kind(spec: Property, value: object) -> bool:
    match spec.kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list) and _all_members(spec, cast("list[Any]", value))
        case "map":
            return isinstance(value, dict) and _all_members(spec, cast("Props", value).values())
        case "object":
            return isinstance(value, dict)


def _all_members(spec: Property, values: Any) -> bool:
    kind = dict if spec.properties else str
    return all(isinstance(each, kind) or each == UNKNOWN for each in values)
