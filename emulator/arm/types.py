"""The type table: how ARM treats each resource type that the emulator knows.

Success codes, long-running style and api-versions are Azure's per type (the generated clients
reject an "almost right" 2xx), so they are data here and never a habit of the code.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from emulator.http.messages import Request, Response
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, resource_not_found
from emulator.state.ids import ResourceId
from emulator.state.json_text import Json
from emulator.state.store import Resource


class Polling(Enum):
    """How a client learns that a long-running operation is done."""

    NONE = "none"
    """The call is synchronous."""
    ASYNC = "azure-async-operation"
    """`Azure-AsyncOperation` points at a status document."""
    LOCATION = "location"
    """`Location` answers 202 until it answers the result."""
    BODY = "original-uri"
    """No header: the client polls the resource's own provisioningState."""


@dataclass(slots=True, kw_only=True)
class Change:
    """A PUT or PATCH under way: hooks read the request and edit `body` and `private`."""

    cloud: Cloud
    request: Request
    id: ResourceId
    before: Resource | None
    body: Json
    private: Json = field(default_factory=dict[str, Any])

    @property
    def properties(self) -> Json:
        """The body's `properties`, made when absent."""
        return self.body.setdefault("properties", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A POST on a resource, for example listKeys.

    `operation` is the permission it takes, when that is not `{type}/{name}/action`.
    """

    handle: Callable[[Request, Resource], Response]
    operation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What a PUT answers: a code when it creates, a code when it updates, and the polling."""

    created: int = 201
    updated: int = 200
    polling: Polling = Polling.NONE
    poll_updates: bool = True
    """Whether an update is long-running as well."""
    seconds: float = 0.0
    """How long it takes on the virtual clock."""
    says_location: bool = False
    """Whether a 201 says in `Location` where the new one is: Azure ML's management front end."""
    waits: bool = False
    """Whether real work decides when it is done, and how: `Operations.end` says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """What a DELETE answers when the resource is there, and when it is not."""

    deleted: int = 200
    absent: int = 204
    polling: Polling = Polling.NONE
    seconds: float = 0.0


def _everything(resource: Resource) -> bool:
    del resource
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a list shows: which resources, in the order of their creation or against it."""

    keeps: Callable[[Resource], bool] = _everything
    newest_first: bool = False


def _no_prefix(cloud: Cloud, resource: ResourceId) -> str:
    del cloud, resource
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How a provider tells of its long-running operations."""

    status: str = "operationStatuses"
    """The segment of the documents that Azure-AsyncOperation points at."""
    result: str = "operationResults"
    """The segment of what Location points at."""
    prefix: Callable[[Cloud, ResourceId], str] = _no_prefix
    """What stands before an operation's id."""
    timeout: str = ""
    """How long a client shall ask (`x-ms-async-operation-timeout`), where it is told."""
    putting: str = "InProgress"
    """What a document calls a PUT that is under way."""
    counts: bool = True
    """Whether a document shows how far it is and has no end yet; else both are blank values."""


def _nothing(change: Change) -> None:
    del change


def _no_effect(cloud: Cloud, resource: Resource) -> None:
    del cloud, resource


def _as_stored(cloud: Cloud, resource: Resource, api_version: str) -> Json:
    del cloud, api_version
    return resource.body


def _may_go(request: Request, resource: Resource) -> None:
    del request, resource


def _not_found(id: ResourceId) -> AzureError:
    return resource_not_found(id.type_path, id.group)


def _all(request: Request) -> Selection:
    del request
    return Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One row of the type table.

    `name` is in Azure's own case: `Microsoft.MachineLearningServices/workspaces/jobs`.
    Hooks, in the order they run:
    `validate(change)` refuses by raising AzureError; `defaults(change)` fills in what the service
    would; then the resource is stored; `created(cloud, resource)` / `updated(cloud, resource)` run
    in the same transaction; `completed(cloud, resource)` when a long-running PUT is done (at once
    for a synchronous one). `before_delete(request, resource)` refuses by raising;
    `after_delete(cloud, resource)` runs once it is gone, also when its group or parent was deleted.
    `project(cloud, resource, api_version)` makes the body that is shown; `select(request)` says
    what a list shows, and in which order.
    """

    name: str
    api_versions: tuple[str, ...]
    put: Put | None = field(default_factory=Put)
    """None: PUT is refused with 405."""
    delete: Delete | None = field(default_factory=Delete)
    patch: bool = False
    """Whether PATCH (a merge) is known."""
    actions: Mapping[str, Action] = field(default_factory=dict[str, Action])
    """POST actions by name, as Azure writes it; found whatever the case."""
    located: bool = False
    """Whether the body must carry a `location`."""
    identity: bool = False
    """Whether a system-assigned identity in the body makes a principal."""
    provisioning_state: bool = True
    """Whether `properties.provisioningState` is kept by the emulator."""
    implicit_parent: bool = False
    """Whether a PUT creates an absent parent (a model's container) instead of a 404."""
    system_data: bool = False
    etag: bool = False
    """Whether the body shows `etag` and PUT honors If-Match / If-None-Match."""
    name_pattern: str = ""
    name_error: tuple[str, str] = (
        "InvalidResourceName",
        "Resource name '{name}' is invalid: it must match {pattern}.",
    )
    operation: str = ""
    """The permission's type, when it is not the type itself."""
    shown_type: str = ""
    """The `type` that a body shows, when it is not the type itself."""
    filtered_list: bool = False
    """Whether a list takes no permission on its scope: `select` leaves out what is not visible."""
    objects: tuple[str, ...] = ()
    """Properties that must be objects where they are given (`outputs.registered_model`)."""
    read_only: tuple[str, ...] = ()
    """Properties that a PUT can't write: dropped from the request, kept from before."""
    immutable: tuple[str, ...] = ()
    """Properties that an update can't change: refused with 400."""
    tracking: Tracking = Tracking()
    """How it tells of its long-running operations."""
    validate: Callable[[Change], None] = _nothing
    defaults: Callable[[Change], None] = _nothing
    created: Callable[[Cloud, Resource], None] = _no_effect
    updated: Callable[[Cloud, Resource], None] = _no_effect
    completed: Callable[[Cloud, Resource], None] = _no_effect
    before_delete: Callable[[Request, Resource], None] = _may_go
    after_delete: Callable[[Cloud, Resource], None] = _no_effect
    project: Callable[[Cloud, Resource, str], Json] = _as_stored
    select: Callable[[Request], Selection] = _all
    list_options: tuple[str, ...] = ()
    """Options of a list that `select` reads; others, but for those of paging, are refused."""
    missing: Callable[[ResourceId], AzureError] = _not_found
    """The refusal of one that is not there."""
    holds_nothing: bool = False
    """Whether it exists in Azure and not here: its lists are empty, a write is refused by name."""

    @property
    def namespace(self) -> str:
        """The resource provider."""
        return self.name.split("/", 1)[0]

    @property
    def is_plain(self) -> bool:
        """Whether nothing more happens once one is written."""
        return self.created is self.updated is self.completed is _no_effect

    def action(self, name: str) -> tuple[str, Action] | None:
        """A POST action by name, whatever the case, with the name as Azure writes it."""
        lowered = name.lower()
        for known, action in self.actions.items():
            if known.lower() == lowered:
                return known, action
        return None


def empty(name: str, api_versions: tuple[str, ...]) -> ResourceType:
    """A type of Azure's that never holds anything here, so that an inventory can go over it."""
    return ResourceType(
        name=name, api_versions=api_versions, put=None, delete=None, holds_nothing=True
    )


class TypeTable:
    """Every type the emulator knows, by name in whatever case."""

    def __init__(self, types: Iterable[ResourceType], *, namespaces: Iterable[str] = ()) -> None:
        self._types = {row.name.lower(): row for row in types}
        named = {row.namespace for row in self._types.values()}
        self.namespaces = tuple(sorted(named | set(namespaces)))
        """Every resource provider the emulator knows, in Azure's own case."""
        self._namespaces = {name.lower() for name in self.namespaces}

    def has_namespace(self, name: str) -> bool:
        """Whether there is such a resource provider, in whatever case."""
        return name.lower() in self._namespaces

    def get(self, name: str) -> ResourceType | None:
        """The row of a type."""
        return self._types.get(name.lower())

    def require(self, name: str) -> ResourceType:
        """The row of a type; one that the emulator does not know is refused by name."""
        row = self.get(name)
        if row is None:
            namespace = name.split("/", 1)[0]
            raise AzureError(
                404,
                "InvalidResourceType",
                f"The resource type '{name.removeprefix(namespace + '/')}' could not be found in "
                f"the namespace '{namespace}' of foundry-emulator. Known types: "
                f"{', '.join(self.names(namespace)) or 'none'}.",
            )
        return row

    def names(self, namespace: str = "") -> list[str]:
        """The names of all types, or of one provider's."""
        wanted = namespace.lower()
        return sorted(
            row.name
            for row in self._types.values()
            if not wanted or row.namespace.lower() == wanted
        )

    def rows(self) -> list[ResourceType]:
        """Every row."""
        return list(self._types.values())
