"""The project to work in, and where its data lives."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from jobs.errors import NotFoundError, PreflightError, RefusedError
from jobs.foundry.answers import object_in, part, require_text, text
from jobs.foundry.session import API_VERSION, Session

_TRUSTED_HOST_SUFFIX = ".azureml.ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A hub's project."""

    id: str
    name: str
    location: str
    kind: str
    workspace_id: str
    """The GUID that a fine-tuned model's id is built with."""
    discovery_url: str
    hub_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Datastore:
    """A blob store of the project."""

    name: str
    account_url: str
    account: str
    container: str
    uses_identity: bool
    """Whether the caller's own token opens it; else Azure ML lends a SAS or a key."""


def get(session: Session) -> Project:
    """The session's project.

    Raises:
        PreflightError: There is no such project, or it is a hub or a plain workspace.
    """
    name = session.target.project
    doing = f"read project '{name}'"
    try:
        found = session.arm.get(session.project_id, API_VERSION, doing)
    except NotFoundError as error:
        raise PreflightError(
            f"There is no project '{name}' in resource group '{session.target.resource_group}'.",
            next_step="Make it with pulumi up; foundry-tune doctor says where its name comes from.",
        ) from error
    kind = text(found, "kind") or "Default"
    if kind.casefold() != "project":
        raise PreflightError(
            f"'{name}' is a workspace of kind {kind}, and only a hub's project can fine-tune.",
            next_step="Name the project: -w PROJECT",
        )
    return Project(
        id=require_text(found, doing, "id"),
        name=require_text(found, doing, "name"),
        location=require_text(found, doing, "location").replace(" ", "").casefold(),
        kind=kind,
        workspace_id=require_text(found, doing, "properties", "workspaceId"),
        discovery_url=require_text(found, doing, "properties", "discoveryUrl"),
        hub_id=text(found, "properties", "hubResourceId"),
    )


def default_datastore(session: Session) -> Datastore:
    """Where the project keeps uploaded data."""
    return datastore(session, "workspaceblobstore")


def datastore(session: Session, name: str) -> Datastore:
    """The project's blob store of this name.

    Raises:
        NotFoundError: There is none.
    """
    doing = f"read the project's datastore '{name}'"
    path = f"{session.project_id}/datastores/{name}"
    found = session.arm.get(path, API_VERSION, doing)
    properties = part(found, "properties")
    suffix = text(properties, "endpoint") or "core.windows.net"
    account = require_text(properties, doing, "accountName")
    lends = text(properties, "credentials", "credentialsType") or "None"
    return Datastore(
        name=require_text(found, doing, "name"),
        account=account,
        account_url=f"https://{account}.blob.{suffix}",
        container=require_text(properties, doing, "containerName"),
        uses_identity=lends == "None",
    )


def storage_account(session: Session, project: Project) -> str:
    """The ARM id of the account that keeps the project's blobs: its hub's."""
    doing = "read the hub of the project"
    hub = session.arm.get(project.hub_id, API_VERSION, doing)
    return require_text(hub, doing, "properties", "storageAccount")


def data_plane(session: Session, project: Project) -> str:
    """The host of the region's run history and metrics, from the project's discovery document.

    Its answer decides where a token goes, so a host outside Azure Machine Learning is refused.
    """
    doing = "find the region's services"
    raw = session.arm.read(project.discovery_url, doing, signed_in=False)
    api = require_text(object_in(raw, doing), doing, "api")
    address = urlsplit(api)
    if address.scheme != "https" or not (address.hostname or "").endswith(_TRUSTED_HOST_SUFFIX):
        raise RefusedError(f"The project's discovery document names a foreign host: '{api}'.")
    return api.rstrip("/")
