"""The generic store of ARM resources: every type of every provider, in one table."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.state.clock import Clock
from emulator.state.database import FEW, Database
from emulator.state.ids import ResourceId, parse_path
from emulator.state.json_text import Json, decode_json, encode_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
  key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, parent TEXT NOT NULL,
  subscription TEXT NOT NULL, resource_group TEXT NOT NULL,
  body TEXT NOT NULL, private TEXT NOT NULL, etag TEXT NOT NULL,
  created_at REAL NOT NULL, changed_at REAL NOT NULL,
  created_by TEXT NOT NULL, changed_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, type, created_at, key);
CREATE INDEX IF NOT EXISTS resources_by_type
  ON resources (type, subscription, created_at, key);
"""

_ORDER = ("created_at", "key")
_REMEMBERED, _SHORT = 1000, 64 * 1024
"""How many rows are kept at most, and how many characters of one: 64 MB in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as stored.

    `body` is what ARM shows beside id, name and type (location, tags, sku, properties, …);
    `private` is what it never shows (keys, secrets, a service's own notes).
    """

    id: ResourceId
    type: str
    body: Json
    private: Json = field(default_factory=dict[str, Any])
    etag: str = ""
    created_at: float = 0.0
    changed_at: float = 0.0
    created_by: str = ""
    changed_by: str = ""

    @property
    def name(self) -> str:
        """The last segment of the id."""
        return self.id.name

    @property
    def properties(self) -> Json:
        """The `properties` object of the body."""
        return self.body.get("properties") or {}

    @property
    def location(self) -> str:
        """The region, in lower case without blanks; "" where the type has none."""
        return str(self.body.get("location") or "")

    @property
    def state(self) -> str:
        """provisioningState; "" where the type has none."""
        return str(self.properties.get("provisioningState") or "")

    def with_properties(self, **properties: Any) -> "Resource":
        """A copy with some properties set."""
        return replace(self, body=self.body | {"properties": self.properties | properties})

    def with_private(self, **values: Any) -> "Resource":
        """A copy with some private values set."""
        return replace(self, private=self.private | values)


