# pyright: reportUnknownMemberType=false
# azure-storage-blob's transfer methods take untyped keyword arguments.
"""Blobs in a project's store: what a name promises is what lies there, or it isn't made.

A blob's name holds the hash of its content. So the name must never stand over other content: a file
is hashed again while its blocks go up, and only if nothing moved are they made a blob.
"""

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from jobs.errors import RemoteError
from jobs.files import Digest, UnreadableFileError, changed, open_regular
from jobs.foundry.projects import Datastore
from jobs.foundry.reachability import require_reachable
from jobs.foundry.refusals import BLOB_ROLE, translated
from jobs.foundry.session import API_VERSION, Session

FOLDER = "foundry-tune"
"""What begins the name of every blob that is made here."""

_BLOCK_BYTES = 8 * 1024 * 1024

Outcome = Literal["there", "uploaded", "healed"]


def address(datastore: Datastore, name: str) -> str:
    """A blob's address, or a folder's, in Azure ML's words."""
    return f"azureml://datastores/{datastore.name}/paths/{name}"


def bring(
    session: Session,
    datastore: Datastore,
    file: Path,
    digest: Digest,
    name: str,
    told: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    by_content: bool = False,
) -> Outcome:
    """Bring a file to a blob unless its content is there.

    A blob that is there is held against the file's digest; one with other content is `healed`, that
    is, replaced by what its name says. `by_content` downloads it for that, and believes no MD5 that
    it was given. `told` hears of the bytes done and all of them.

    Raises:
        InvalidInputError: The file isn't any more what was checked; nothing was changed.
        RemoteError: The blob reads back as something else than was sent.
    """
    doing = f"upload to storage account '{datastore.account}'"
    with opened(session, datastore, name, doing) as blob:
        there = holds(blob, digest, by_content=by_content)
        if there:
            return "there"
        send(blob, file, digest, told)
        if not holds(blob, digest, by_content=by_content):
            raise RemoteError(
                f"The upload of {file} reads back as something else.",
                next_step="Run the same command again.",
            )
    return "uploaded" if there is None else "healed"


def holds(blob: Any, digest: Digest, *, by_content: bool) -> bool | None:
    """Whether a blob holds this content; None where there is no blob."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        properties = blob.get_blob_properties()
    except ResourceNotFoundError:
        return None
    if properties.size != digest.size:
        return False
    md5 = properties.content_settings.content_md5
    if md5 and not by_content:
        return bytes(md5) == digest.md5
    # Whoever joins blocks says their MD5, right or wrong, or none: the content itself decides.
    return sha256_of(blob) == digest.sha256


def sha256_of(blob: Any) -> str:
    """The hash of a blob's content, of which some megabytes at most are in memory at a time."""
    found = hashlib.sha256()
    for piece in blob.download_blob().chunks():
        found.update(piece)
    return found.hexdigest()


def send(blob: Any, file: Path, digest: Digest, told: Callable[[int, int], None]) -> None:
    """Stage a file's blocks, and make them the blob if they are still what was checked."""
    from azure.storage.blob import BlobBlock, ContentSettings

    sha256, sent, blocks = hashlib.sha256(), 0, list[Any]()
    try:
        with open_regular(file) as content:
            while piece := content.read(_BLOCK_BYTES):
                sha256.update(piece)
                # Named by its content: two uploads at once can't mix their blocks.
                block = f"{len(blocks):05d}-{hashlib.sha256(piece).hexdigest()[:32]}"
                blob.stage_block(block, piece)
                blocks.append(BlobBlock(block))
                sent += len(piece)
                told(sent, digest.size)
    except (OSError, UnreadableFileError) as error:
        raise changed(file) from error
    if sha256.hexdigest() != digest.sha256:
        raise changed(file)
    blob.commit_block_list(
        blocks,
        content_settings=ContentSettings(content_md5=bytearray(digest.md5)),
        metadata={"foundry_tune_sha256": digest.sha256},
    )


@contextmanager
def opened(session: Session, datastore: Datastore, name: str, doing: str) -> Generator[Any]:
    """A blob's client for the length of a `with`, its errors translated."""
    with opened_container(session, datastore, doing) as container:
        yield container.get_blob_client(name)


@contextmanager
def opened_container(session: Session, datastore: Datastore, doing: str) -> Generator[Any]:
    """The client of the store's container for the length of a `with`, its errors translated."""
    from azure.storage.blob import ContainerClient

    require_reachable(urlsplit(datastore.account_url).hostname or "")
    credential = _storage_credential(session, datastore)
    with (
        translated(doing, role=BLOB_ROLE),
        ContainerClient(
            datastore.account_url,
            datastore.container,
            credential=credential,
            retry_total=2,
            initial_backoff=2,
            increment_base=2,
            connection_timeout=10,
            read_timeout=30,
            max_single_get_size=_BLOCK_BYTES,
            max_chunk_get_size=_BLOCK_BYTES,
        ) as client,
    ):
        yield client


def _storage_credential(session: Session, datastore: Datastore) -> Any:
    """The caller's own token, or the SAS or key that Azure ML lends for this datastore."""
    if datastore.uses_identity:
        return session.arm.credential
    lent = session.arm.post(
        f"{session.project_id}/datastores/{datastore.name}/listSecrets",
        API_VERSION,
        "borrow the datastore's key",
        body={"expirableSecret": True, "expireAfterHours": 1},
    )
    return lent.get("sasToken") or lent.get("key")
