"""JSON objects: as text in the database, and as parts of a body."""

from typing import Any, cast

import msgspec

from emulator.state.errors import AzureError

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def as_object(value: Any, name: str) -> Json:
    """A part of a body that must be a JSON object, {} where it is absent; refused as ARM does."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AzureError(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: "
            f"'{name}' must be an object.",
            target=name,
        )
    return cast("Json", value)


def encode_json(value: Any) -> str:
    """JSON text for the database: compact and in a stable order of keys."""
    return _encode(value).decode()


def decode_json(text: str | bytes) -> Json:
    """JSON text of the database, read back."""
    return _decode(text)


def merge_patch(base: Json, patch: Json) -> Json:
    """An object with a JSON merge patch (RFC 7396): null removes, objects are merged."""
    merged = dict(base)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge_patch(merged[name], cast("Json", value))
        else:
            merged[name] = value
    return merged
