# pyright: reportUnknownMemberType=false
# azure-storage-blob's transfer methods take untyped keyword arguments.
"""The files of a registered model: weights, tokenizer, card; listed, and brought here."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from jobs.errors import RefusedError, RemoteError, UsageError
from jobs.files import digest_of, whole_file
from jobs.foundry import blobs, projects
from jobs.foundry.answers import require_text
from jobs.foundry.models import ModelVersion
from jobs.foundry.projects import Datastore
from jobs.foundry.session import API_VERSION, Session

_IN_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/Microsoft\.MachineLearningServices)?/workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<store>[^/]+)/paths/(?P<path>.+)",
    re.IGNORECASE,
)
_OF_A_JOB = re.compile(r"azureml://jobs/(?P<job>[^/]+)/outputs/artifacts/paths/(?P<path>.*)", re.I)
_ARTIFACTS = "workspaceartifactstore"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file of a model."""

    path: str
    """Within the model, with slashes."""
    blob: str
    size: int
    """Bytes."""
    md5: bytes | None
    """Raw, as its writer said; None where nobody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a model's files are, and which there are."""

    uri: str
    store: Datastore
    files: tuple[WeightFile, ...]
    """By their paths."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(file.size for file in self.files)


def find(session: Session, model: ModelVersion) -> Weights:
    """The files of a registered model.

    Raises:
        RefusedError: They lie where this project can't look: in a registry, or in another project.
        RemoteError: There is no file, or one has a path that leads out of the model.
    """
    uri = _uri(session, model)
    name, folder = _place(session, model, uri)
    store = projects.datastore(session, name)
    with blobs.opened_container(session, store, f"list the files of '{model.label}'") as container:
        found = [*container.list_blobs(name_starts_with=folder)]
    files = sorted((_file(blob, folder) for blob in found), key=lambda file: file.path)
    if not files:
        raise RemoteError(
            f"Model '{model.label}' has no file at {uri}.",
            next_step="Somebody deleted them: train again with foundry-tune apply SPEC --retrain",
        )
    return Weights(uri=uri, store=store, files=tuple(files))


def download(
    session: Session, weights: Weights, folder: Path, told: Callable[[int], None]
) -> tuple[int, int]:
    """Bring every file below `folder`; how many came, and how many were there as they are.

    A file is there as a whole, held against its size and MD5, or not at all; what is there with
    other content is never written over. `told` hears of the bytes done.

    Raises:
        UsageError: A file of other content is in the way; nothing was downloaded.
        RemoteError: A file came as something else than Azure says it is.
    """
    wanted = [file for file in weights.files if not _is_there(folder / file.path, file)]
    done = weights.size - sum(file.size for file in wanted)
    with blobs.opened_container(session, weights.store, "download the model") as container:
        for file in wanted:
            target = folder / file.path
            _make_folder(target.parent)
            before = done
            done += _bring(container, file, target, lambda sent, so_far=before: told(so_far + sent))
    return len(wanted), len(weights.files) - len(wanted)


def _uri(session: Session, model: ModelVersion) -> str:
    doing = f"read model '{model.label}'"
    path = f"{session.project_id}/models/{model.name}/versions/{model.version}"
    return require_text(session.arm.get(path, API_VERSION, doing), doing, "properties", "modelUri")


def _place(session: Session, model: ModelVersion, uri: str) -> tuple[str, str]:
    """The datastore and the folder in it, which ends with a slash."""
    artifact = _OF_A_JOB.fullmatch(uri)
    if artifact:
        path = f"ExperimentRun/dcid.{artifact['job']}/{artifact['path']}"
        return _ARTIFACTS, f"{path.rstrip('/')}/"
    match = _IN_DATASTORE.fullmatch(uri)
    if match is None:
        raise RefusedError(
            f"Model '{model.label}' lies at {uri}, which is no datastore of this project.",
            next_step="A registry's model is downloaded from the registry: az ml model download",
        )
    target = session.target
    said = (match["subscription"], match["group"], match["workspace"])
    own = (target.subscription_id, target.resource_group, target.project)
    if said[0] and [part.casefold() for part in said] != [part.casefold() for part in own]:
        raise RefusedError(
            f"Model '{model.label}' lies in project '{said[2]}' of resource group '{said[1]}'.",
            next_step=f"Ask for it there: --resource-group {said[1]} -w {said[2]}",
        )
    return match["store"], f"{match['path'].rstrip('/')}/"


def _file(blob: Any, folder: str) -> WeightFile:
    path = str(blob.name).removeprefix(folder)
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise RemoteError(f"'{blob.name}' is no path of a model's file, so nothing was downloaded.")
    md5 = blob.content_settings.content_md5
    return WeightFile(path=path, blob=blob.name, size=blob.size, md5=bytes(md5) if md5 else None)


def _is_there(target: Path, file: WeightFile) -> bool:
    """Whether the very file is there already.

    Raises:
        UsageError: Something else is.
    """
    if not target.exists():
        return False
    is_alike = target.is_file() and target.stat().st_size == file.size and file.md5 is not None
    if is_alike and digest_of(target).md5 == file.md5:
        return True
    raise UsageError(
        f"{target} is there already, with other content; nothing was downloaded.",
        next_step="Name another folder: --download FOLDER",
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be made: {error.strerror}.",
            next_step="Name another folder: --download FOLDER",
        ) from error


def _bring(container: Any, file: WeightFile, target: Path, told: Callable[[int], None]) -> int:
    md5, size = hashlib.md5(usedforsecurity=False), 0
    with whole_file(target) as written:
        for piece in container.get_blob_client(file.blob).download_blob().chunks():
            written.write(piece)
            md5.update(piece)
            size += len(piece)
            told(size)
        if size != file.size or (file.md5 and md5.digest() != file.md5):
            raise RemoteError(
                f"'{file.path}' came as something else than Azure says it is.",
                next_step="Run the same command again: what is whole stays.",
            )
    return size
