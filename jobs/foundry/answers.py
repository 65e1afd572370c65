"""Reading Azure's JSON: what is absent, null or of another shape reads as empty."""

from typing import Any, cast

Json = dict[str, Any]


def part(value: Any, *path: str) -> Json:
    """The object at a path, or an empty one."""
    found = cast("Json", value) if isinstance(value, dict) else {}
    for key in path:
        inner: Any = found.get(key)
        found = cast("Json", inner) if isinstance(inner, dict) else {}
    return found


def text(value: Any, *path: str) -> str:
    """The scalar at a path as text, or an empty one."""
    found = part(value, *path[:-1]).get(path[-1])
    return "" if found is None or isinstance(found, dict | list) else str(found)


def items(value: Any, *path: str) -> list[Json]:
    """The objects of the list at a path; what isn't an object is left out."""
    found = part(value, *path[:-1]).get(path[-1])
    if not isinstance(found, list):
        return []
    return [cast("Json", item) for item in cast("list[Any]", found) if isinstance(item, dict)]


def strings(value: Any, *path: str) -> dict[str, str]:
    """The object at a path as text by key: tags, properties, hyperparameters."""
    found = part(value, *path)
    return {key: "" if one is None else str(one) for key, one in found.items()}
