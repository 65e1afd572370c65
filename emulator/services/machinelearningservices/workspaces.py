"""Hubs and projects: two kinds of the one resource type `workspaces`.

A hub owns a storage account and a key vault; a project takes nothing but the hub's id and shows
the hub's dependencies as its own. Each gets a GUID, and the default datastores over containers in
the hub's storage account.
"""

import uuid

from emulator.arm.resources import delete_resource
from emulator.arm.soft_deletion import SoftDeletion
from emulator.arm.types import Action, Change, Delete, Polling, Put, ResourceType, Selection
from emulator.http.messages import Request, Response
from emulator.http.routing import Route
from emulator.services.machinelearningservices import (
    datastores,
    experiments,
    metrics,
    workspace_body,
)
from emulator.services.machinelearningservices.operations import WORKSPACE_TRACKING
from emulator.services.machinelearningservices.versions import (
    API_VERSIONS,
    WORKSPACES,
)
from emulator.services.machinelearningservices.workspace_body import ISOLATION
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.database import Documents
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId, parse_id
from emulator.state.json_text import Json
from emulator.state.store import Resource

KINDS = {"hub": "Hub", "project": "Project"}
DAYS_IN_THE_BIN = 14
DELETED = SoftDeletion("deleted-workspaces")

_READ_ONLY = (
    "workspaceId", "discoveryUrl", "mlFlowTrackingUri", "tenantId", "associatedWorkspaces",
    "notebookInfo", "privateLinkCount", "serviceProvisionedResourceGroup", "storageHnsEnabled",
)  # fmt: skip
# What a project takes from its hub, and must not say itself.
_OF_THE_HUB = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")


def kind(workspace: Resource) -> str:
    """`Hub` or `Project`, in Azure's case whatever the caller wrote."""
    return KINDS[str(workspace.body.get("kind", "")).lower()]


def hub_of(cloud: Cloud, workspace: Resource) -> Resource:
    """The hub behind a project; a hub is its own."""
    if kind(workspace) == "Hub":
        return workspace
    hub = cloud.resources.get(str(workspace.properties["hubResourceId"]))
    assert hub is not None, f"the hub of {workspace.id.text} is gone"
    return hub


def workspace_of(cloud: Cloud, resource: Resource) -> Resource:
    """The workspace that a nested resource lies in."""
    node: ResourceId | None = resource.id
    while node is not None and node.type.lower() != WORKSPACES.lower():
        node = node.parent
    workspace = cloud.resources.get(node) if node else None
    assert workspace is not None, f"{resource.id.text} lies in no workspace"
    return workspace


def by_guid(cloud: Cloud, guid: str) -> Resource | None:
    """A workspace by its `workspaceId`."""
    for workspace in cloud.resources.of_type(WORKSPACES):
        if str(workspace.properties.get("workspaceId", "")).lower() == guid.lower():
            return workspace
    return None


def _validate(change: Change) -> None:
    change.body["properties"] = workspace_body.plain(change.properties)
    written = _written_kind(change)
    if written.lower() not in KINDS:
        raise AzureError(
            400,
            "BadRequest",
            f"foundry-emulator emulates workspaces of kind Hub and Project, not '{written}'.",
            target="kind",
        )
    if change.before is not None and KINDS[written.lower()] != change.before.body["kind"]:
        raise _bad("The kind of a workspace can't be changed.", "kind")
    # The service gives every workspace an identity, asked or not.
    change.body.setdefault("identity", {"type": "SystemAssigned"})
    _recover_or_refuse(change)
    if written.lower() == "hub":
        _validate_hub(change)
    else:
        _validate_project(change)


def _written_kind(change: Change) -> str:
    before = change.before.body.get("kind") if change.before else None
    return str(change.body.get("kind") or before or "Default")


def _validate_hub(change: Change) -> None:
    if change.properties.get("hubResourceId"):
        raise _bad("A workspace of kind Hub can't have a hubResourceId.", "hubResourceId")
    missing = [name for name in ("storageAccount", "keyVault") if not change.properties.get(name)]
    if missing and change.before is None:
        raise AzureError(
            400,
            "ValidationError",
            f"Missing dependent resources in workspace json: {', '.join(missing)}.",
            target=missing[0],
        )
    for name, type_name in (
        ("storageAccount", "Microsoft.Storage/storageAccounts"),
        ("keyVault", "Microsoft.KeyVault/vaults"),
        ("applicationInsights", "Microsoft.Insights/components"),
        ("containerRegistry", "Microsoft.ContainerRegistry/registries"),
    ):
        if change.properties.get(name):
            _dependency(change, name, type_name)

    _validate_managed_network(change)


