"""Datastores: the default two of every workspace, and blob containers somebody adds.

A workspace with `systemDatastoresAuthMode: identity` has datastores without credentials: callers
use their own Entra token on the blobs. Otherwise the service holds the account's key and hands out
a SAS on `listSecrets`.
"""

from emulator.arm.types import Action, Change, Put, ResourceType, Selection
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices import blobs
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import API_VERSIONS, WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

BLOB_STORE = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"
ARTIFACT_CONTAINER = "azureml"
_TYPE = f"{WORKSPACES}/datastores"
_MAX_SAS_HOURS = 24


def create_defaults(cloud: Cloud, workspace: Resource, hub: Resource) -> None:
    """The datastores that come with a workspace, and their containers in the hub's account."""
    account = storage_account(cloud, hub)
    identity = uses_identity(workspace)
    for name, container, default in (
        (BLOB_STORE, f"azureml-blobstore-{workspace.properties['workspaceId']}", True),
        (ARTIFACT_STORE, ARTIFACT_CONTAINER, False),
    ):
        blobs.ensure_container(cloud, account, container)
        cloud.resources.put(
            Resource(
                id=workspace.id.child("datastores", name),
                type=_TYPE,
                body={
                    "properties": {
                        "description": None,
                        "tags": {},
                        "properties": {},
                        "isDefault": default,
                        "credentials": {"credentialsType": "None" if identity else "AccountKey"},
                        "subscriptionId": account.id.subscription,
                        "resourceGroup": account.id.group,
                        "datastoreType": "AzureBlob",
                        "accountName": account.name,
                        "containerName": container,
                        "endpoint": "core.windows.net",
                        "protocol": "https",
                        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity"
                        if identity
                        else "None",
                    }
                },
            )
        )


def uses_identity(workspace: Resource) -> bool:
    """Whether the workspace's datastores carry no credential."""
    return str(workspace.properties.get("systemDatastoresAuthMode", "")).lower() == "identity"


def storage_account(cloud: Cloud, hub: Resource) -> Resource:
    """The storage account of a hub."""
    account = cloud.resources.get(str(hub.properties["storageAccount"]))
    if account is None:
        raise AzureError(
            404,
            "StorageAccountNotFound",
            f"The workspace's storage account '{hub.properties['storageAccount']}' is gone.",
        )
    return account


def find(cloud: Cloud, workspace: Resource, name: str) -> Resource | None:
    """A datastore of a workspace by name."""
    return cloud.resources.get(workspace.id.child("datastores", name))


def _validate(change: Change) -> None:
    kind = str(change.properties.get("datastoreType", ""))
    if kind.lower() != "azureblob":
        raise not_emulated(f"datastores of type '{kind}'", "Use AzureBlob.")
    for name in ("accountName", "containerName"):
        if not change.properties.get(name):
            raise user_error(f"The datastore needs '{name}'.", target=name)
    account = blobs.find_account(change.cloud, str(change.properties["accountName"]))
    if account is None:
        raise user_error(
            f"The storage account '{change.properties['accountName']}' doesn't exist.",
            target="accountName",
        )
    credentials: Json = change.properties.setdefault("credentials", {"credentialsType": "None"})
    if not isinstance(credentials.get("credentialsType"), str):
        raise user_error(
            "The datastore's credentials need 'credentialsType'.", target="credentials"
        )


def _defaults(change: Change) -> None:
    credentials: Json = change.properties["credentials"]
    # Secrets are written, shown by listSecrets alone: the body says what kind of credential it is.
    if credentials.get("secrets"):
        change.private["secrets"] = credentials["secrets"]
    change.properties["credentials"] = {"credentialsType": credentials["credentialsType"]}
    change.properties.setdefault("isDefault", False)
    change.properties.setdefault("endpoint", "core.windows.net")
    change.properties.setdefault("protocol", "https")


def _list_secrets(request: Request, datastore: Resource) -> Response:
    kind = datastore.properties["credentials"]["credentialsType"]
    if str(kind).lower() == "none":
        raise user_error(
            f"The datastore '{datastore.name}' has no secrets: its credentials are of type None.",
            inner="NoSecrets",
        )
    hours = request.json().get("expireAfterHours") or 1
    if not isinstance(hours, int | float) or not hours > 0:
        raise user_error(f"expireAfterHours '{hours}' is not a number above 0.")
    account = blobs.find_account(request.cloud, str(datastore.properties["accountName"]))
    assert account is not None
    if not blobs.allows_keys(account):
        raise user_error(
            f"Key based authentication is not permitted on the storage account '{account.name}'. "
            "Use identity-based datastores.",
            inner="KeyBasedAuthenticationNotPermitted",
            status=403,
        )
    if request.json().get("expirableSecret") is not True:
        # What the credential is, as recorded (test_workspace_connection_data_connection_listing).
        key = {"secretsType": "AccountKey", "key": blobs.account_key(account)}
        return Response.json(datastore.private.get("secrets") or key)
    # A SAS even where the credential is the account's key, as the service was recorded to answer.
    container = str(datastore.properties["containerName"])
    return Response.json(
        {
            "secretsType": "Sas",
            "sasToken": blobs.container_sas(
                request.cloud, account, container, min(hours, _MAX_SAS_HOURS)
            ),
        }
    )


def _may_go(request: Request, datastore: Resource) -> None:
    del request
    if datastore.name.lower() in (BLOB_STORE, ARTIFACT_STORE):
        raise user_error(f"The default datastore '{datastore.name}' can't be deleted.", status=409)


def _select(request: Request) -> Selection:
    wanted = request.option("isDefault").lower()

    def keeps(one: Resource) -> bool:
        return wanted not in ("true", "false") or one.properties["isDefault"] is (wanted == "true")

    return Selection(keeps=keeps, newest_first=request.option("orderByAsc").lower() == "false")


def account_key(cloud: Cloud, hub: Resource) -> str:
    """The key of the hub's storage account, for `listKeys` of a workspace."""
    return blobs.account_key(storage_account(cloud, hub))


DATASTORE_TYPE = ResourceType(
    name=_TYPE,
    api_versions=API_VERSIONS,
    put=Put(says_location=True),
    provisioning_state=False,
    system_data=True,
    objects=("credentials", "properties", "tags"),
    actions={"listSecrets": Action(handle=_list_secrets)},
    validate=_validate,
    defaults=_defaults,
    before_delete=_may_go,
    select=_select,
    list_options=("isDefault", "orderByAsc", "count"),
)
