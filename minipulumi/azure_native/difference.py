"""What changed between two sets of inputs, and which change can only be had by replacing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from minipulumi.azure_native.defaults import CREATE_FIRST
from minipulumi.azure_native.resource_types import Property, ResourceType
from minipulumi.values import Props, plain

# What azure-native keeps of itself among the inputs: no wish of a program.
PROVIDERS_OWN = frozenset({CREATE_FIRST, "azureApiVersion"})

Kind = Literal["ADD", "DELETE", "UPDATE"]


@dataclass(frozen=True, slots=True)
class Change:
    """One property that differs, by its path as Pulumi writes it."""

    path: str
    kind: Kind
    replaces: bool


def compare(
    type_: ResourceType, old: Props, new: Props, ignored: Sequence[str] = ()
) -> list[Change]:
    """The changes from the old inputs to the new ones, marks of secrets aside."""
    changes = _object(type_.everything, plain(old), plain(new), "", replaces=False)
    return [change for change in changes if not _is_ignored(change.path, ignored)]


def _object(
    known: Mapping[str, Property], old: Props, new: Props, prefix: str, *, replaces: bool
) -> Iterator[Change]:
    for key in sorted({*old, *new} - PROVIDERS_OWN):
        path = f"{prefix}.{key}" if prefix else key
        spec = known.get(key, Property())
        if key not in old:
            yield Change(path, "ADD", replaces or spec.replace)
        elif key not in new:
            yield Change(path, "DELETE", replaces or spec.replace)
        else:
            yield from _value(spec, key, old[key], new[key], path, replaces=replaces)


def _value(
    spec: Property, key: str, old: Any, new: Any, path: str, *, replaces: bool
) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        old_map, new_map = cast("Props", old), cast("Props", new)
        must = replaces or spec.replace
        # What a map is keyed by are no properties.
        inner: Mapping[str, Property] = {} if spec.kind == "map" else spec.properties
        yield from _object(inner, old_map, new_map, path, replaces=must)
    elif not same(key, spec, old, new):
        yield Change(path, "UPDATE", replaces or spec.replace)


def same(key: str, spec: Property, old: Any, new: Any) -> bool:
    """Whether Azure sees no difference between two values."""
    if old == new:
        return True
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    if key == "location":
        return _place(old) == _place(new)
    # ARM compares ids and enumerations without regard to case, and answers in a case of its own.
    comparable = bool(spec.enum) or (_is_id(old) and _is_id(new))
    return comparable and old.lower() == new.lower()


def _place(location: str) -> str:
    return location.lower().replace(" ", "")


def _is_id(text: str) -> bool:
    return text.lower().startswith("/subscriptions/")


def _is_ignored(path: str, ignored: Sequence[str]) -> bool:
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in ignored)
