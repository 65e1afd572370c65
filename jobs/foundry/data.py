# pyright: reportUnknownMemberType=false
# azure-storage-blob's transfer methods take untyped keyword arguments.
"""Training data in the project: a blob per content, and a data asset per name and content."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs.foundry.answers import Json, part, strings, text
from jobs.foundry.projects import Datastore
from jobs.foundry.reachability import require_reachable
from jobs.foundry.refusals import BLOB_ROLE, translated
from jobs.foundry.session import API_VERSION, Session

_FOLDER = "foundry-tune"


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
    """Every version of a data asset, archived ones too."""
    path = f"{session.project_id}/data/{name}/versions"
    items = session.arm.list(
        path, API_VERSION, f"list the versions of data '{name}'", listViewType="All"
    )
    return [_asset(item, name) for item in items]


def names(session: Session) -> list[str]:
    """The names of the project's data assets, archived ones too."""
    path = f"{session.project_id}/data"
    items = session.arm.list(path, API_VERSION, "list the data assets", listViewType="All")
    return [str(item["name"]) for item in items]


def is_uploaded(session: Session, datastore: Datastore, sha256: str, name: str) -> bool:
    """Whether the blob for this content is there."""
    with _blob(session, datastore, _blob_name(sha256, name)) as blob:
        return bool(blob.exists())


def upload(session: Session, datastore: Datastore, file: Path, sha256: str, name: str) -> str:
    """Bring the content to the datastore unless it is there, and give its `azureml://` address.

    The blob's name is the content's hash, and a block blob appears when it is complete: what is
    there under this name is this content, whole.
    """
    blob_name = _blob_name(sha256, name)
    with _blob(session, datastore, blob_name) as blob, file.open("rb") as content:
        if not blob.exists():
            blob.upload_blob(content, overwrite=True, metadata={"foundry_tune_sha256": sha256})
    return f"azureml://datastores/{datastore.name}/paths/{blob_name}"


def register(
    session: Session,
    name: str,
    version: str,
    *,
    uri: str,
    description: str,
    tags: Mapping[str, str],
) -> DataAsset:
    """Make, or bring back from the archive, one version of a data asset."""
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
    """Hide one version: Azure has no delete for data that jobs refer to."""
    path = _path(session, asset.name, asset.version)
    found = session.arm.get(path, API_VERSION, f"read data '{asset.name}'")
    properties: dict[str, Any] = {**found["properties"], "isArchived": True}
    return _put(session, asset.name, asset.version, properties)


def _put(session: Session, name: str, version: str, properties: dict[str, Any]) -> DataAsset:
    path = _path(session, name, version)
    body = {"properties": properties}
    found = session.arm.put(path, API_VERSION, body, f"register data '{name}:{version}'")
    return _asset(found, name)


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


def _blob_name(sha256: str, name: str) -> str:
    return f"{_FOLDER}/{sha256}/{name}.jsonl"


@contextmanager
def _blob(session: Session, datastore: Datastore, name: str) -> Generator[Any]:
    """A blob's client for the length of a `with`, its errors translated."""
    from azure.storage.blob import BlobClient

    require_reachable(urlsplit(datastore.account_url).hostname or "")
    credential = _storage_credential(session, datastore)
    with (
        translated(f"upload to storage account '{datastore.account}'", role=BLOB_ROLE),
        BlobClient(
            datastore.account_url,
            datastore.container,
            name,
            credential=credential,
            retry_total=3,
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
