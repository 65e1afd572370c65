"""The one SQLite database of an emulator: a file, or memory.

Everything that Azure would remember is in it. One connection, one lock: ARM is not bound by
throughput, and a serial order of writes is what makes a rehearsal deterministic.
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from emulator.state.directory import UnusableStateError
from emulator.state.json_text import Json, decode_json, encode_json

FEW, _MANY = 50, 1600
"""Rows that a walk reads at once, first and at most."""

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
        self._forgetters: list[Callable[[], None]] = []
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
                # A kill loses nothing that was acknowledged: a commit is in the system's hands,
                # which writes it out at its leisure. Only a power failure could come before that,
                # and it costs the newest commits, never the file.
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

    def walk(
        self,
        query: str,
        parameters: tuple[Any, ...],
        by: tuple[str, ...],
        *,
        after: Sequence[Any] | None = None,
        down: bool = False,
        wanted: int = FEW,
    ) -> Iterator[sqlite3.Row]:
        """The rows of a query in the order of the columns `by`, read only as far as one goes.

        `query` is a SELECT that ends in its conditions, `by` tells all its rows apart and has an
        index behind what the conditions pin down; `after` is where to go on, exclusively; `wanted`
        how many are likely to be taken.
        """
        size = max(1, min(wanted, _MANY))
        while True:
            statement = _walking(query, by, down=down, goes_on=bool(after))
            rows = self.rows(statement, (*parameters, *(after or ()), size))
            yield from rows
            if len(rows) < size:
                return
            after = tuple(rows[-1][column] for column in by)
            size = min(2 * size, _MANY)

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
                    self._roll_back()
                raise
            self._depth -= 1
            if self._depth:
                return
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                # A full disk, for one: what follows must not find this transaction still open.
                self._roll_back()
                raise
            afterwards, self._afterwards = self._afterwards, []
        for action in afterwards:
            action()

    @property
    def is_free(self) -> bool:
        """Whether nobody else is at the database in this moment."""
        free = self._lock.acquire(blocking=False)
        if free:
            self._lock.release()
        return free

    def alone(self) -> AbstractContextManager[object]:
        """Nobody else at the database: what is read and then kept in memory is not old by then."""
        return self._lock

    def forget_with(self, forget: Callable[[], None]) -> None:
        """Who keeps in memory what it read: called when that is taken back, or is another's."""
        self._forgetters.append(forget)

    def _roll_back(self) -> None:
        self._connection.execute("ROLLBACK")
        self._afterwards.clear()
        self._forget()

    def _forget(self) -> None:
        for forget in self._forgetters:
            forget()

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
            self._forget()

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
            self._forget()

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


@lru_cache(maxsize=256)
def _walking(query: str, by: tuple[str, ...], *, down: bool, goes_on: bool) -> str:
    order = ", ".join(f"{column} DESC" if down else column for column in by)
    beyond = f"AND ({', '.join(by)}) {'<' if down else '>'} ({', '.join('?' * len(by))})"
    return f"{query} {beyond if goes_on else ''} ORDER BY {order} LIMIT ?"


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
