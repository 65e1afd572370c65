"""`response_format`: which answers a chat request asks for, as a grammar to choose tokens by.

Any JSON object, or JSON by a schema of the kinds that OpenAI's structured outputs are mostly made
of. A keyword that is not kept to is refused by name, as that it is the emulator's limit: ignoring
one would let a caller believe it held.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from emulator import grammar
from emulator.grammar import Choice, Node

_SAYS_NOTHING = {"$schema", "$id", "title", "description", "default", "examples", "$defs"}
_KEYWORDS: Mapping[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items"},
    "string": set(),
    "integer": set(),
    "number": set(),
    "boolean": set(),
    "null": set(),
}
_SIMPLE: Mapping[str, Node] = {
    "string": grammar.STRING,
    "integer": grammar.INTEGER,
    "number": grammar.NUMBER,
    "boolean": grammar.BOOLEAN,
    "null": grammar.NULL,
}

_MOST_PARTS = 1_000
_LIMIT = "beyond what foundry-emulator keeps to (its limit, not Azure's)"


class UnsupportedFormatError(ValueError):
    """A format that can't be kept to, and why."""


def read(written: Any) -> Node | None:
    """The grammar of a `response_format`; None for text.

    Raises:
        UnsupportedFormatError: It is none, or asks for what the stand-in can't keep to.
    """
    if written is None or written == "text":
        return None
    fields = cast("dict[str, Any]", written) if isinstance(written, dict) else {}
    kind: Any = fields.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return grammar.JSON_OBJECT
    if kind == "json_schema":
        named: Any = fields.get("json_schema")
        schema: Any = cast("dict[str, Any]", named).get("schema") if isinstance(named, dict) else 0
        if not isinstance(schema, dict):
            raise UnsupportedFormatError("'response_format.json_schema.schema' must be an object.")
        root = cast("dict[str, Any]", schema)
        return _Schema(root).node(root, "schema", ())
    raise UnsupportedFormatError(
        "'response_format' must have the type text, json_object or json_schema."
    )


class _Schema:
    """A schema being read: every part of it is counted, those that are referred to each time."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._parts = 0

    def node(self, schema: Any, path: str, within: tuple[str, ...]) -> Node:
        """The grammar of a part; `within` are the definitions that it is a part of."""
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise UnsupportedFormatError(
                f"'schema' has more than {_MOST_PARTS} parts, which is {_LIMIT}."
            )
        if not isinstance(schema, dict):
            raise UnsupportedFormatError(f"'{path}' must be a schema with a type.")
        fields = cast("dict[str, Any]", schema)
        said = set(fields) - _SAYS_NOTHING
        if "$ref" in fields:
            _refuse(said - {"$ref"}, path)
            return self._referred(str(fields["$ref"]), path, within)
        if "anyOf" in fields:
            _refuse(said - {"anyOf"}, path)
            options = enumerate(_listed(fields["anyOf"], f"{path}.anyOf"))
            return Choice(
                tuple(self.node(one, f"{path}.anyOf.{at}", within) for at, one in options)
            )
        if "enum" in fields or "const" in fields:
            _refuse(said - {"enum", "const", "type"}, path)
            listed = fields["enum"] if "enum" in fields else [fields["const"]]
            values = _listed(listed, f"{path}.enum")
            return Choice(tuple(grammar.literal(_text(value, path)) for value in values))
        return self._typed(fields, path, within)

    def _typed(self, fields: dict[str, Any], path: str, within: tuple[str, ...]) -> Node:
        kind = fields.get("type")
        if isinstance(kind, list):
            kinds = _listed(kind, f"{path}.type")
            _refuse(set(fields) - set[str]().union(*map(_keywords, kinds)), path)
            # A keyword of one type says nothing of another (JSON Schema, 7.6.1).
            kept = [{k: fields[k] for k in fields.keys() & _keywords(one)} for one in kinds]
            alone = zip(kept, kinds, strict=True)
            return Choice(tuple(self._typed({**f, "type": k}, path, within) for f, k in alone))
        if not isinstance(kind, str) or kind not in _KEYWORDS:
            known = ", ".join(_KEYWORDS)
            raise UnsupportedFormatError(f"'{path}' has no type that is one of {known}.")
        _refuse(set(fields) - _keywords(kind), path)
        if kind == "array":
            every = "items" in fields
            item = self.node(fields["items"], f"{path}.items", within) if every else grammar.VALUE
            return grammar.array_of(item)
        return self._object(fields, path, within) if kind == "object" else _SIMPLE[kind]

    def _object(self, fields: dict[str, Any], path: str, within: tuple[str, ...]) -> Node:
        """All properties, in their order: those that are required are among them."""
        if "properties" not in fields and fields.get("additionalProperties") is not False:
            return grammar.JSON_OBJECT
        properties: Any = fields.get("properties", {})
        if not isinstance(properties, dict):
            raise UnsupportedFormatError(f"'{path}.properties' must be an object.")
        known = cast("dict[str, Any]", properties)
        required: Any = fields.get("required") or []
        if not isinstance(required, list) or not set(cast("list[Any]", required)) <= set(known):
            raise UnsupportedFormatError(f"'{path}.required' must list names of its properties.")
        return grammar.object_of(
            tuple(
                (
                    grammar.literal(_text(name, path)),
                    self.node(value, f"{path}.properties.{name}", within),
                )
                for name, value in known.items()
            )
        )

    def _referred(self, reference: str, path: str, within: tuple[str, ...]) -> Node:
        name = reference.removeprefix("#/$defs/")
        definitions: Any = self._root.get("$defs", {})
        if reference == name or not isinstance(definitions, dict) or name not in definitions:
            raise UnsupportedFormatError(f"'{path}.$ref' must name one of the schema's $defs.")
        if name in within:
            raise UnsupportedFormatError(
                f"'{path}.$ref' leads back to '{name}': a schema that holds itself is {_LIMIT}."
            )
        return self.node(definitions[name], f"schema.$defs.{name}", (*within, name))


def _keywords(kind: Any) -> set[str]:
    return {"type", *_SAYS_NOTHING, *_KEYWORDS.get(str(kind), set())}


def _refuse(unknown: set[str], path: str) -> None:
    if unknown:
        raise UnsupportedFormatError(f"'{path}.{min(unknown)}' is {_LIMIT}; leave it out.")


def _listed(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise UnsupportedFormatError(f"'{path}' must be a list that isn't empty.")
    return cast("list[Any]", value)


def _text(value: Any, path: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        raise UnsupportedFormatError(f"'{path}' holds what JSON in UTF-8 can't say.") from error
    return text
