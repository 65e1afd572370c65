"""Where the bytes behind a reference lie: from any way to name data to one blob."""

from dataclasses import dataclass

from emulator.services.machinelearningservices import assets, blobs, datastores, workspaces
from emulator.services.machinelearningservices.references import (
    BlobUrl,
    DatastorePath,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.store import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPath:
    """A blob, or a folder of blobs, in a storage account of the emulator."""

    account: Resource
    container: str
    path: str


def locate(cloud: Cloud, workspace: Resource, uri: str) -> BlobPath:
    """The blob or folder behind a reference, seen from a workspace; refuses what is not there."""
    reference = parse(uri)
    if isinstance(reference, WorkspaceAsset):
        version = find_asset(cloud, workspace, reference, "data")
        if version is None:
            raise user_error(f"The data asset '{uri}' doesn't exist.", inner="DataNotFound")
        return locate(cloud, workspace, str(version.properties["dataUri"]))
    if isinstance(reference, DatastorePath):
        return _in_datastore(cloud, workspace, reference)
    if isinstance(reference, BlobUrl):
        account = blobs.find_account(cloud, reference.account)
        if account is None:
            raise user_error(f"There is no storage account '{reference.account}'.")
        return BlobPath(account=account, container=reference.container, path=reference.path)
    raise user_error(f"'{uri}' is not a path or a data asset.")


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
