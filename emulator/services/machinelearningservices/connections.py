"""Connections: what a hub or a project reaches, with a secret that only `listsecrets` shows."""

from emulator.arm.show import show
from emulator.arm.types import Action, Change, Delete, Put, ResourceType, Selection
from emulator.http.messages import Request, Response
from emulator.services.machinelearningservices.versions import API_VERSIONS, WORKSPACES
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId
from emulator.state.json_text import Json
from emulator.state.store import Resource

_AUTH_TYPES = {
    "aad": False, "none": False, "managedidentity": False, "apikey": True, "customkeys": True,
    "pat": True, "sas": True, "accesskey": True, "accountkey": True, "usernamepassword": True,
    "serviceprincipal": True, "oauth2": True,
}  # fmt: skip


def _validate(change: Change) -> None:
    for name in ("category", "authType"):
        if not change.properties.get(name):
            raise _bad(f"A connection needs '{name}'.", name)
    # A Serp or an OpenAI connection reaches its service without one, and azure-ai-ml sends "".
    if change.properties.setdefault("target", "") is None:
        change.properties["target"] = ""
    auth = str(change.properties["authType"]).lower()
    if auth not in _AUTH_TYPES:
        raise _bad(f"'{change.properties['authType']}' is not an authType.", "authType")
    kept = change.before.private.get("credentials") if change.before else None
    if _AUTH_TYPES[auth] and not (change.properties.get("credentials") or kept):
        raise _bad(f"authType '{change.properties['authType']}' needs credentials.", "credentials")


def _defaults(change: Change) -> None:
    credentials = change.properties.pop("credentials", None)
    if credentials:
        change.private["credentials"] = credentials
    for name, value in _DEFAULTS.items():
        if change.properties.get(name) is None:
            change.properties[name] = value
    change.properties["group"] = _group(str(change.properties["category"]))
    change.properties["createdByWorkspaceArmId"] = (
        change.id.parent.text if change.id.parent else None
    )


_DEFAULTS: Json = {
    "isSharedToAll": False,
    "metadata": {},
    "credentials": None,
    "expiryTime": None,
    "useWorkspaceManagedIdentity": False,
    "sharedUserList": [],
}


def _group(category: str) -> str:
    return "AzureAI" if category.lower() in _OF_AI else "GenericProtocol"


_OF_AI = ("aiservices", "azureopenai", "serverless", "openai", "serp")
# What a list leaves out, unless it is asked to include all: a datastore seen as a connection.
_OF_DATA = ("azureblob", "adlsgen2", "azureonelake")


def _list_secrets(request: Request, connection: Resource) -> Response:
    shown = show(request.cloud, connection, request.api_version)
    properties = {**shown["properties"], "credentials": connection.private.get("credentials")}
    return Response.json({**shown, "properties": properties})


def _select(request: Request) -> Selection:
    category, target = request.option("category").lower(), request.option("target").lower()
    everything = request.option("includeAll").lower() == "true"

    def keeps(one: Resource) -> bool:
        own = str(one.properties["category"]).lower()
        return (
            (everything or own not in _OF_DATA)
            and (not category or own == category)
            and (not target or str(one.properties["target"]).lower() == target)
        )

    return Selection(keeps=keeps)


def _missing(id: ResourceId) -> AzureError:
    """As the service was recorded to say it (Azure/azure-sdk-assets, test_serp_crud)."""
    nothing = ("severity", "messageFormat", "messageParameters", "referenceCode", "detailsUri",
               "target", "debugInfo", "additionalInfo")  # fmt: skip
    return AzureError(
        404,
        "UserError",
        f"Connection {id.name} can't be found in this workspace",
        headers={"x-ms-response-type": "error"},
        extra=dict.fromkeys(nothing)
        | {"details": [], "innerError": {"code": "NotFoundError", "innerError": None}},
    )


def _bad(message: str, target: str) -> AzureError:
    return AzureError(400, "ValidationError", message, target=f"properties.{target}")


CONNECTION_TYPE = ResourceType(
    name=f"{WORKSPACES}/connections",
    api_versions=API_VERSIONS,
    put=Put(created=200, updated=200),
    delete=Delete(deleted=200, absent=204),
    patch=True,
    provisioning_state=False,
    system_data=True,
    objects=("credentials", "metadata"),
    actions={"listsecrets": Action(handle=_list_secrets)},
    validate=_validate,
    defaults=_defaults,
    select=_select,
    list_options=("category", "target", "includeAll"),
    missing=_missing,
)
