# pyright: reportUnknownMemberType=false
# azure-storage-blob's transfer methods take untyped keyword arguments.
"""Training data in the project: a blob per content, and a data asset per name and content."""

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from jobs.errors import NotFoundError, RemoteError
from jobs.files import Digest, UnreadableFileError, changed, open_regular
from jobs.foundry.answers import Json, part, require_text, strings, text
from jobs.foundry.projects import Datastore
from jobs.foundry.reachability import require_reachable
from jobs.foundry.refusals import BLOB_ROLE, translated
from jobs.foundry.session import API_VERSION, Session

ROLES = ("train", "valid", "answers", "filter", "contract")
"""What foundry-tune keeps for a name, each in a data asset called `<name>-<role>`."""

_FOLDER = "foundry-tune"
_BLOCK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAsset:
    """One version of a data asset."""

    id: str
    name: str
    version: str
    archived: bool
    uri: str
    tags: Mapping[str, str]


def label_of(uri: str) -> str:
    """`name:version` out of the id of a data asset; another address stays as it is."""
    parts = uri.rstrip("/").split("/")
    if len(parts) >= 4 and parts[-4] == "data" and parts[-2] == "versions":
        return f"{parts[-3]}:{parts[-1]}"
    return uri


def find(session: Session, name: str, version: str) -> DataAsset | None:
    """One version of a data asset, or None."""
    found = session.arm.find(_path(session, name, version), API_VERSION, f"read data '{name}'")
    return _asset(found, name) if found else None


def versions(session: Session, name: str) -> list[DataAsset]:
    """Every version of a data asset, archived ones too; none where there is no such asset."""
    path = f"{session.project_id}/data/{name}/versions"
    doing = f"list the versions of data '{name}'"
    try:
        items = list(session.arm.list(path, API_VERSION, doing, listViewType="All"))
    except NotFoundError:
        return []
    return [_asset(item, name) for item in items]


def names(session: Session) -> list[str]:
    """The names of the project's data assets, archived ones too."""
    path = f"{session.project_id}/data"
    doing = "list the data assets"
    items = session.arm.list(path, API_VERSION, doing, listViewType="All")
    return [require_text(item, doing, "name") for item in items]


def latest_versions(session: Session) -> Iterator[dict[str, str]]:
    """The latest version of each data asset by name, page by page; empty where Azure says none."""
    path, doing = f"{session.project_id}/data", "list the data assets"
    for page in session.arm.pages(path, API_VERSION, doing, listViewType="All"):
        yield {
            require_text(item, doing, "name"): text(item, "properties", "latestVersion")
            for item in page
        }


Outcome = Literal["there", "uploaded", "healed"]


def uploaded(session: Session, datastore: Datastore, digest: Digest, name: str) -> str:
    """The SHA-256 of what lies where a file's content belongs, downloaded; empty for nothing."""
    from azure.core.exceptions import ResourceNotFoundError

    doing = f"read storage account '{datastore.account}'"
    with _blob(session, datastore, _blob_name(digest, name), doing) as blob:
        try:
            return _sha256_of(blob)
        except ResourceNotFoundError:
            return ""


def upload(
    session: Session,
    datastore: Datastore,
    file: Path,
    digest: Digest,
    name: str,
    told: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    by_content: bool = False,
) -> tuple[str, Outcome]:
    """Bring a file to the datastore unless its content is there; its `azureml://` address.

    The blob's name is the content's hash. So the name must never stand over other content: the file
    is hashed again while its blocks go up, and only if nothing moved are they made a blob. A blob
    that is there is held against the file's digest; one with other content is `healed`, that is,
    replaced by what its name says. `by_content` downloads it for that, and believes no MD5 that it
    was given. `told` hears of the bytes done and all of them.

    Raises:
        InvalidInputError: The file isn't any more what was checked; nothing was changed.
        RemoteError: The blob reads back as something else than was sent.
    """
    blob_name = _blob_name(digest, name)
    address = f"azureml://datastores/{datastore.name}/paths/{blob_name}"
    doing = f"upload to storage account '{datastore.account}'"
    with _blob(session, datastore, blob_name, doing) as blob:
        there = _holds(blob, digest, by_content=by_content)
        if there:
            return address, "there"
        _send(blob, file, digest, told)
        if not _holds(blob, digest, by_content=by_content):
            raise RemoteError(
                f"The upload of {file} reads back as something else.",
                next_step="Run the same command again.",
            )
    return address, "uploaded" if there is None else "healed"


