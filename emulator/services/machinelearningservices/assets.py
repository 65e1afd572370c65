"""Versioned assets: data, models, codes and environments are containers of versions, made alike.

A PUT of a version makes its container. Containers say `latestVersion` and `nextVersion`; lists
leave archived ones out unless `listViewType` asks for them. What a version points at never changes.
"""

from collections.abc import Callable, Iterator

from emulator.arm.types import Change, Delete, Put, ResourceType, Selection
from emulator.http.messages import Request
from emulator.services.machinelearningservices import deployed
from emulator.services.machinelearningservices.references import parse
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.versions import API_VERSIONS, WORKSPACES
from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError, not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource, children_of

DATA = f"{WORKSPACES}/data"
MODELS = f"{WORKSPACES}/models"
CODES = f"{WORKSPACES}/codes"
ENVIRONMENTS = f"{WORKSPACES}/environments"
_DATA_TYPES = ("uri_file", "uri_folder", "mltable")
_MODEL_TYPES = ("mlflow_model", "custom_model", "triton_model", "preset_model")


def next_version(container: Resource | None) -> str:
    """The number a new version would get: one above the highest there ever was."""
    highest = int(container.private.get("highest", 0)) if container else 0
    return str(highest + 1)


def latest(cloud: Cloud, container: Resource) -> Resource | None:
    """The newest version of a container that is not archived."""
    return next(
        (one for one in _newest(cloud, container) if not one.properties.get("isArchived")), None
    )


def _newest(cloud: Cloud, container: Resource) -> Iterator[Resource]:
    """The versions of a container, the newest first."""
    versions = children_of(container.id, f"{container.type}/versions")
    return cloud.resources.walk(versions, newest_first=True)


def add_version(
    cloud: Cloud,
    workspace: Resource,
    kind: str,
    name: str,
    properties: Json,
    *,
    version: str | None = None,
    created_by: str = "",
) -> Resource:
    """A version that the service itself makes, for a job; the next one where none is named.

    `kind` is data or models.

    Raises:
        AzureError: there is that version already.
    """
    container_id = workspace.id.child(kind, name)
    container = cloud.resources.get(container_id)
    number = version or next_version(container)
    if container is not None and cloud.resources.get(container_id.child("versions", number)):
        raise user_error(
            f"The {kind} asset '{name}' has a version '{number}' already.",
            inner="Immutable",
            status=409,
            code="Conflict",
        )
    if container is None:
        empty: Json = {"description": None, "tags": {}, "properties": {}, "isArchived": False}
        container = Resource(
            id=container_id, type=f"{WORKSPACES}/{kind}", body={"properties": empty}
        )
    highest = int(container.private.get("highest", 0))
    if number.isdecimal():
        highest = max(highest, int(number))
    cloud.resources.put(container.with_private(highest=highest))
    return cloud.resources.put(
        Resource(
            id=container_id.child("versions", number),
            type=f"{WORKSPACES}/{kind}/versions",
            body={"properties": properties},
        ),
        changed_by=created_by,
    )


def _container_defaults(change: Change) -> None:
    before = change.before.properties if change.before else {}
    change.properties.setdefault("description", before.get("description"))
    change.properties.setdefault("tags", before.get("tags", {}))
    change.properties.setdefault("properties", {})
    change.properties.setdefault("isArchived", False)


def _show_container(cloud: Cloud, container: Resource, api_version: str) -> Json:
    del api_version
    newest = latest(cloud, container)
    of_data = {"dataType": _data_type(cloud, container)} if container.type == DATA else {}
    return container.body | {
        "properties": container.properties
        | of_data
        | {
            "latestVersion": newest.name if newest else None,
            "nextVersion": next_version(container),
        }
    }


def _data_type(cloud: Cloud, container: Resource) -> str:
    """What a container of data holds; one that is made on its own may say so before it does."""
    newest = next(_newest(cloud, container), None)
    said = container.properties.get("dataType") or "uri_folder"
    return str(newest.properties.get("dataType") if newest else said)


