"""Training data in the project: a blob per content, and a data asset per name and content."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import NotFoundError, RemoteError
from jobs.files import Digest
from jobs.foundry import blobs
from jobs.foundry.answers import Json, part, require_text, strings, text
from jobs.foundry.blobs import Outcome
from jobs.foundry.projects import Datastore
from jobs.foundry.session import API_VERSION, Session

ROLES = ("train", "valid", "answers", "filter", "contract")
"""What foundry-tune keeps for a name, each in a data asset called `<name>-<role>`."""

INPUT = "-input-"
"""What stands between a command document's name and its input's in the name of a data asset."""


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


def uploaded(session: Session, datastore: Datastore, digest: Digest, name: str) -> str:
    """The SHA-256 of what lies where a file's content belongs, downloaded; empty for nothing."""
    from azure.core.exceptions import ResourceNotFoundError

    doing = f"read storage account '{datastore.account}'"
    with blobs.opened(session, datastore, _blob_name(digest, name), doing) as blob:
        try:
            return blobs.sha256_of(blob)
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

    The blob's name is the content's hash; see `blobs.bring`.

    Raises:
        InvalidInputError: The file isn't any more what was checked; nothing was changed.
        RemoteError: The blob reads back as something else than was sent.
    """
    blob_name = _blob_name(digest, name)
    outcome = blobs.bring(session, datastore, file, digest, blob_name, told, by_content=by_content)
    return blobs.address(datastore, blob_name), outcome


def download(session: Session, datastore: Datastore, asset: DataAsset) -> bytes | None:
    """What foundry-tune uploaded for a version; None where it is gone, or isn't that any more.

    The blob's name says what it must hold, and is held against what it does hold.
    """
    from azure.core.exceptions import ResourceNotFoundError

    store, _, blob_name = asset.uri.rpartition("/datastores/")[2].partition("/paths/")
    folder, _, rest = blob_name.partition("/")
    if store != datastore.name or folder != blobs.FOLDER:
        return None
    with blobs.opened(session, datastore, blob_name, "download from") as blob:
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
    kind: str = "uri_file",
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
            "dataType": kind,
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
    return f"{blobs.FOLDER}/{digest.sha256}/{name}.jsonl"
