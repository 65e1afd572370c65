"""Who may do what: principals, role definitions and role assignments, evaluated as Azure does.

Scopes are compared on segment boundaries and whatever their case. A role grants an action when one
of its `actions` matches and none of its `notActions` does; roles add up.
"""

import hashlib
import json
import secrets
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.state import conditions
from emulator.state.clock import Clock
from emulator.state.database import Database
from emulator.state.errors import AzureError
from emulator.state.ids import ROOT, ResourceId
from emulator.state.roles import RoleDefinition, Roles

SCHEMA = """
CREATE TABLE IF NOT EXISTS principals (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, client_id TEXT NOT NULL,
  resource TEXT NOT NULL, secret TEXT NOT NULL, created_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS principals_by_client ON principals (client_id);
CREATE TABLE IF NOT EXISTS members (
  group_id TEXT NOT NULL, principal_id TEXT NOT NULL, PRIMARY KEY (group_id, principal_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_by_principal ON members (principal_id);
CREATE TABLE IF NOT EXISTS role_assignments (
  key TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL,
  scope_key TEXT NOT NULL, role TEXT NOT NULL, principal TEXT NOT NULL, body TEXT NOT NULL,
  created_at REAL NOT NULL, created_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS role_assignments_by_principal ON role_assignments (principal);
"""

