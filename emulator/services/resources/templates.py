"""An ARM template as a list of resources to PUT, in an order that keeps what depends on what.

What a template may have is what azure-ai-ml's templates of hubs and projects have: parameters,
variables, conditions and `dependsOn`. All else is refused by name before anything is made.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from emulator.arm.types import TypeTable
from emulator.services.resources.expressions import Lookup, Scope, evaluate, interleave, invalid
from emulator.state.errors import not_emulated
from emulator.state.ids import ResourceId, parse_id
from emulator.state.json_text import Json, as_object

_PARTS = {"$schema", "contentVersion", "parameters", "variables", "resources", "metadata",
          "languageVersion", "apiProfile"}  # fmt: skip
# Of a resource: what says how it is deployed, and not what it is.
_OURS = {"type", "apiVersion", "name", "dependsOn", "condition", "comments", "metadata",
         "resources"}  # fmt: skip
_REFUSED = {
    "copy": "loops",
    "scope": "resources at another scope",
    "resourceGroup": "deployments into another group",
    "subscriptionId": "deployments into another subscription",
}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "securestring": str, "int": int, "bool": bool, "object": dict,
    "secureobject": dict, "array": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One resource of a template: where, at which version, and the body of its PUT."""

    id: str
    type: str
    name: str
    api_version: str
    body: Json
    depends_on: tuple[str, ...]
    """Ids of others of the template."""


def read(
    template: Json, given: Json, *, group: ResourceId, location: str, types: TypeTable, tenant: str
) -> tuple[list[Planned], Json]:
    """The resources that a template asks for, in order, and its parameters as ARM shows them.

    `given` is the deployment's `parameters`: `{name: {"value": …}}`.

    Raises:
        AzureError: the template or a parameter is not valid (400), or has something that the
            emulator doesn't know (501).
    """
    for part in template:
        if part not in _PARTS and template[part]:
            raise not_emulated(f"'{part}' of a template", "Leave it out.")
    try:
        scope, parameters = _scope(template, given, group, location, tenant)
        planned = list(_planned(template.get("resources"), scope, group, types))
        return list(_in_order(planned)), parameters
    except RecursionError as error:
        raise invalid("The template is nested too deeply") from error


def _scope(
    template: Json, given: Json, group: ResourceId, location: str, tenant: str
) -> tuple[Scope, Json]:
    declared = {
        name.lower(): (name, as_object(one, f"parameters.{name}"))
        for name, one in as_object(template.get("parameters"), "parameters").items()
    }
    values = {name.lower(): as_object(one, name) for name, one in given.items()}
    for name in given:
        if name.lower() not in declared:
            raise invalid(
                f"The template parameters '{name}' in the parameters file are not valid; they are "
                "not present in the original template and can therefore not be provided at "
                "deployment time"
            )
    variables = {
        name.lower(): value
        for name, value in as_object(template.get("variables"), "variables").items()
    }

    def parameter(name: str) -> Any:
        if name.lower() not in declared:
            raise invalid(f"The template parameter '{name}' is not found")
        shown, one = declared[name.lower()]
        value = values.get(name.lower(), {}).get("value")
        # A null is as good as nothing: azure-ai-ml sends some, and its hubs get the defaults.
        if value is not None:
            return _checked(shown, one, value)
        if "defaultValue" in one:
            value = evaluate(one["defaultValue"], scope)
        else:
            raise invalid(f"The value for the template parameter '{shown}' is not provided")
        return _checked(shown, one, value)

    def variable(name: str) -> Any:
        if name.lower() not in variables:
            raise invalid(f"The template variable '{name}' is not found")
        return evaluate(variables[name.lower()], scope)

    scope = Scope(
        subscription={
            "id": f"/subscriptions/{group.subscription}",
            "subscriptionId": group.subscription,
            "tenantId": tenant,
        },
        group={"id": group.text, "name": group.name, "location": location},
        parameters=_acyclic(parameter),
        variables=_acyclic(variable),
    )
    shown = {name: _shown(one, scope.parameters(name)) for name, one in declared.values()}
    return scope, shown


