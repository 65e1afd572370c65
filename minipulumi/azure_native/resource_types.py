"""The types that the provider knows, read from `types.yaml`."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

import yaml

Kind = Literal["string", "boolean", "integer", "number", "map", "list", "object"]


class UnknownTypeError(Exception):
    """The program uses a type that the stand-in doesn't cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One input property."""

    kind: Kind = "string"
    required: bool = False
    enum: tuple[str, ...] = ()
    wire: str = ""
    replace: bool = False
    write_only: bool = False
    body: bool = False
    pattern: str = ""
    rule: str = ""
    autoname: str = ""
    properties: Mapping[str, "Property"] = field(default_factory=dict[str, "Property"])
    """Of an object, or of each object in a list or a map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """How ARM and azure-native see one type of resource."""

    token: str
    api_version: str
    path: str
    names: Mapping[str, Property]
    inputs: Mapping[str, Property]
    outputs: tuple[str, ...]
    flatten: bool

    @property
    def everything(self) -> Mapping[str, Property]:
        """All that a program may give: the names and the properties."""
        return {**self.names, **self.inputs}

    @property
    def own_name(self) -> str:
        """The input that names the resource itself, which ARM answers as `name`."""
        return self.path.rsplit("{", 1)[1].rstrip("}")

    def id(self, subscription_id: str, inputs: Mapping[str, Any]) -> str:
        """The ARM id of the resource that these inputs describe."""
        return self.path.format(**{**inputs, "subscriptionId": subscription_id})

    def names_in(self, id_: str) -> dict[str, str]:
        """The names that an ARM id is made of; empty when it is of another type."""
        # ARM changes the case of `resourceGroups` and of provider names at will.
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        pattern = re.sub(r"\(\?P<(scope|resourceUri)>\[\^/\]\+\)", r"(?P<\1>.+)", pattern)
        match = re.fullmatch(pattern, id_, re.IGNORECASE)
        found = match.groupdict() if match else {}
        return {name: text for name, text in found.items() if name in self.names}


def find(token: str) -> ResourceType:
    """The type of `token`, for example azure-native:storage:StorageAccount."""
    known = _table()
    if token in known:
        return known[token]
    covered = ", ".join(sorted(each.removeprefix("azure-native:") for each in known))
    raise UnknownTypeError(
        f"{token} isn't covered by this stand-in for azure-native, which knows {covered}. "
        "Install the Pulumi CLI and its azure-native plugin to use it."
    )


def all_types() -> Mapping[str, ResourceType]:
    """Every type by its token."""
    return _table()


@functools.cache
def _table() -> Mapping[str, ResourceType]:
    text = resources.files("minipulumi.azure_native").joinpath("types.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows: dict[str, dict[str, Any]] = yaml.load(text, loader)
    return {token: _resource_type(token, row) for token, row in rows.items()}


def _resource_type(token: str, row: dict[str, Any]) -> ResourceType:
    names: dict[str, Property] = {}
    for name, spec in row["names"].items():
        # What is part of the id can only be changed by replacing.
        names[name] = _property({**spec, "required": True, "replace": True})
    return ResourceType(
        token=token,
        api_version=row["api_version"],
        path=row["path"],
        names=names,
        inputs=_properties(row["inputs"]),
        outputs=tuple(row["outputs"]),
        flatten=row.get("flatten", False),
    )


def _properties(rows: dict[str, dict[str, Any]]) -> dict[str, Property]:
    return {name: _property(row) for name, row in rows.items()}


def _property(row: dict[str, Any]) -> Property:
    inner = _properties(row.get("properties", {}))
    return Property(
        kind=row.get("type", "object" if inner else "string"),
        enum=tuple(row.get("enum", ())),
        properties=inner,
        **{k: v for k, v in row.items() if k not in ("type", "enum", "properties")},
    )