def _validate_managed_network(change: Change) -> None:
    """Isolation only gets stricter; names to reach are for the strictest mode."""
    before: Json = change.before.properties.get("managedNetwork") or {} if change.before else {}
    network: Json = change.properties.get("managedNetwork") or {}
    mode = str(network.get("isolationMode") or before.get("isolationMode") or ISOLATION[0])
    was = str(before.get("isolationMode") or ISOLATION[0])
    if mode not in ISOLATION:
        raise _bad(
            f"isolationMode '{mode}' is not one of {', '.join(ISOLATION)}.", "managedNetwork"
        )
    if ISOLATION.index(mode) < ISOLATION.index(was):
        raise _bad(f"The managed network can't go back from {was} to {mode}.", "managedNetwork")
    rules: dict[str, Json] = network.get("outboundRules") or {}
    for name, rule in rules.items():
        if rule.get("type") != "FQDN":
            raise _bad(f"foundry-emulator knows outbound rules of type FQDN, not {name}'s.", name)
        if mode != ISOLATION[-1]:
            raise _bad(f"Rule '{name}': FQDN rules take isolationMode {ISOLATION[-1]}.", name)
        rule.setdefault("category", "UserDefined")
        rule.setdefault("status", "Inactive")


def _validate_project(change: Change) -> None:
    for name in _OF_THE_HUB:
        # A GET shows the hub's; sending the same back in an update says nothing new.
        if change.properties.get(name) and not _as_shown(change, name):
            raise _bad(
                f"A workspace of kind Project takes its {name} from the hub; leave it out.", name
            )
        change.properties.pop(name, None)
    hub_id = change.properties.get("hubResourceId") or (
        change.before.properties["hubResourceId"] if change.before else None
    )
    if not hub_id:
        raise _bad("A workspace of kind Project needs a hubResourceId.", "hubResourceId")
    hub = change.cloud.resources.get(parse_id(str(hub_id)))
    if hub is None or hub.type.lower() != WORKSPACES.lower() or kind(hub) != "Hub":
        raise _bad(f"hubResourceId '{hub_id}' is not an existing hub.", "hubResourceId")
    # Joining a hub takes a permission on the hub, not only on the new project.
    change.cloud.access.require_linked(
        change.request.caller,
        f"{WORKSPACES}/write",
        change.id.text,
        linked=f"{WORKSPACES}/hubs/join/action",
        linked_scope=hub.id.text,
    )
    if _region(hub.location) != _region(str(change.body.get("location") or hub.location)):
        raise _bad(f"A project must be in its hub's region, {hub.location}.", "location")


def _as_shown(change: Change, name: str) -> bool:
    if change.before is None:
        return False
    hub = hub_of(change.cloud, change.before)
    return str(change.properties[name]).lower() == str(hub.properties.get(name)).lower()


def _dependency(change: Change, name: str, type_name: str) -> None:
    id = parse_id(str(change.properties[name]))
    found = change.cloud.resources.get(id)
    if found is None or found.type.lower() != type_name.lower():
        raise AzureError(
            400,
            "ValidationError",
            f"The dependent resource '{id.text}' of the workspace doesn't exist.",
            target=name,
        )


def _defaults(change: Change) -> None:
    properties = change.properties
    before = change.before.properties if change.before else {}
    location = str(change.body.get("location", ""))
    change.body["kind"] = KINDS[_written_kind(change).lower()]
    change.body.setdefault("sku", {"name": "Basic", "tier": "Basic"})
    change.body.setdefault("tags", {})
    # A recovered one still has its own; what else a caller writes here is read-only.
    guid = before.get("workspaceId") or properties.get("workspaceId") or str(uuid.uuid4())
    properties |= {
        "workspaceId": guid,
        "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{change.id.text}",
        "tenantId": change.cloud.tenant,
    }
    for name, value in {
        "friendlyName": change.id.name,
        "description": "",
        "hbiWorkspace": False,
        "v1LegacyMode": False,
        "publicNetworkAccess": "Enabled",
        "systemDatastoresAuthMode": "accesskey",
        "enableDataIsolation": change.body["kind"] == "Project",
        "storageHnsEnabled": False,
    }.items():
        properties.setdefault(name, before.get(name, value))
    if change.body["kind"] == "Hub":
        properties.setdefault("workspaceHubConfig", {})
        for name in ("storageAccount", "keyVault"):
            properties.setdefault(name, before.get(name))
        if "managedNetwork" in before:
            properties.setdefault("managedNetwork", before["managedNetwork"])
    else:
        properties.setdefault("hubResourceId", before.get("hubResourceId"))
        hub = change.cloud.resources.get(str(properties["hubResourceId"]))
        assert hub is not None
        # One setting for the whole hub: its storage either takes keys or it doesn't.
        properties["systemDatastoresAuthMode"] = hub.properties["systemDatastoresAuthMode"]


def _created(cloud: Cloud, workspace: Resource) -> None:
    datastores.create_defaults(cloud, workspace, hub_of(cloud, workspace))


def _updated(cloud: Cloud, workspace: Resource) -> None:
    """A hub that turns to identities, or back to keys, takes its projects along."""
    if kind(workspace) != "Hub":
        return
    datastores.create_defaults(cloud, workspace, workspace)
    mode = workspace.properties["systemDatastoresAuthMode"]
    for project in _projects(cloud, workspace):
        changed = cloud.resources.put(project.with_properties(systemDatastoresAuthMode=mode))
        datastores.create_defaults(cloud, changed, workspace)