def _acyclic(look_up: Lookup) -> Lookup:
    """Each name worked out once; one that needs itself is refused."""
    known: dict[str, Any] = {}
    under_way: set[str] = set()

    def once(name: str) -> Any:
        key = str(name).lower()
        if key in under_way:
            raise invalid(f"'{name}' depends on itself")
        if key not in known:
            under_way.add(key)
            known[key] = look_up(name)
            under_way.discard(key)
        return known[key]

    return once


def _checked(name: str, declared: Json, value: Any) -> Any:
    kind = str(declared.get("type", "")).lower()
    wanted = _KINDS.get(kind)
    if wanted is None:
        raise invalid(f"The template parameter '{name}' has the type '{declared.get('type')}'")
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise invalid(f"Template parameter '{name}' is not of the type '{declared['type']}'")
    allowed: list[Any] = declared.get("allowedValues") or [value]
    # azure-ai-ml 1.35.2 makes its projects with `PublicNetworkAccessType.ENABLED`, the name of its
    # enum, where the value in it is meant. No project could be made by it otherwise.
    meant = str(value).rpartition(".")[2].lower()
    for one in allowed:
        if one == value or ("." in str(value) and str(one).lower() == meant):
            return one
    raise invalid(
        f"The provided value for the template parameter '{name}' is not valid. The value "
        f"'{value}' is not part of the allowed value(s): '{','.join(map(str, allowed))}'"
    )


def _shown(declared: Json, value: Any) -> Json:
    kind = str(declared["type"])
    shown = {"type": kind[:1].upper() + kind[1:]}
    return shown if kind.lower().startswith("secure") else shown | {"value": value}


def _planned(
    resources: Any,
    scope: Scope,
    group: ResourceId,
    types: TypeTable,
    parent: Planned | None = None,
) -> Iterable[Planned]:
    """Those whose condition holds, each before those that are written inside it."""
    for one in _list(resources, "resources"):
        written = as_object(one, "resources")
        if not evaluate(written.get("condition", True), scope):
            continue
        planned = _one(written, scope, group, types, parent)
        yield planned
        yield from _planned(written.get("resources"), scope, group, types, planned)


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"'{name}' of a template must be an array")
    return cast("list[Any]", value)


def _one(
    written: Json, scope: Scope, group: ResourceId, types: TypeTable, parent: Planned | None
) -> Planned:
    for part, what in _REFUSED.items():
        if part in written:
            raise not_emulated(f"{what} ('{part}') in a template", "Leave it out.")
    said = str(written.get("type", ""))
    kind = types.require(f"{parent.type}/{said}" if parent else said).name
    if kind.lower() == "microsoft.resources/deployments":
        raise not_emulated("a deployment in a template", "Deploy its template by itself.")
    name, version = evaluate(written.get("name"), scope), evaluate(written.get("apiVersion"), scope)
    if not isinstance(name, str) or not isinstance(version, str):
        raise invalid(f"A resource of the type '{kind}' needs a 'name' and an 'apiVersion'")
    name = f"{parent.name}/{name}" if parent else name
    try:
        id = parse_id(f"{group.text}/providers/{interleave(kind, tuple(name.split('/')))}")
    except ValueError as error:
        raise invalid(
            f"The template resource '{name}' for type '{kind}' has incorrect segment lengths"
        ) from error
    depends_on = _list(evaluate(written.get("dependsOn"), scope), "dependsOn")
    return Planned(
        id=id.text,
        type=kind,
        name=name,
        api_version=version,
        body=evaluate({part: one for part, one in written.items() if part not in _OURS}, scope),
        depends_on=(*(str(one) for one in depends_on), *([parent.id] if parent else [])),
    )


def _in_order(planned: list[Planned]) -> Iterable[Planned]:
    """Each after all that it depends on; what is not of the template holds nobody up."""
    by_key = {one.id.lower(): one for one in planned}
    if len(by_key) != len(planned):
        raise invalid("A resource is defined more than once in the template")
    done: dict[str, Planned] = {}

    def visit(one: Planned, way: tuple[str, ...]) -> None:
        key = one.id.lower()
        if key in way:
            raise invalid(f"Circular dependency detected on resource: '{one.id}'")
        if key in done:
            return
        for other in one.depends_on:
            needed = by_key.get(other.lower()) or next(
                (some for some in planned if some.name.lower() == other.lower()), None
            )
            if needed is not None:
                visit(needed, (*way, key))
        done[key] = one

    for one in planned:
        visit(one, ())
    return done.values()
