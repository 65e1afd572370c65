"""Between the shapes: the program's inputs, ARM's JSON, and the outputs of azure-native.

ARM keeps most of a resource in `properties`; azure-native lifts that to the top for some types
(`flatten`) and renames some of it (`wire`). Names that are part of the path aren't in the body.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from minipulumi.azure_native.difference import PROVIDERS_OWN, same
from minipulumi.azure_native.resource_types import Property, ResourceType
from minipulumi.values import UNKNOWN, Props, plain

# What azure-native lifts out of an object; any other dot is part of ARM's name (`odata.type`).
INSIDE = "properties."


def request_body(type_: ResourceType, inputs: Props) -> Props:
    """What a PUT sends for these inputs."""
    body: Props = {}
    lifted: Props = {}
    for name, value in plain(inputs).items():
        spec = type_.inputs.get(name)
        if spec is None or value is None:
            continue
        target = lifted if type_.flatten and not spec.body else body
        target[spec.wire or name] = _to_wire(spec, value)
    return {**body, "properties": lifted} if type_.flatten else body


def outputs(type_: ResourceType, answer: Props) -> Props:
    """azure-native's outputs for what ARM answered."""
    resource = _without_nulls(answer)
    resource.pop("id", None)
    lifted: Props = {}
    if type_.flatten:
        # Apart from the rest: both levels of a role definition have a `type`.
        inner = {name: spec for name, spec in type_.inputs.items() if not spec.body}
        lifted = _from_wire(inner, _named(type_, resource.pop("properties", {})))
        outer = {name: spec for name, spec in type_.inputs.items() if spec.body}
        resource = _from_wire(outer, resource)
    else:
        resource = _from_wire(type_.inputs, _named(type_, resource))
    return {**lifted, **resource, "azureApiVersion": type_.api_version}


def _named(type_: ResourceType, answered: Props) -> Props:
    """The answer with outputs called as azure-native does: AppId of Application Insights, appId."""
    wire = {name[0].upper() + name[1:]: name for name in type_.outputs}
    return {wire.get(name, name): value for name, value in answered.items()}


def preview(type_: ResourceType, inputs: Props, before: Props | None = None) -> Props:
    """The outputs as far as they can be told before Azure is asked.

    An update keeps what only Azure knows as it was; for a new resource that is unknown.
    """
    known = {name: plain(value) for name, value in inputs.items() if name in type_.inputs}
    known["azureApiVersion"] = type_.api_version
    if "scope" in type_.names:
        known["scope"] = inputs.get("scope")
    known = _without_write_only(type_.inputs, known)
    for path in ("name", *type_.outputs):
        _fill(known, path.split("."), before)
    return known


def inputs_from(type_: ResourceType, inputs: Props, before: Props, now: Props) -> Props:
    """The inputs that describe the resource as it is `now`.

    What Azure answers is no mirror of what it was sent, so only what differs from the outputs
    `before` counts as drift; all else stays as the program wrote it.
    """
    names = {name: inputs[name] for name in (*type_.names, *PROVIDERS_OWN) if name in inputs}
    return {**names, **_drifted(type_.inputs, plain(inputs), plain(before), now)}


def _drifted(known: Mapping[str, Property], inputs: Props, before: Props, now: Props) -> Props:
    found: Props = {}
    for name, spec in known.items():
        old, new = before.get(name), now.get(name)
        kept = inputs.get(name)
        if spec.write_only or same(name, spec, old, new):
            if kept is not None:
                found[name] = kept
        elif spec.kind == "object" and isinstance(new, dict):
            found[name] = _drifted(spec.properties, kept or {}, old or {}, cast("Props", new))
        elif new is not None and not (kept is not None and same(name, spec, kept, new)):
            found[name] = new
        elif new is not None:
            found[name] = kept
    return found


def _to_wire(spec: Property, value: Any) -> Any:
    if not spec.properties:
        return value
    return _each_object(spec, value, _object_to_wire)


def _object_to_wire(known: Mapping[str, Property], inner: Props) -> Props:
    found: Props = {}
    for name, item in inner.items():
        if item is None:
            continue
        wire = known[name].wire or name
        inside = wire.removeprefix(INSIDE)
        node = found if inside == wire else found.setdefault(INSIDE[:-1], {})
        node[inside] = _to_wire(known[name], item)
    return found


def _from_wire(known: Mapping[str, Property], values: Props) -> Props:
    by_wire = {spec.wire or name: (name, spec) for name, spec in known.items()}
    found: Props = {}
    for wire, value in _lifted(by_wire, values).items():
        name, spec = by_wire.get(wire, (wire, Property()))
        found[name] = _each_object(spec, value, _from_wire) if spec.properties else value
    return found


def _lifted(by_wire: Collection[str], values: Props) -> Props:
    """What azure-native lifts out of an object inside: `properties.groupIds` by that name."""
    known = {wire.removeprefix(INSIDE) for wire in by_wire if wire.startswith(INSIDE)}
    inner = values.get(INSIDE[:-1])
    if not known or not isinstance(inner, dict):
        return values
    found = {name: value for name, value in values.items() if name != INSIDE[:-1]}
    for name, value in cast("Props", inner).items():
        found[f"{INSIDE}{name}" if name in known else name] = value
    return found


def _each_object(
    spec: Property, value: Any, change: Callable[[Mapping[str, Property], Props], Props]
) -> Any:
    """An object, or every object in a list or a map, changed; anything else as it is."""
    if spec.kind == "list" and isinstance(value, list):
        return [change(spec.properties, each) for each in cast("list[Props]", value)]
    if not isinstance(value, dict):
        return value
    inner = cast("Props", value)
    if spec.kind == "map":
        return {name: change(spec.properties, each) for name, each in inner.items()}
    return change(spec.properties, inner)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("Props", value).items()
        return {key: _without_nulls(item) for key, item in items if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast("list[Any]", value)]
    return value


def _without_write_only(known: Mapping[str, Property], values: Props) -> Props:
    found: Props = {}
    for name, value in values.items():
        spec = known.get(name, Property())
        if spec.write_only or value is None:
            continue
        inner = spec.kind == "object" and isinstance(value, dict)
        found[name] = _without_write_only(spec.properties, cast("Props", value)) if inner else value
    return found


def _fill(known: Props, path: list[str], before: Props | None) -> None:
    """Put at `path` what was there `before`, or the mark of an unknown."""
    head, *rest = path
    if rest:
        if head == "properties":
            known.setdefault(head, {})
        inner = known.get(head)
        if isinstance(inner, dict):
            # An identity that is only added now has no principal from before.
            _fill(cast("Props", inner), rest, before.get(head) if before is not None else None)
    elif before is None:
        known[head] = UNKNOWN
    elif head in before:
        known[head] = before[head]
