"""What a job trains on, fetched from the blobs into a directory, with the project's own rights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.services.machinelearningservices import blobs, data_paths, datastores, workspaces
from emulator.services.machinelearningservices.refusals import user_error
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.store import Resource

MAX_BYTES = 512 * 1024 * 1024
_BLOB_ACTIONS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """The fetched files; no validation file means that the trainer splits the training data."""

    training: Path
    validation: Path | None


def fetch(cloud: Cloud, job: Resource, directory: Path) -> TrainingInput:
    """Write the job's data sets into a directory, under the names they have."""
    project = workspaces.workspace_of(cloud, job)
    training: dict[str, Any] = job.private["training"]
    validation: str | None = training["validation_data"]
    return TrainingInput(
        training=_fetch(cloud, project, training["training_data"], directory / "training"),
        validation=(
            _fetch(cloud, project, validation, directory / "validation") if validation else None
        ),
    )


def require_access(cloud: Cloud, job: Resource) -> None:
    """Without keys on the datastores the job reads and writes as the project's identity."""
    project = workspaces.workspace_of(cloud, job)
    if not datastores.uses_identity(project):
        return
    hub = workspaces.hub_of(cloud, project)
    account = datastores.storage_account(cloud, hub)
    identity: dict[str, Any] = project.body.get("identity") or {}
    principal = cloud.access.principal(str(identity.get("principalId", "")))
    for verb in ("read", "write"):
        if principal is None or not cloud.access.allows(
            principal, f"{_BLOB_ACTIONS}/{verb}", account.id.text, data=True
        ):
            raise AzureError(
                403,
                "AuthorizationFailed",
                f"The identity of the project '{project.name}' may not {verb} blobs in the storage "
                f"account '{account.name}'. Assign it the role Storage Blob Data Contributor on "
                "the account.",
            )


def _fetch(cloud: Cloud, project: Resource, uri: str, directory: Path) -> Path:
    place = data_paths.locate(cloud, project, uri)
    data_paths.require_blob(cloud, place, uri)
    content = blobs.read(cloud, place.account, place.container, place.path)
    if len(content) > MAX_BYTES:
        raise user_error(f"'{uri}' is larger than 512 MB, the most a data set may have.")
    directory.mkdir()
    file = directory / place.path.rsplit("/", 1)[-1]
    file.write_bytes(content)
    return file