class ResourceStore:
    """Resources by id."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rows: dict[str, sqlite3.Row] = {}
        """Some rows as they are in the table: a client that polls asks for the same ones again."""
        database.forget_with(self._rows.clear)
        self._absent: set[str] = set()
        """Some types of which there is nothing: each write looks for locks."""
        database.forget_with(self._absent.clear)
        database.define(SCHEMA)

    def get(self, id: ResourceId | str) -> Resource | None:
        """The resource with an id, in whatever case."""
        row = self._row(id)
        return _resource(row) if row else None

    def has(self, id: ResourceId | str) -> bool:
        """Whether there is a resource with an id, in whatever case."""
        return self._row(id) is not None

    def _row(self, id: ResourceId | str) -> sqlite3.Row | None:
        key = id.lower() if isinstance(id, str) else id.key
        with self._database.alone():
            row = self._rows.get(key)
            if row is None:
                row = self._database.row("SELECT * FROM resources WHERE key=?", (key,))
                if row is not None and len(row["body"]) + len(row["private"]) <= _SHORT:
                    if len(self._rows) >= _REMEMBERED:
                        self._rows.clear()
                    self._rows[key] = row
            return row

    def put(
        self, resource: Resource, changed_by: str = "", *, before: Resource | None = None
    ) -> Resource:
        """Write a resource; keeps the first writer's case and creation, renews the etag.

        `before` is what is there, where the caller has just read it.
        """
        with self._database.alone():
            return self._put(resource, changed_by, before or self.get(resource.id))

    def _put(self, resource: Resource, changed_by: str, existing: Resource | None) -> Resource:
        now = self._clock.timestamp()
        stored = Resource(
            id=existing.id if existing else resource.id,
            type=resource.type,
            body=resource.body,
            private=resource.private,
            etag=os.urandom(16).hex(),
            created_at=existing.created_at if existing else now,
            created_by=existing.created_by if existing else changed_by,
            changed_at=now,
            changed_by=changed_by or (existing.changed_by if existing else ""),
        )
        written = (
            encode_json(stored.body),
            encode_json(stored.private | {"type": stored.type}),
            stored.etag,
            stored.changed_at,
            stored.changed_by,
        )
        id = stored.id
        self._rows.pop(id.key, None)
        if existing:
            # Nothing of this is in an index: one page is written.
            self._database.execute(
                "UPDATE resources SET body=?, private=?, etag=?, changed_at=?, changed_by=? "
                "WHERE key=?",
                (*written, id.key),
            )
        else:
            self._absent.discard(stored.type.lower())
            self._database.execute(
                "INSERT INTO resources (body, private, etag, changed_at, changed_by, type, key, "
                "id, parent, subscription, resource_group, created_at, created_by) "
                "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    *written,
                    stored.type.lower(),
                    id.key,
                    id.text,
                    id.parent.key if id.parent else "",
                    id.subscription.lower(),
                    id.group.lower(),
                    stored.created_at,
                    stored.created_by,
                ),
            )
        return stored

    def delete(self, id: ResourceId) -> bool:
        """Remove one resource, nothing below it; False if it was not there."""
        with self._database.alone():
            self._rows.pop(id.key, None)
            return bool(self._database.execute("DELETE FROM resources WHERE key=?", (id.key,)))

    def walk(
        self,
        among: "Among",
        *,
        after: Sequence[Any] | None = None,
        newest_first: bool = False,
        wanted: int = FEW,
    ) -> Iterator[Resource]:
        """Resources in the order of their creation, read as far as one goes.

        `after` is the `place` of the one to go on behind, `wanted` how many are likely to be taken.
        """
        rows = self._database.walk(
            f"SELECT * FROM resources WHERE {among.condition}",
            among.parameters,
            _ORDER,
            after=after,
            down=newest_first,
            wanted=wanted,
        )
        return map(_resource, rows)

    def children(self, parent: ResourceId, type_name: str = "") -> list[Resource]:
        """What hangs directly on a resource, oldest first."""
        if type_name:
            return list(self.walk(children_of(parent, type_name)))
        rows = self._database.rows(
            "SELECT * FROM resources WHERE parent=? ORDER BY created_at, key", (parent.key,)
        )
        return [_resource(row) for row in rows]

    def below(self, scope: ResourceId, type_name: str = "") -> list[Resource]:
        """Everything below a scope, or of a type there, deepest first: in the order of deletion."""
        rows = self._database.rows(
            "SELECT * FROM resources WHERE key>? AND key<? AND (?='' OR type=?) ORDER BY key DESC",
            (scope.key + "/", scope.key + "0", type_name.lower(), type_name.lower()),
        )
        return [_resource(row) for row in rows]

    def of_type(self, type_name: str, subscription: str = "") -> list[Resource]:
        """Every resource of a type, oldest first; in one subscription, or anywhere."""
        type_name = type_name.lower()
        if self._is_absent(type_name):
            return []
        if subscription:
            return list(self.walk(all_of(type_name, subscription)))
        rows = self._database.rows(
            "SELECT * FROM resources WHERE type=? ORDER BY created_at, key", (type_name,)
        )
        return [_resource(row) for row in rows]

    def _is_absent(self, type_name: str) -> bool:
        with self._database.alone():
            if type_name in self._absent:
                return True
            if self._database.row("SELECT 1 FROM resources WHERE type=? LIMIT 1", (type_name,)):
                return False
            self._absent.add(type_name)
            return True


@dataclass(frozen=True, slots=True)
class Among:
    """Resources that an index has in the order of their creation."""

    condition: str
    parameters: tuple[str, ...]


def children_of(parent: ResourceId, type_name: str) -> Among:
    """What hangs directly on a resource and is of a type."""
    return Among("parent=? AND type=?", (parent.key, type_name.lower()))


def all_of(type_name: str, subscription: str) -> Among:
    """All of a type in a subscription."""
    return Among("type=? AND subscription=?", (type_name.lower(), subscription.lower()))


def place(resource: Resource) -> tuple[float, str]:
    """Where a resource stands in the order of creation."""
    return resource.created_at, resource.id.key


def _resource(row: sqlite3.Row) -> Resource:
    private = decode_json(row["private"])
    type_name = private.pop("type")
    return Resource(
        id=parse_path(row["id"]).id,
        type=type_name,
        body=decode_json(row["body"]),
        private=private,
        etag=row["etag"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        created_by=row["created_by"],
        changed_by=row["changed_by"],
    )
