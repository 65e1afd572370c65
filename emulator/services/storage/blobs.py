"""Containers and blobs, kept in the emulator's database.

The blob plane and other services share these functions; a service writes and reads blobs with
`ensure_container`, `write`, `read`, `names`, `delete` and hands out URLs with `signatures.sas_url`.
"""

import base64
import hashlib
import re
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.json_text import decode_json, encode_json

SCHEMA = """
CREATE TABLE IF NOT EXISTS storage_accounts (name TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
  account TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL,
  metadata TEXT NOT NULL, PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
  account TEXT NOT NULL, container TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
  md5 TEXT NOT NULL, etag TEXT NOT NULL, created REAL NOT NULL, modified REAL NOT NULL,
  headers TEXT NOT NULL, metadata TEXT NOT NULL, layout TEXT NOT NULL, content BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS blobs_by_name ON blobs (account, container, name);
CREATE TABLE IF NOT EXISTS blocks (
  account TEXT NOT NULL, container TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
  content BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS blocks_by_id ON blocks (account, container, name, id);
"""

_CONTAINER_NAME = re.compile(r"\$root|\$web|\$logs|[a-z0-9](?:-?[a-z0-9]){2,62}")
LAST = "\U0010ffff"
"""What no name goes beyond."""
_COLUMNS = "account, container, name, size, md5, etag, created, modified, headers, metadata, layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container."""

    account: str
    name: str
    etag: str
    modified: float
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob without its content. `headers` are content-type and its like; `layout` its blocks."""

    account: str
    container: str
    name: str
    size: int
    md5: str
    """In base64, as its writer said it; empty where it wasn't said."""
    etag: str
    created: float
    modified: float
    headers: dict[str, str] = field(default_factory=dict[str, str])
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    layout: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


# -- containers ----------------------------------------------------------------------------------


def find_container(cloud: Cloud, account: str, name: str) -> Container | None:
    """A container, if it is there."""
    row = cloud.database.row(
        "SELECT * FROM containers WHERE account=? AND name=?", (account.lower(), name)
    )
    return _container(row) if row else None


def require_container(cloud: Cloud, account: str, name: str) -> Container:
    """A container, or the blob plane's 404."""
    container = find_container(cloud, account, name)
    if container is None:
        raise AzureError(404, "ContainerNotFound", "The specified container does not exist.")
    return container


def create_container(
    cloud: Cloud, account: str, name: str, metadata: Mapping[str, str] | None = None
) -> Container:
    """Make a container; 409 when it is there."""
    if not 3 <= len(name) <= 63:
        raise AzureError(
            400,
            "OutOfRangeInput",
            "The specified resource name length is not within the permissible limits.",
        )
    if not _CONTAINER_NAME.fullmatch(name):
        raise AzureError(
            400, "InvalidResourceName", "The specified resource name contains invalid characters."
        )
    with cloud.database.transaction():
        if find_container(cloud, account, name) is not None:
            raise AzureError(
                409, "ContainerAlreadyExists", "The specified container already exists."
            )
        cloud.database.execute(
            "INSERT INTO containers VALUES (?,?,?,?,?)",
            (account.lower(), name, _etag(), cloud.clock.timestamp(), encode_json(metadata or {})),
        )
        return require_container(cloud, account, name)


def ensure_container(cloud: Cloud, account: str, name: str) -> Container:
    """A container, made when it is not there."""
    with cloud.database.transaction():
        return find_container(cloud, account, name) or create_container(cloud, account, name)


def set_container_metadata(
    cloud: Cloud, account: str, name: str, metadata: Mapping[str, str]
) -> Container:
    """Replace a container's metadata."""
    with cloud.database.transaction():
        require_container(cloud, account, name)
        cloud.database.execute(
            "UPDATE containers SET metadata=?, etag=?, modified=? WHERE account=? AND name=?",
            (
                encode_json(metadata),
                _etag(),
                cloud.clock.timestamp(),
                account.lower(),
                name,
            ),
        )
        return require_container(cloud, account, name)


