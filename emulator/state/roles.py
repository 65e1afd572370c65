"""Role definitions: the built-in ones, by their real GUIDs, and the custom ones that were made."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from emulator.state.database import Database

_CUSTOM = "custom-roles"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDefinition:
    """A role: built in, or made by somebody where it has `assignable_scopes` of its own."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]
    assignable_scopes: tuple[str, ...] = ("/",)

    @property
    def is_custom(self) -> bool:
        """Whether somebody made it."""
        return self.assignable_scopes != ("/",)

    def grants(self, action: str, *, data: bool = False) -> bool:
        """Whether this role allows an action (or a data action)."""
        allowed, denied = (
            (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        )
        return any(_matches(pattern, action) for pattern in allowed) and not any(
            _matches(pattern, action) for pattern in denied
        )

    def assignable_on(self, scope: str) -> bool:
        """Whether it may be assigned on a scope (an ARM id): on one of its own, or below."""
        key = scope.rstrip("/").lower()
        return any(
            own == "/" or key == own.lower() or key.startswith(f"{own.lower()}/")
            for own in self.assignable_scopes
        )


class Roles:
    """Every role of the directory."""

    def __init__(self, database: Database, *, changed: Callable[[], None]) -> None:
        self._documents = database.documents(_CUSTOM)
        self._database = database
        self._changed = changed

    def find(self, id: str) -> RoleDefinition | None:
        """A role by its GUID."""
        built_in = role_definitions().get(id.lower())
        if built_in is not None:
            return built_in
        row = self._documents.get(id.lower())
        return _definition(row) if row else None

    def all(self) -> list[RoleDefinition]:
        """The built-in roles, then the custom ones."""
        return [*role_definitions().values(), *self._custom()]

    def put(self, role: RoleDefinition) -> None:
        """Write a custom role."""
        written = {
            "id": role.id,
            "name": role.name,
            "description": role.description,
            "actions": list(role.actions),
            "notActions": list(role.not_actions),
            "dataActions": list(role.data_actions),
            "notDataActions": list(role.not_data_actions),
            "assignableScopes": list(role.assignable_scopes),
        }
        with self._database.alone():
            self._documents.put(role.id, written)
            self._changed()

    def remove(self, role: RoleDefinition) -> None:
        """Remove a custom role."""
        with self._database.alone():
            self._documents.delete(role.id)
            self._changed()

    def _custom(self) -> list[RoleDefinition]:
        return [_definition(row) for _, row in self._documents.items()]


@cache
def role_definitions() -> dict[str, RoleDefinition]:
    """The built-in roles by GUID, from `role_definitions.json`."""
    text = resources.files("emulator.state").joinpath("role_definitions.json").read_text("utf-8")
    return {row["id"]: _definition(row) for row in json.loads(text)["roles"]}


def _definition(row: dict[str, Any]) -> RoleDefinition:
    return RoleDefinition(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        actions=tuple(row["actions"]),
        not_actions=tuple(row["notActions"]),
        data_actions=tuple(row["dataActions"]),
        not_data_actions=tuple(row["notDataActions"]),
        assignable_scopes=tuple(row.get("assignableScopes", ("/",))),
    )


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    # `workspaces/*/read` covers `workspaces/read` as well: otherwise the built-in roles' own
    # notActions (`workspaces/write` beside the action `workspaces/*/write`) would say nothing.
    expression = ".*".join(map(re.escape, pattern.split("*"))).replace("/.*/", "/(?:.*/)?")
    return re.compile(expression, re.IGNORECASE)


@lru_cache(maxsize=4096)
def _matches(pattern: str, action: str) -> bool:
    return _expression(pattern).fullmatch(action) is not None
