"""Property values: JSON as it travels on the wire, with Pulumi's marked objects for secrets."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct

Props = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def from_struct(struct: "Struct") -> Props:
    """Turns a protobuf Struct into plain JSON, keys sorted, whole numbers as int."""
    from google.protobuf.json_format import MessageToJson

    return json.loads(MessageToJson(struct, indent=None, sort_keys=True), parse_float=_number)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_struct(props: Mapping[str, Any]) -> "Struct":
    """Turns JSON into a protobuf Struct."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    struct.update(props)
    return struct


def mark(value: Any) -> Any:
    """Marks a value as secret."""
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def is_secret(value: Any) -> bool:
    """Tells whether this very value carries the secret mark."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def parts(value: Any) -> Iterator[Any]:
    """The value and everything in it."""
    yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from parts(item)


def has_foreign_mark(value: Any) -> bool:
    """Tells of values other than secrets and resources: assets, archives, output values."""
    marks = (part.get(SIGNATURE) for part in parts(value) if isinstance(part, dict))
    return any(mark not in (None, SECRET, RESOURCE) for mark in marks)


def has_unknown(value: Any) -> bool:
    """Tells whether a value, or anything in it, isn't known yet."""
    return any(part == UNKNOWN for part in parts(value))


def swap_marked(value: Any, swap: Callable[[Props], Any], mark: str = SECRET) -> Any:
    """Replaces every value that carries the mark by what `swap` makes of it."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == mark:
            return swap(value)
        return {key: swap_marked(item, swap, mark) for key, item in value.items()}
    return [swap_marked(item, swap, mark) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """Takes every secret mark off."""
    return swap_marked(value, lambda secret: plain(secret["value"]))


def masked(value: Any) -> Any:
    """Replaces every secret by a word that says so."""
    return swap_marked(value, lambda _: "[secret]")


def without_references(value: Any) -> Any:
    """Replaces references to resources by their ids, for providers that don't know references."""
    return swap_marked(value, lambda r: r.get("id") or r.get("urn"), RESOURCE)


def annotate(value: Any, model: Any) -> Any:
    """Marks as secret in `value` whatever is secret in `model` at the same place."""
    if is_secret(model):
        return mark(value)
    if isinstance(value, dict) and isinstance(model, dict) and not is_secret(value):
        return {key: annotate(item, model.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(model, list):
        if len(value) == len(model):
            return [annotate(item, other) for item, other in zip(value, model, strict=True)]
        # Which one is which can't be told any more, so one secret makes a secret of them all.
        return [mark(item) for item in value] if any(map(is_secret, model)) else value
    return value
