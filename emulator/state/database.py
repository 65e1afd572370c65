"""The one SQLite database of an emulator: a file, or memory.

Everything that Azure would remember is in it. One connection, one lock: ARM is not bound by
throughput, and a serial order of writes is what makes a rehearsal deterministic.
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from emulator.state.directory import UnusableStateError
from emulator.state.json_text import Json, decode_json, encode_json

DOCUMENTS = """
CREATE TABLE IF NOT EXISTS documents (
  collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (collection, key)
) WITHOUT ROWID;
"""


class Database:
    """SQLite behind a lock, with nested transactions that commit at the outermost one."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._afterwards: list[Callable[[], None]] = []
        self._path = path
        self._schemas: list[str] = []
        if path is not None:
            # Rehearsal keys are in it: nobody else's to read. SQLite's other files take its mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, check_same_thread=False, isolation_level=None
        )
        self._connection.row_factory = sqlite3.Row
        with self._told_as_unusable():
            if path is not None:
                # A rehearsal killed half-way loses at most its last write, never the file.
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")
            self.define(DOCUMENTS)

    def define(self, schema: str) -> None:
        """Create a service's tables (`CREATE TABLE IF NOT EXISTS …`)."""
        with self._lock, self._told_as_unusable():
            self._schemas.append(schema)
            self._connection.executescript(schema)

    def seal(self) -> None:
        """Once every table is defined: refuse a file whose tables another version made."""
        ours = zlib.crc32("\n".join(self._schemas).encode()) & 0x7FFFFFFF
        row = self.row("PRAGMA user_version")
        theirs = row[0] if row else 0
        if theirs not in (0, ours):
            self.close()
            raise self._unusable("it was written by another version of foundry-emulator")
        self.execute(f"PRAGMA user_version={ours}")

    def execute(self, sql: str, parameters: tuple[Any, ...] = ()) -> int:
        """Run one statement; returns how many rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Every row of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchone()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing; nested transactions join the outermost one."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                    self._afterwards.clear()
                raise
            self._depth -= 1
            if self._depth:
                return
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                # A full disk, for one: what follows must not find this transaction still open.
                self._connection.execute("ROLLBACK")
                self._afterwards.clear()
                raise
            afterwards, self._afterwards = self._afterwards, []
        for action in afterwards:
            action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something once the running transaction is committed (now, if there is none)."""
        with self._lock:
            if self._depth:
                self._afterwards.append(action)
                return
        action()

    def documents(self, collection: str) -> "Documents":
        """A named collection of JSON objects."""
        return Documents(self, collection)

    def clear(self) -> None:
        """Forget everything, keeping the tables."""
        with self.transaction():
            for row in self.rows(
                "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
            ):
                self.execute(f'DELETE FROM "{row["name"]}"')

    def copy_to(self, path: Path) -> None:
        """Write all of it into a new file, as it is in this moment; nobody else may read that."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path)) as copy, self._lock:
            self._connection.backup(copy)

    def copy_from(self, path: Path) -> None:
        """Become what a file holds; refused where other tables are in it than in this one."""
        with closing(sqlite3.connect(path)) as copy, self._lock:
            (ours,) = self._connection.execute("PRAGMA user_version").fetchone()
            (theirs,) = copy.execute("PRAGMA user_version").fetchone()
            if ours not in (0, theirs):
                raise UnusableStateError(
                    f"{path.parent} was written by another version of foundry-emulator."
                )
            copy.backup(self._connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _told_as_unusable(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> UnusableStateError:
        directory = self._path.parent if self._path else None
        return UnusableStateError(
            f"The state in {directory} can't be used: {why}. Empty it: foundry-emulator reset "
            f"--state {directory}"
        )


class Documents:
    """JSON objects by key: what a service keeps without a table of its own."""

    def __init__(self, database: Database, collection: str) -> None:
        self._database = database
        self._collection = collection

    def get(self, key: str) -> Json | None:
        """The object under a key."""
        row = self._database.row(
            "SELECT value FROM documents WHERE collection=? AND key=?", (self._collection, key)
        )
        return decode_json(row["value"]) if row else None

    def put(self, key: str, value: Json) -> None:
        """Write the object under a key."""
        self._database.execute(
            "INSERT INTO documents (collection, key, value) VALUES (?,?,?) "
            "ON CONFLICT (collection, key) DO UPDATE SET value=excluded.value",
            (self._collection, key, encode_json(value)),
        )

    def delete(self, key: str) -> bool:
        """Remove a key; False if it was not there."""
        return bool(
            self._database.execute(
                "DELETE FROM documents WHERE collection=? AND key=?", (self._collection, key)
            )
        )

    def items(self, prefix: str = "") -> list[tuple[str, Json]]:
        """Every (key, object) whose key starts with a prefix, in the order of keys."""
        rows = self._database.rows(
            "SELECT key, value FROM documents WHERE collection=? AND key>=? AND key<? ORDER BY key",
            (self._collection, prefix, prefix + "\U0010ffff"),
        )
        return [(row["key"], decode_json(row["value"])) for row in rows]