def _version_defaults(change: Change) -> None:
    before = change.before.properties if change.before else {}
    standard: Json = {
        "description": None,
        "tags": {},
        "properties": {},
        "isAnonymous": False,
        "isArchived": False,
    }
    for name, value in standard.items():
        change.properties.setdefault(name, before.get(name, value))


def _count(cloud: Cloud, version: Resource) -> None:
    container = cloud.resources.get(version.id.parent) if version.id.parent else None
    assert container is not None
    if version.name.isdecimal():
        highest = max(int(container.private.get("highest", 0)), int(version.name))
        cloud.resources.put(container.with_private(highest=highest))


def _immutable(change: Change, kind: str, name: str) -> None:
    before = change.before.properties.get(name) if change.before else None
    if before is None or change.properties.get(name) in (None, before):
        if before is not None:
            change.properties[name] = before
        return
    raise user_error(
        f"A {kind} version with this name and version already exists. If you are trying to create "
        f"a new {kind} version, use a different name or version. If you are trying to update an "
        f"existing {kind} version, the existing asset's {name} cannot be changed. Only "
        "description, tags, and isArchived can be updated.",
        inner="Immutable",
        target=name,
    )


def _validate_data(change: Change) -> None:
    _immutable(change, "data", "dataUri")
    _immutable(change, "data", "dataType")
    kind = str(change.properties.get("dataType", ""))
    if kind.lower() not in _DATA_TYPES:
        raise user_error(
            f"'{kind}' is not a data type: {', '.join(_DATA_TYPES)}.", target="dataType"
        )
    _known_uri(change, "dataUri")


def _validate_model(change: Change) -> None:
    _immutable(change, "model", "modelUri")
    kind = str(change.properties.setdefault("modelType", "custom_model"))
    if kind.lower() not in _MODEL_TYPES:
        known = ", ".join(_MODEL_TYPES)
        raise user_error(f"'{kind}' is not a model type: {known}.", target="modelType")
    _known_uri(change, "modelUri")


def _validate_code(change: Change) -> None:
    _immutable(change, "code", "codeUri")
    _known_uri(change, "codeUri")


def _validate_environment(change: Change) -> None:
    """An environment is data here: kept as it is, and never built."""
    image, build = change.properties.get("image"), change.properties.get("build")
    if bool(image) == bool(build):
        raise user_error("An environment needs either an image or a build context.", target="image")
    conda_file = change.properties.get("condaFile")
    if conda_file is not None and not isinstance(conda_file, str):
        raise user_error("condaFile is the text of a conda file.", target="condaFile")
    for name in ("image", "build", "condaFile", "inferenceConfig", "osType"):
        before = change.before.properties.get(name) if change.before else None
        now = change.properties.get(name)
        if change.before is not None and now is not None and now != before:
            version, container = change.id.name, change.id.parent
            # 409: azure-ai-ml then makes the next version by itself.
            raise user_error(
                f"The environment '{container.name if container else ''}' with version '{version}' "
                f"exists, and its {name} is another. Use another version.",
                inner="Immutable",
                target=name,
                status=409,
                code="Conflict",
            )


def _environment_defaults(change: Change) -> None:
    _version_defaults(change)
    before = change.before.properties if change.before else {}
    for name, value in (("environmentType", "UserCreated"), ("osType", "Linux"), ("stage", None)):
        change.properties.setdefault(name, before.get(name, value))
    for name in ("image", "build", "condaFile", "inferenceConfig"):
        if name in before:
            change.properties.setdefault(name, before[name])


def _known_uri(change: Change, name: str) -> None:
    uri = str(change.properties.get(name) or "")
    if parse(uri) is None:
        raise user_error(f"'{uri}' is not a path or reference of Azure ML.", target=name)


def _model_defaults(change: Change) -> None:
    _version_defaults(change)
    # The SDK fails on a model without this object, however empty.
    change.properties.setdefault("flavors", {})
    change.properties.setdefault("jobName", None)
    change.properties.setdefault("stage", None)