def delete_container(cloud: Cloud, account: str, name: str) -> bool:
    """Remove a container with everything in it."""
    where = (account.lower(), name)
    with cloud.database.transaction():
        cloud.database.execute("DELETE FROM blobs WHERE account=? AND container=?", where)
        cloud.database.execute("DELETE FROM blocks WHERE account=? AND container=?", where)
        return bool(
            cloud.database.execute("DELETE FROM containers WHERE account=? AND name=?", where)
        )


def list_containers(
    cloud: Cloud, account: str, prefix: str = "", *, start: str = "", after: str | None = None
) -> Iterator[Container]:
    """An account's containers by name, from a name on or behind one, read as far as one goes."""
    rows = cloud.database.walk(
        "SELECT * FROM containers WHERE account=? AND name>=? AND name<?",
        (account.lower(), max(prefix, start), prefix + LAST),
        ("name",),
        after=None if after is None else (after,),
    )
    return map(_container, rows)


def delete_account(cloud: Cloud, account: str) -> None:
    """Remove every container of an account."""
    for container in list(list_containers(cloud, account)):
        delete_container(cloud, account, container.name)


# -- blobs ---------------------------------------------------------------------------------------


def find(cloud: Cloud, account: str, container: str, name: str) -> Blob | None:
    """A blob's properties, if it is there."""
    row = cloud.database.row(
        f"SELECT {_COLUMNS} FROM blobs WHERE account=? AND container=? AND name=?",
        (account.lower(), container, name),
    )
    return _blob(row) if row else None


def require(cloud: Cloud, account: str, container: str, name: str) -> Blob:
    """A blob's properties, or the blob plane's 404."""
    blob = find(cloud, account, container, name)
    if blob is None:
        require_container(cloud, account, container)
        raise AzureError(404, "BlobNotFound", "The specified blob does not exist.")
    return blob


def read(
    cloud: Cloud, account: str, container: str, name: str, start: int = 0, size: int | None = None
) -> bytes | None:
    """A blob's content, or a part of it; None when it is not there."""
    row = cloud.database.row(
        "SELECT substr(content, ?, ?) AS content FROM blobs "
        "WHERE account=? AND container=? AND name=?",
        (start + 1, 2**31 - 1 if size is None else size, account.lower(), container, name),
    )
    # SQLite's substr of an empty blob is NULL.
    return bytes(row["content"] or b"") if row else None


def write(
    cloud: Cloud,
    account: str,
    container: str,
    name: str,
    content: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    layout: list[tuple[str, int]] | None = None,
    md5: str | None = None,
) -> Blob:
    """Write a block blob whole, over whatever was there; its container must be there.

    `md5` is what its writer says of it, in base64 and believed; None: it is computed.
    """
    with cloud.database.transaction():
        require_container(cloud, account, container)
        before = find(cloud, account, container, name)
        now = cloud.clock.timestamp()
        where = (account.lower(), container, name)
        if before is not None:
            cloud.database.execute(
                "DELETE FROM blobs WHERE account=? AND container=? AND name=?", where
            )
        cloud.database.execute(
            f"INSERT INTO blobs ({_COLUMNS}, content) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *where,
                len(content),
                _md5_of(content) if md5 is None else md5,
                _etag(),
                before.created if before else now,
                now,
                encode_json({"content-type": "application/octet-stream"} | dict(headers or {})),
                encode_json(dict(metadata or {})),
                encode_json(layout or []),
                content,
            ),
        )
        cloud.database.execute(
            "DELETE FROM blocks WHERE account=? AND container=? AND name=?", where
        )
        return require(cloud, account, container, name)


def update(
    cloud: Cloud,
    blob: Blob,
    *,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    md5: str | None = None,
) -> Blob:
    """Replace a blob's headers, metadata or the MD5 it is said to have, keeping its content."""
    cloud.database.execute(
        "UPDATE blobs SET headers=?, metadata=?, md5=?, etag=?, modified=? "
        "WHERE account=? AND container=? AND name=?",
        (
            encode_json(blob.headers if headers is None else headers),
            encode_json(blob.metadata if metadata is None else metadata),
            blob.md5 if md5 is None else md5,
            _etag(),
            cloud.clock.timestamp(),
            blob.account,
            blob.container,
            blob.name,
        ),
    )
    return require(cloud, blob.account, blob.container, blob.name)