def _project(cloud: Cloud, workspace: Resource, api_version: str) -> Json:
    if kind(workspace) == "Project":
        hub = hub_of(cloud, workspace)
        inherited = {name: hub.properties.get(name) for name in _OF_THE_HUB}
        own = {name: value for name, value in inherited.items() if value}
    else:
        own = {"associatedWorkspaces": [project.id.text for project in _projects(cloud, workspace)]}
    properties = workspace_body.complete(workspace) | own
    return workspace.body | {
        "etag": None,
        "properties": workspace_body.at_version(properties, api_version),
    }


def _select(request: Request) -> Selection:
    wanted = request.option("kind").lower()
    return Selection(keeps=lambda one: not wanted or kind(one).lower() == wanted)


def _projects(cloud: Cloud, hub: Resource) -> list[Resource]:
    return [
        workspace
        for workspace in cloud.resources.of_type(WORKSPACES)
        if str(workspace.properties.get("hubResourceId", "")).lower() == hub.id.key
    ]


def _before_delete(request: Request, workspace: Resource) -> None:
    projects = _projects(request.cloud, workspace)
    if projects:
        names = ", ".join(repr(project.name) for project in projects)
        raise AzureError(
            409,
            "Conflict",
            f"The hub '{workspace.name}' can't be deleted while it has projects: {names}. Delete "
            "them first.",
        )
    if request.option("forceToPurge").lower() == "true":
        _purged(request.cloud).put(workspace.id.key, {})


def _after_delete(cloud: Cloud, workspace: Resource) -> None:
    metrics.forget_all(cloud, workspace.id.key)
    experiments.forget(cloud, workspace)
    if _purged(cloud).delete(workspace.id.key):
        return
    DELETED.keep(cloud, workspace, DAYS_IN_THE_BIN)


def _recover_or_refuse(change: Change) -> None:
    """A name in the bin is taken, unless the caller wants back what had it."""
    wanted = str(change.properties.pop("allowRecoverSoftDeletedWorkspace", "")).lower() == "true"
    deleted = DELETED.find(change.cloud, change.id)
    if change.before is not None or deleted is None:
        return
    if not wanted:
        raise AzureError(
            409,
            "Conflict",
            f"Soft-deleted workspace '{change.id.name}' exists since "
            f"{isoformat(deleted.deleted_at)}. Please purge or recover it: DELETE {change.id.text}"
            "?forceToPurge=true, or PUT it with properties.allowRecoverSoftDeletedWorkspace.",
        )
    kept = ("workspaceId", "hubResourceId")
    left = {name: value for name, value in deleted.resource.properties.items() if name in kept}
    change.body["properties"] = left | change.properties
    change.private |= deleted.resource.private
    DELETED.purge(change.cloud, change.id)


def _purge(request: Request) -> Response:
    """DELETE with forceToPurge: also what is only soft-deleted is gone for good."""
    id = parse_id(request.path)
    if request.option("forceToPurge").lower() == "true":
        DELETED.purge(request.cloud, id)
    return delete_resource(request, WORKSPACE_TYPE, id)


def _purged(cloud: Cloud) -> Documents:
    """Workspaces whose deletion is under way and leaves nothing behind."""
    return cloud.database.documents("machinelearningservices.purged")


def _list_keys(request: Request, workspace: Resource) -> Response:
    hub = hub_of(request.cloud, workspace)
    if str(workspace.properties.get("systemDatastoresAuthMode", "")).lower() == "identity":
        storage_key = None
    else:
        storage_key = datastores.account_key(request.cloud, hub)
    return Response.json(
        {
            "userStorageKey": storage_key,
            "userStorageResourceId": hub.properties["storageAccount"],
            "appInsightsInstrumentationKey": None,
            "containerRegistryCredentials": None,
            "notebookAccessKeys": None,
        }
    )


def _region(location: str) -> str:
    return location.replace(" ", "").lower()


def _bad(message: str, target: str) -> AzureError:
    return AzureError(400, "BadRequest", message, target=f"properties.{target}")


WORKSPACE_TYPE = ResourceType(
    name=WORKSPACES,
    api_versions=API_VERSIONS,
    # 200 or 202 and a Location, never 201: the generated clients refuse it.
    put=Put(created=202, updated=200, polling=Polling.LOCATION, poll_updates=False),
    delete=Delete(deleted=202, absent=204, polling=Polling.ASYNC),
    patch=True,
    actions={"listKeys": Action(handle=_list_keys)},
    located=True,
    identity=True,
    system_data=True,
    name_pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$",
    read_only=_READ_ONLY,
    immutable=("storageAccount", "keyVault", "hubResourceId"),
    tracking=WORKSPACE_TRACKING,
    validate=_validate,
    defaults=_defaults,
    created=_created,
    updated=_updated,
    before_delete=_before_delete,
    after_delete=_after_delete,
    project=_project,
    select=_select,
    list_options=("kind",),
)

WORKSPACE_ROUTES = (
    Route(
        "DELETE",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        f"{WORKSPACES}/{{workspace}}",
        _purge,
        query={"forceToPurge": None},
        operation=f"{WORKSPACES}/delete",
        scope="/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        f"{WORKSPACES}/{{workspace}}",
        api_versions=API_VERSIONS,
    ),
)
