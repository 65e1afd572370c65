"""The JSON Schemas of specs, price lists and policies, from the models, for editors and tools."""

from collections.abc import Iterable
from typing import Any

import msgspec

from jobs.spec.dialects import READ_ONLY
from jobs.spec.models import KINDS
from jobs.spec.prices import PriceList
from jobs.values import mapping
from policy.settings import Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """One schema for a document of any type; `type` decides which."""
    definitions = _definitions(KINDS.values())
    for kind, model in KINDS.items():
        definition = definitions[model.__name__]
        definition["properties"]["type"] = {"const": kind, "description": "The document's type."}
        for field in READ_ONLY.get(kind, ()):
            definition["properties"].setdefault(
                field, {"description": "Filled by Azure; not used here.", "readOnly": True}
            )
        definition["required"] = sorted({*definition.get("required", ()), "type"})
    _open_hyperparameters(definitions["Hyperparameters"])
    _adapt(definitions)
    return {
        "$schema": DIALECT,
        "$id": "https://foundry-tune.invalid/spec.schema.json",
        "title": "foundry-tune spec",
        "description": "One document of a spec file; a file may hold several, separated by ---.",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(KINDS)}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}},
                "then": {"$ref": f"#/$defs/{model.__name__}"},
            }
            for kind, model in KINDS.items()
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def prices_schema() -> dict[str, Any]:
    """The schema of a price list."""
    return _file_schema("prices", PriceList)


def policy_schema() -> dict[str, Any]:
    """The schema of a platform team's policy."""
    return _file_schema("policy", Policy)


def _file_schema(name: str, model: type[msgspec.Struct]) -> dict[str, Any]:
    definitions = _definitions((model,))
    _adapt(definitions)
    return {
        "$schema": DIALECT,
        "$id": f"https://foundry-tune.invalid/{name}.schema.json",
        "title": f"foundry-tune {name}",
        **definitions.pop(model.__name__),
        "$defs": definitions,
    }


def _definitions(models: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components(models, ref_template="#/$defs/{name}")
    return parts


def _adapt(definitions: dict[str, Any]) -> None:
    """What editors need that the models don't say."""
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            _lift_description(field)
            _allow_numbers_in_quotes(field)


def _open_hyperparameters(definition: dict[str, Any]) -> None:
    """`az ml` sends any hyperparameter on; `extra` is where they go here, no word of the file."""
    definition["properties"].pop("extra")
    definition["additionalProperties"] = {"type": ["string", "number"]}


def _lift_description(field: dict[str, Any]) -> None:
    """A description inside one of several types belongs to the field."""
    for option in field.get("anyOf", ()):
        text = option.pop("description", None)
        if text:
            field.setdefault("description", text)


def _allow_numbers_in_quotes(field: dict[str, Any]) -> None:
    """Numbers may be in quotes, as `az ml` files have them; a reference is text everywhere."""
    if mapping(field) is None or "const" in field or "enum" in field:
        return
    options = field.get("anyOf")
    kinds = [option.get("type") for option in options] if options else [field.get("type")]
    if not {"integer", "number"} & set(kinds) or "string" in kinds:
        return
    quoted = {"type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"}
    if options:
        options.append(quoted)
        return
    moved = {key: field.pop(key) for key in list(field) if key not in ("description", "default")}
    field["anyOf"] = [moved, quoted]