def _refuse_deployed(request: Request, resource: Resource) -> None:
    for version in (
        [resource]
        if resource.type.lower().endswith("/versions")
        else request.cloud.resources.children(resource.id)
    ):
        endpoint = deployed.endpoint_of(request.cloud, version)
        if endpoint is None:
            continue
        assert version.id.parent is not None
        # Azure's rule in its own words (fine-tune-phi-3.md); the error's code is not documented.
        raise user_error(
            "You can't delete a custom model if it has an existing deployment. You must first "
            "delete your model deployment before you can delete your custom model. Model "
            f"'{version.id.parent.name}:{version.name}' is deployed to the serverless endpoint "
            f"'{endpoint.name}'.",
            inner="ModelInUse",
            status=409,
            code="Conflict",
        )


def viewed(request: Request) -> Callable[[Resource], bool]:
    """Whether `listViewType` asks for one: for active ones, unless it says otherwise."""
    view = request.option("listViewType", "ActiveOnly").lower()
    if view not in ("activeonly", "archivedonly", "all"):
        raise AzureError(400, "BadRequest", f"listViewType '{view}' is not known.")
    archived = view == "archivedonly"
    return lambda one: view == "all" or bool(one.properties.get("isArchived")) is archived


def _select(request: Request) -> Selection:
    is_viewed, wanted = viewed(request), request.option("hash")
    order = request.option("$orderBy").lower()
    by, _, direction = order.partition(" ")
    if order and (by not in ("createdtime", "createdat") or direction not in ("", "asc", "desc")):
        raise not_emulated(f"the order '{order}'", "Use createdtime, asc or desc.")
    return Selection(
        keeps=lambda one: (
            is_viewed(one) and (not wanted or _facts(one).get("hash_sha256") == wanted)
        ),
        newest_first=direction == "desc",
    )


def _facts(version: Resource) -> Json:
    return version.properties.get("properties") or {}


_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9\-_.]{0,254}$"


def _container(name: str, before_delete: Callable[[Request, Resource], None]) -> ResourceType:
    return ResourceType(
        name=name,
        api_versions=API_VERSIONS,
        put=Put(says_location=True),
        provisioning_state=False,
        system_data=True,
        delete=Delete(deleted=200, absent=204),
        name_pattern=_NAME,
        objects=("properties", "tags", "flavors", "build", "inferenceConfig"),
        defaults=_container_defaults,
        project=_show_container,
        before_delete=before_delete,
        select=_select,
        list_options=("listViewType",),
    )


def _version(
    name: str,
    validate: Callable[[Change], None],
    defaults: Callable[[Change], None],
    before_delete: Callable[[Request, Resource], None],
) -> ResourceType:
    return ResourceType(
        name=f"{name}/versions",
        api_versions=API_VERSIONS,
        put=Put(says_location=True),
        provisioning_state=False,
        system_data=True,
        implicit_parent=True,
        delete=Delete(deleted=200, absent=204),
        name_pattern=_NAME,
        objects=("properties", "tags", "flavors", "build", "inferenceConfig"),
        validate=validate,
        defaults=defaults,
        created=_count,
        before_delete=before_delete,
        select=_select,
        list_options=("listViewType", "$orderBy", "hash", "hashVersion"),
    )


def _may_go(request: Request, resource: Resource) -> None:
    del request, resource


ASSET_TYPES = (
    _container(DATA, _may_go),
    _version(DATA, _validate_data, _version_defaults, _may_go),
    _container(MODELS, _refuse_deployed),
    _version(MODELS, _validate_model, _model_defaults, _refuse_deployed),
    _container(CODES, _may_go),
    _version(CODES, _validate_code, _version_defaults, _may_go),
    _container(ENVIRONMENTS, _may_go),
    _version(ENVIRONMENTS, _validate_environment, _environment_defaults, _may_go),
)