def delete(cloud: Cloud, account: str, container: str, name: str) -> bool:
    """Remove a blob; False if it was not there."""
    return bool(
        cloud.database.execute(
            "DELETE FROM blobs WHERE account=? AND container=? AND name=?",
            (account.lower(), container, name),
        )
    )


def blobs_in(
    cloud: Cloud, account: str, container: str, prefix: str = "", *, start: str = ""
) -> Iterator[Blob]:
    """The blobs whose names start with a prefix, by name and from a name on, read as one goes."""
    rows = cloud.database.walk(
        f"SELECT {_COLUMNS} FROM blobs WHERE account=? AND container=? AND name>=? AND name<?",
        (account.lower(), container, max(prefix, start), prefix + LAST),
        ("name",),
    )
    return map(_blob, rows)


def names(cloud: Cloud, account: str, container: str, prefix: str = "") -> list[str]:
    """The names of the blobs that start with a prefix."""
    return [blob.name for blob in blobs_in(cloud, account, container, prefix)]


# -- blocks --------------------------------------------------------------------------------------


def put_block(
    cloud: Cloud, account: str, container: str, name: str, id: str, content: bytes
) -> None:
    """Keep an uncommitted block."""
    require_container(cloud, account, container)
    cloud.database.execute(
        "INSERT OR REPLACE INTO blocks VALUES (?,?,?,?,?)",
        (account.lower(), container, name, id, content),
    )


def uncommitted(cloud: Cloud, account: str, container: str, name: str) -> list[tuple[str, int]]:
    """The ids and sizes of uncommitted blocks."""
    rows = cloud.database.rows(
        "SELECT id, length(content) AS size FROM blocks "
        "WHERE account=? AND container=? AND name=? ORDER BY rowid",
        (account.lower(), container, name),
    )
    return [(row["id"], row["size"]) for row in rows]


def assemble(
    cloud: Cloud, account: str, container: str, name: str, wanted: list[tuple[str, str]]
) -> tuple[bytes, list[tuple[str, int]]]:
    """Join blocks, each (where to look, id): Committed, Uncommitted or Latest."""
    committed: dict[str, tuple[int, int]] = {}
    blob = find(cloud, account, container, name)
    position = 0
    for id, size in blob.layout if blob else []:
        committed[id] = (position, size)
        position += size
    pieces: list[bytes] = []
    for place, id in wanted:
        piece = None
        if place in ("Uncommitted", "Latest"):
            row = cloud.database.row(
                "SELECT content FROM blocks WHERE account=? AND container=? AND name=? AND id=?",
                (account.lower(), container, name, id),
            )
            piece = bytes(row["content"]) if row else None
        if piece is None and place in ("Committed", "Latest") and id in committed:
            start, size = committed[id]
            piece = read(cloud, account, container, name, start, size)
        if piece is None:
            raise AzureError(400, "InvalidBlockList", "The specified block list is invalid.")
        pieces.append(piece)
    layout = [(id, len(piece)) for (_, id), piece in zip(wanted, pieces, strict=True)]
    return b"".join(pieces), layout


def _md5_of(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _etag() -> str:
    return f'"0x8D{uuid.uuid4().hex[:13].upper()}"'


def _container(row: sqlite3.Row) -> Container:
    return Container(
        account=row["account"],
        name=row["name"],
        etag=row["etag"],
        modified=row["modified"],
        metadata=decode_json(row["metadata"]),
    )


def _blob(row: sqlite3.Row) -> Blob:
    layout: Any = decode_json(row["layout"])
    return Blob(
        account=row["account"],
        container=row["container"],
        name=row["name"],
        size=row["size"],
        md5=row["md5"],
        etag=row["etag"],
        created=row["created"],
        modified=row["modified"],
        headers=decode_json(row["headers"]),
        metadata=decode_json(row["metadata"]),
        layout=[(id, size) for id, size in layout],
    )
