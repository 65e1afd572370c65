"""Pulumi's property values: protobuf Structs with secrets and unknowns inside.

A secret is a map with a signature around the value, an unknown is one fixed string. Both can be
anywhere. Azure sees neither: `plain` takes the marks off, `mark_like` puts them on again.
"""

from collections.abc import Mapping
from typing import Any, cast

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Json = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Json:
    """A Struct as a dictionary; whole numbers become integers, as Azure wants them."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case _:
            return None


def to_struct(value: Mapping[str, Any]) -> struct_pb2.Struct:
    """A dictionary as a Struct."""
    struct = struct_pb2.Struct()
    struct.update(value)
    return struct


def is_secret(value: object) -> bool:
    """Whether the value carries the mark of a secret."""
    return isinstance(value, dict) and cast("Json", value).get(SIGNATURE) == SECRET


def plain(value: Any) -> Any:
    """The value without marks of secrets, at any depth."""
    if is_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("Json", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return value


def mark_like(template: Any, value: Any) -> Any:
    """`value` with a secret's mark wherever `template` has one.

    The engine takes what a provider answers as it is: without this, a refresh would put into the
    state in clear what the program had declared a secret.
    """
    if is_secret(template):
        return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}
    if isinstance(template, dict) and isinstance(value, dict):
        inner = cast("Json", template)
        return {key: mark_like(inner.get(key), item) for key, item in cast("Json", value).items()}
    if isinstance(template, list) and isinstance(value, list):
        templates, values = cast("list[Any]", template), cast("list[Any]", value)
        if len(templates) == len(values):
            return [mark_like(t, v) for t, v in zip(templates, values, strict=True)]
        # Which one is which can't be told any more, so one secret makes a secret of them all.
        secrets = [each for each in templates if is_secret(each)]
        return [mark_like(secrets[0], v) for v in values] if secrets else values
    return value