_REMEMBERED = 4096
"""Decisions that are kept at most."""

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody in the directory. `id` is the object id, `type` User, Group or ServicePrincipal.

    `resource` is the ARM id whose managed identity it is, "" for everybody else.
    """

    id: str
    type: str
    name: str
    client_id: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class _Held:
    """A role (its GUID) that somebody has at a scope, and under which condition ("" for none)."""

    role: str
    scope_key: str
    condition: str


class Access:
    """The directory and the role assignments.

    Every call asks who it is and what they may, so that is kept in memory until it is written.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._principals: dict[str, Principal] = {}
        self._assignments: dict[str, list[_Held]] = {}
        self._decisions: dict[tuple[str, str, str, bool], bool] = {}
        database.define(SCHEMA)
        database.forget_with(self._forget)
        self.roles = Roles(database, changed=self._forget)

    def _forget(self) -> None:
        self._principals.clear()
        self._assignments.clear()
        self._decisions.clear()

    def _write(self, sql: str, parameters: tuple[Any, ...]) -> None:
        with self._database.alone():
            self._database.execute(sql, parameters)
            self._forget()

    # -- principals ------------------------------------------------------------------------------

    def add_principal(
        self,
        type: str,
        name: str,
        *,
        id: str = "",
        client_id: str = "",
        secret: str = "",
        resource: str = "",
    ) -> Principal:
        """Add (or replace) somebody; the secret is what a service principal signs in with."""
        principal = Principal(
            id=(id or str(uuid.uuid4())).lower(),
            type=type,
            name=name,
            client_id=(
                client_id or (str(uuid.uuid4()) if type == "ServicePrincipal" else "")
            ).lower(),
            resource=resource,
        )
        self._write(
            "INSERT OR REPLACE INTO principals VALUES (?,?,?,?,?,?,?)",
            (
                principal.id,
                type,
                name,
                principal.client_id,
                resource,
                _digest(secret) if secret else "",
                self._clock.timestamp(),
            ),
        )
        return principal

    def add_managed_identity(self, resource: ResourceId) -> Principal:
        """The principal of a resource's identity, or of an identity that is a resource itself.

        The same one on every call.
        """
        row = self._database.row(
            "SELECT * FROM principals WHERE resource=? COLLATE NOCASE", (resource.text,)
        )
        if row:
            return _principal(row)
        return self.add_principal("ServicePrincipal", resource.name, resource=resource.text)

    def remove_managed_identity(self, resource: ResourceId) -> None:
        """A resource is gone, and its identity with it; assignments stay behind, as in Azure."""
        self._write("DELETE FROM principals WHERE resource=? COLLATE NOCASE", (resource.text,))

    def principal(self, id: str) -> Principal | None:
        """Somebody by object id."""
        id = id.lower()
        with self._database.alone():
            known = self._principals.get(id)
            if known is None:
                row = self._database.row("SELECT * FROM principals WHERE id=?", (id,))
                if row is None:
                    return None
                known = self._principals[id] = _principal(row)
            return known

    def principals(self, type: str) -> list[Principal]:
        """Everybody of a type, by name."""
        rows = self._database.rows(
            "SELECT * FROM principals WHERE type=? ORDER BY name, id", (type,)
        )
        return [_principal(row) for row in rows]

    def application(self, client_id: str) -> Principal | None:
        """A service principal by client id."""
        row = self._database.row(
            "SELECT * FROM principals WHERE client_id=? AND client_id<>''", (client_id.lower(),)
        )
        return _principal(row) if row else None

    def has_secret(self, principal: Principal, secret: str) -> bool:
        """Whether a client secret is the right one."""
        row = self._database.row("SELECT secret FROM principals WHERE id=?", (principal.id,))
        known = str(row["secret"]) if row else ""
        return bool(known) and secrets.compare_digest(known, _digest(secret))

    def add_member(self, group_id: str, principal_id: str) -> None:
        """Put somebody into a group."""
        self._write(
            "INSERT OR REPLACE INTO members VALUES (?,?)", (group_id.lower(), principal_id.lower())
        )

    def remove_member(self, group_id: str, principal_id: str) -> None:
        """Take somebody out of a group."""
        self._write(
            "DELETE FROM members WHERE group_id=? AND principal_id=?",
            (group_id.lower(), principal_id.lower()),
        )

    def groups(self) -> list[tuple[Principal, list[str]]]:
        """Every group of the directory, with the object ids of those right in it."""
        rows = self._database.rows("SELECT * FROM principals WHERE type='Group' ORDER BY name, id")
        return [(_principal(row), self._members(row["id"])) for row in rows]

    def _members(self, group_id: str) -> list[str]:
        rows = self._database.rows(
            "SELECT principal_id FROM members WHERE group_id=? ORDER BY principal_id", (group_id,)
        )
        return [row["principal_id"] for row in rows]

    def identities_of(self, principal_id: str) -> list[str]:
        """The object ids whose roles somebody has: their own, and those of all their groups.

        A group in a group counts too: Azure's roles are transitive for groups.
        """
        rows = self._database.rows(
            "WITH RECURSIVE reached(id) AS (SELECT ? UNION SELECT group_id FROM members "
            "JOIN reached ON principal_id=reached.id) SELECT id FROM reached",
            (principal_id.lower(),),
        )
        return [row["id"] for row in rows]

    # -- role assignments ------------------------------------------------------------------------

    def assign(
        self,
        principal_id: str,
        role: str,
        scope: str,
        *,
        name: str = "",
        body: dict[str, Any] | None = None,
        created_by: str = "",
    ) -> str:
        """Write a role assignment; returns its id. The ARM route checks before it calls this."""
        name = name or str(uuid.uuid4())
        id = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}"
        self._write(
            "INSERT OR REPLACE INTO role_assignments VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                id.lower(),
                id,
                name,
                scope,
                scope.rstrip("/").lower(),
                role.lower(),
                principal_id.lower(),
                json.dumps(body or {}),
                self._clock.timestamp(),
                created_by,
            ),
        )
        return id

    def assignments(
        self, scope: ResourceId, *, below: bool, after: tuple[float, str] | None = None
    ) -> Iterator[tuple[tuple[float, str], sqlite3.Row]]:
        """The role assignments above and at a scope, and those below it: from the outermost in.

        Each with its place (the level of its scope, and its key); `after` is one to go on behind.
        """
        levels = [_right_at(above) for above in _above(scope)]
        levels.append((f"{scope.key}/", f"{scope.key}0") if below else _right_at(scope))
        first, key = (max(0, int(after[0])), after[1]) if after else (0, "")
        for level in range(first, len(levels)):
            rows = self._database.walk(
                "SELECT * FROM role_assignments WHERE key>=? AND key<?",
                levels[level],
                ("key",),
                after=(key,) if after and level == first else None,
            )
            for row in rows:
                yield (level, row["key"]), row

    def describe_assignment(self, key: str, body: dict[str, Any]) -> None:
        """Replace what a role assignment says beside who has which role where."""
        self._write("UPDATE role_assignments SET body=? WHERE key=?", (json.dumps(body), key))

    def unassign(self, key: str) -> None:
        """Remove a role assignment."""
        self._write("DELETE FROM role_assignments WHERE key=?", (key,))

    def remove_below(self, scope: ResourceId) -> None:
        """Remove the assignments at a scope that is gone, and below it."""
        self._write(
            "DELETE FROM role_assignments WHERE scope_key=? OR (scope_key>? AND scope_key<?)",
            (scope.key, scope.key + "/", scope.key + "0"),
        )

    # -- evaluation ------------------------------------------------------------------------------

    def allows(self, principal: Principal, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether somebody may perform an action on a scope (an ARM id)."""
        asked = (principal.id, action, scope, data)
        with self._database.alone():
            allowed = self._decisions.get(asked)
            if allowed is None:
                roles = self.roles_on(principal, scope)
                allowed = any(role.grants(action, data=data) for role in roles)
                if len(self._decisions) >= _REMEMBERED:
                    self._decisions.clear()
                self._decisions[asked] = allowed
            return allowed

    def roles_on(self, principal: Principal, scope: str) -> list[RoleDefinition]:
        """The roles that somebody has on a scope (an ARM id), assigned there or above it."""
        return [role for role, _ in self._held(principal, scope)]

    def may_assign(self, principal: Principal, action: str, scope: str, role: str) -> bool:
        """Whether somebody may write or delete the assignment of a role, with all conditions."""
        return any(
            held.grants(action) and conditions.allow(condition, action, role)
            for held, condition in self._held(principal, scope)
        )

    def _held(self, principal: Principal, scope: str) -> list[tuple[RoleDefinition, str]]:
        """Each role with the condition of its assignment, "" for none."""
        key = scope.rstrip("/").lower()
        return [
            (role, held.condition)
            for held in self._assignments_of(principal)
            if key == held.scope_key or key.startswith(held.scope_key + "/")
            if (role := self.roles.find(held.role)) is not None
        ]

    def _assignments_of(self, principal: Principal) -> list[_Held]:
        with self._database.alone():
            known = self._assignments.get(principal.id)
            if known is None:
                who = self.identities_of(principal.id)
                rows = self._database.rows(
                    "SELECT role, scope_key, body FROM role_assignments WHERE principal IN "
                    f"({','.join('?' * len(who))})",
                    tuple(who),
                )
                known = self._assignments[principal.id] = [
                    _Held(
                        row["role"],
                        row["scope_key"],
                        str(json.loads(row["body"]).get("condition") or ""),
                    )
                    for row in rows
                ]
            return known

    def sees(self, principal: Principal, scope: ResourceId) -> bool:
        """Whether somebody has any role on a scope, above it or below it."""
        return any(
            scope.within(held.scope_key) or held.scope_key.startswith(scope.key + "/")
            for held in self._assignments_of(principal)
        )

    def require(self, principal: Principal, action: str, scope: str) -> None:
        """Refuse, with ARM's AuthorizationFailed, what somebody may not do."""
        if not self.allows(principal, action, scope):
            raise _authorization_failed(principal, action, scope)

    def require_assigning(self, principal: Principal, action: str, scope: str, role: str) -> None:
        """Refuse the assignment of a role that a condition keeps from somebody."""
        if not self.may_assign(principal, action, scope, role):
            raise _authorization_failed(principal, action, scope)

    def require_linked(
        self, principal: Principal, action: str, scope: str, *, linked: str, linked_scope: str
    ) -> None:
        """Refuse a write that names another resource on which somebody lacks a permission."""
        if not self.allows(principal, linked, linked_scope):
            raise AzureError(
                403,
                "LinkedAuthorizationFailed",
                f"The client '{principal.client_id or principal.id}' with object id "
                f"'{principal.id}' has permission to perform action '{action}' on scope '{scope}'; "
                f"however, it does not have permission to perform action(s) '{linked}' on the "
                f"linked scope(s) '{linked_scope}' (respectively) or the linked scope(s) are "
                "invalid.",
            )

    def require_data(self, principal: Principal, action: str, scope: str) -> None:
        """The data-plane check: a role's `dataActions` on the id of the account or workspace."""
        if not self.allows(principal, action, scope, data=True):
            raise AzureError(
                403,
                "PermissionDenied",
                f"Principal does not have access to API/Operation. The principal "
                f"'{principal.id}' lacks the required data action '{action}' over '{scope}'.",
            )


def _above(scope: ResourceId) -> list[ResourceId]:
    """The scopes around one, the tenant's root first."""
    found: list[ResourceId] = []
    node = scope.parent
    while node is not None and node is not ROOT:
        found.append(node)
        node = node.parent
    return [ROOT, *reversed(found)] if scope is not ROOT else []


def _right_at(scope: ResourceId) -> tuple[str, str]:
    """From where to where the keys of the assignments at a scope go."""
    start = f"{scope.key}/providers/microsoft.authorization/roleassignments/"
    return start, f"{start}\U0010ffff"


def _authorization_failed(principal: Principal, action: str, scope: str) -> AzureError:
    return AzureError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.client_id or principal.id}' with object id "
        f"'{principal.id}' does not have authorization to perform action '{action}' over "
        f"scope '{scope or '/'}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
    )


def _digest(secret: str) -> str:
    # The secrets are random and long, so a plain digest keeps them: the state never holds one.
    return hashlib.sha256(secret.encode()).hexdigest()


def _principal(row: sqlite3.Row) -> Principal:
    return Principal(
        id=row["id"],
        type=row["type"],
        name=row["name"],
        client_id=row["client_id"],
        resource=row["resource"],
    )
