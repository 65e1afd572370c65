"""Where the bytes behind a reference lie: from any way to name data to one blob."""

from dataclasses import dataclass

from emulator.services.machinelearningservices import assets, blobs, datastores, workspaces
from emulator.services.machinelearningservices.references import (
    BlobUrl,
    DatastorePath,
    JobOutput,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json
from emulator.state.store import Resource

_ASSETS = {
    "data": ("data", "DataNotFound"),
    "models": ("model", "ModelNotFound"),
    "codes": ("code", "CodeNotFound"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPath:
    """A blob, or a folder of blobs, in a storage account of the emulator."""

    account: Resource
    container: str
    path: str


def locate(cloud: Cloud, workspace: Resource, uri: str, kind: str = "data") -> BlobPath:
    """The blob or folder behind a reference, seen from a workspace; refuses what is not there.

    `kind` is what a reference to an asset means: data, models or codes.
    """
    reference = parse(uri)
    if isinstance(reference, WorkspaceAsset):
        version = find_asset(cloud, workspace, reference, kind)
        if version is None:
            word, inner = _ASSETS[kind]
            raise user_error(f"The {word} asset '{uri}' doesn't exist.", inner=inner)
        return locate(cloud, workspace, _uri_of(version), kind)
    if isinstance(reference, JobOutput):
        job = cloud.resources.get(workspace.id.child("jobs", reference.job))
        outputs: Json = (job.private.get("outputs") or {}) if job else {}
        version = cloud.resources.get(str(outputs.get(reference.output) or ""))
        if version is None:
            raise user_error(
                f"'{uri}': there is no job '{reference.job}' that has written '{reference.output}'."
            )
        found = locate(cloud, workspace, _uri_of(version), kind)
        path = "/".join(filter(None, (found.path.rstrip("/"), reference.path)))
        return BlobPath(account=found.account, container=found.container, path=path)
    if isinstance(reference, DatastorePath):
        return _in_datastore(cloud, workspace, reference)
    if isinstance(reference, BlobUrl):
        account = blobs.find_account(cloud, reference.account)
        if account is None:
            raise user_error(f"There is no storage account '{reference.account}'.")
        return BlobPath(account=account, container=reference.container, path=reference.path)
    raise user_error(f"'{uri}' is not a path or a data asset.")


def _uri_of(version: Resource) -> str:
    uri = next(
        (
            uri
            for name in ("dataUri", "modelUri", "codeUri")
            if (uri := version.properties.get(name))
        ),
        None,
    )
    return str(uri)


def find_asset(
    cloud: Cloud, workspace: Resource, reference: WorkspaceAsset, kind: str
) -> Resource | None:
    """The version that an asset reference names; the newest where it names none."""
    home = _home(cloud, workspace, reference)
    if home is None or (reference.kind or kind) != kind:
        return None
    container = cloud.resources.get(home.id.child(kind, reference.name))
    if container is None:
        return None
    if reference.version is None:
        return assets.latest(cloud, container)
    return cloud.resources.get(container.id.child("versions", reference.version))


def require_blob(cloud: Cloud, place: BlobPath, uri: str) -> None:
    """Refuse a reference whose blob doesn't exist."""
    if not blobs.exists(cloud, place.account, place.container, place.path):
        raise user_error(
            f"'{uri}' can't be read: there is no blob '{place.path}' in the container "
            f"'{place.container}' of the storage account '{place.account.name}'.",
            inner="DataNotFound",
        )


def _home(cloud: Cloud, workspace: Resource, reference: WorkspaceAsset) -> Resource | None:
    if reference.workspace_guid:
        return workspaces.by_guid(cloud, reference.workspace_guid)
    if reference.workspace_arm_id:
        return cloud.resources.get(reference.workspace_arm_id)
    return workspace


def _in_datastore(cloud: Cloud, workspace: Resource, reference: DatastorePath) -> BlobPath:
    home: Resource | None = workspace
    if reference.workspace and reference.workspace.lower() != workspace.name.lower():
        home = next(
            (
                one
                for one in cloud.resources.of_type(WORKSPACES, workspace.id.subscription)
                if one.name.lower() == reference.workspace.lower()
            ),
            None,
        )
    store = datastores.find(cloud, home, reference.datastore) if home else None
    if store is None:
        raise user_error(f"There is no datastore '{reference.datastore}'.", inner="NotFound")
    account = blobs.find_account(cloud, str(store.properties["accountName"]))
    if account is None:
        raise user_error(
            f"The storage account '{store.properties['accountName']}' of the datastore "
            f"'{store.name}' is gone."
        )
    return BlobPath(
        account=account, container=str(store.properties["containerName"]), path=reference.path
    )
