"""The generic store of ARM resources: every type of every provider, in one table."""

import sqlite3
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.state.clock import Clock
from emulator.state.database import Database
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
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, type);
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, subscription);
"""


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
        database.define(SCHEMA)

    def get(self, id: ResourceId | str) -> Resource | None:
        """The resource with an id, in whatever case."""
        key = id.lower() if isinstance(id, str) else id.key
        row = self._database.row("SELECT * FROM resources WHERE key=?", (key,))
        return _resource(row) if row else None

    def put(self, resource: Resource, changed_by: str = "") -> Resource:
        """Write a resource; keeps the first writer's case and creation, renews the etag."""
        now = self._clock.timestamp()
        existing = self.get(resource.id)
        stored = replace(
            resource,
            id=existing.id if existing else resource.id,
            etag=uuid.uuid4().hex,
            created_at=existing.created_at if existing else now,
            created_by=existing.created_by if existing else changed_by,
            changed_at=now,
            changed_by=changed_by or (existing.changed_by if existing else ""),
        )
        id = stored.id
        self._database.execute(
            "INSERT OR REPLACE INTO resources VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                id.key,
                id.text,
                stored.type.lower(),
                id.parent.key if id.parent else "",
                id.subscription.lower(),
                id.group.lower(),
                encode_json(stored.body),
                encode_json(stored.private | {"type": stored.type}),
                stored.etag,
                stored.created_at,
                stored.changed_at,
                stored.created_by,
                stored.changed_by,
            ),
        )
        return stored

    def delete(self, id: ResourceId) -> bool:
        """Remove one resource, nothing below it; False if it was not there."""
        return bool(self._database.execute("DELETE FROM resources WHERE key=?", (id.key,)))

    def children(self, parent: ResourceId, type_name: str = "") -> list[Resource]:
        """What hangs directly on a resource, oldest first."""
        if type_name:
            rows = self._database.rows(
                "SELECT * FROM resources WHERE parent=? AND type=? ORDER BY created_at, key",
                (parent.key, type_name.lower()),
            )
        else:
            rows = self._database.rows(
                "SELECT * FROM resources WHERE parent=? ORDER BY created_at, key", (parent.key,)
            )
        return [_resource(row) for row in rows]

    def below(self, scope: ResourceId) -> list[Resource]:
        """Everything below a scope, deepest first, so that it can be deleted in this order."""
        rows = self._database.rows(
            "SELECT * FROM resources WHERE key>? AND key<? ORDER BY key DESC",
            (scope.key + "/", scope.key + "0"),
        )
        return [_resource(row) for row in rows]

    def of_type(self, type_name: str, subscription: str = "") -> list[Resource]:
        """Every resource of a type, oldest first; in one subscription, or anywhere."""
        if subscription:
            rows = self._database.rows(
                "SELECT * FROM resources WHERE type=? AND subscription=? ORDER BY created_at, key",
                (type_name.lower(), subscription.lower()),
            )
        else:
            rows = self._database.rows(
                "SELECT * FROM resources WHERE type=? ORDER BY created_at, key",
                (type_name.lower(),),
            )
        return [_resource(row) for row in rows]


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