def download(session: Session, datastore: Datastore, asset: DataAsset) -> bytes | None:
    """What foundry-tune uploaded for a version; None where it is gone, or isn't that any more.

    The blob's name says what it must hold, and is held against what it does hold.
    """
    from azure.core.exceptions import ResourceNotFoundError

    store, _, blob_name = asset.uri.rpartition("/datastores/")[2].partition("/paths/")
    folder, _, rest = blob_name.partition("/")
    if store != datastore.name or folder != _FOLDER:
        return None
    with _blob(session, datastore, blob_name, "download from") as blob:
        try:
            content: bytes = blob.download_blob().readall()
        except ResourceNotFoundError:
            return None
    named = rest.partition("/")[0]
    return content if hashlib.sha256(content).hexdigest() == named else None


def register(
    session: Session,
    name: str,
    version: str,
    *,
    uri: str,
    description: str,
    tags: Mapping[str, str],
) -> DataAsset:
    """Make, or bring back from the archive, one version of a data asset.

    Raises:
        RemoteError: It reads back as something else than was written.
    """
    return _put(
        session,
        name,
        version,
        {
            "dataType": "uri_file",
            "dataUri": uri,
            "description": description,
            "isAnonymous": False,
            "isArchived": False,
            "properties": {},
            "tags": dict(tags),
        },
    )


def archive(session: Session, asset: DataAsset) -> DataAsset:
    """Hide one version: Azure has no delete for data that jobs refer to.

    Raises:
        RemoteError: It is still there afterwards.
    """
    doing = f"read data '{asset.name}'"
    found = session.arm.get(_path(session, asset.name, asset.version), API_VERSION, doing)
    require_text(found, doing, "properties", "dataUri")
    properties = {**part(found, "properties"), "isArchived": True}
    return _put(session, asset.name, asset.version, properties)


def _put(session: Session, name: str, version: str, properties: dict[str, Any]) -> DataAsset:
    path, label = _path(session, name, version), f"{name}:{version}"
    session.arm.put(path, API_VERSION, {"properties": properties}, f"register data '{label}'")
    # Believed once it is read back: an answer to the PUT may be anybody's.
    kept = _asset(session.arm.get(path, API_VERSION, f"read data '{label}'"), name)
    if kept.archived != properties["isArchived"] or not _same_address(
        kept.uri, properties["dataUri"]
    ):
        raise RemoteError(
            f"Azure did not keep what was written of data '{label}'.",
            next_step="Run the same command again.",
        )
    return kept


def _same_address(kept: str, written: str) -> bool:
    """Azure may keep a datastore's path in full, with subscription, group and workspace."""
    return kept.rpartition("/datastores/")[2] == written.rpartition("/datastores/")[2]


def _path(session: Session, name: str, version: str) -> str:
    return f"{session.project_id}/data/{name}/versions/{version}"


def _asset(found: Json, name: str) -> DataAsset:
    properties = part(found, "properties")
    return DataAsset(
        id=text(found, "id"),
        name=name,
        version=text(found, "name"),
        archived=bool(properties.get("isArchived")),
        uri=text(properties, "dataUri"),
        tags=strings(properties, "tags"),
    )


def _blob_name(digest: Digest, name: str) -> str:
    return f"{_FOLDER}/{digest.sha256}/{name}.jsonl"


def _holds(blob: Any, digest: Digest, *, by_content: bool) -> bool | None:
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
    return _sha256_of(blob) == digest.sha256


def _sha256_of(blob: Any) -> str:
    """The hash of a blob's content, of which some megabytes at most are in memory at a time."""
    found = hashlib.sha256()
    for piece in blob.download_blob().chunks():
        found.update(piece)
    return found.hexdigest()


def _send(blob: Any, file: Path, digest: Digest, told: Callable[[int, int], None]) -> None:
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
def _blob(session: Session, datastore: Datastore, name: str, doing: str) -> Generator[Any]:
    """A blob's client for the length of a `with`, its errors translated."""
    from azure.storage.blob import BlobClient

    require_reachable(urlsplit(datastore.account_url).hostname or "")
    credential = _storage_credential(session, datastore)
    with (
        translated(doing, role=BLOB_ROLE),
        BlobClient(
            datastore.account_url,
            datastore.container,
            name,
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
