"""Registered models: what fine-tuning jobs leave, and what endpoints serve."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.errors import NotFoundError, RemoteError
from jobs.foundry.answers import Json, require_text, strings, text
from jobs.foundry.session import API_VERSION, Session

_REGISTRY_API = "1.0.0"
_REGISTRY_PAGE = "255"
_WRITABLE = (
    "description",
    "flavors",
    "isAnonymous",
    "isArchived",
    "jobName",
    "modelType",
    "modelUri",
    "properties",
    "stage",
)
"""Of a version's properties those that a PUT takes; the rest are Azure's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a registered model."""

    id: str
    name: str
    version: str
    job: str
    """The job that trained it."""
    description: str
    created: str
    tags: Mapping[str, str]
    properties: Mapping[str, str]

    @property
    def label(self) -> str:
        """`name:version`, as people write it."""
        return f"{self.name}:{self.version}"

    @property
    def base_model(self) -> str:
        """The registry's id of what it was fine-tuned from; empty where Azure doesn't say."""
        return self.properties.get("baseModelId", "")


def versions(session: Session, name: str) -> list[ModelVersion]:
    """Every version of a model, oldest first; none where there is no such model."""
    path = f"{session.project_id}/models/{name}/versions"
    doing = f"list the versions of model '{name}'"
    try:
        found = list(session.arm.list(path, API_VERSION, doing, listViewType="ActiveOnly"))
    except NotFoundError:
        return []
    return sorted((_version(item, name) for item in found), key=_age)


def find(session: Session, name: str, version: str) -> ModelVersion | None:
    """A version of a model, or None."""
    path = f"{session.project_id}/models/{name}/versions/{version}"
    found = session.arm.find(path, API_VERSION, f"read model '{name}:{version}'")
    return _version(found, name) if found else None


def next_version(session: Session, name: str) -> str:
    """The version that the next model of this name will have, deleted ones counted."""
    path = f"{session.project_id}/models/{name}"
    found = session.arm.find(path, API_VERSION, f"read model '{name}'")
    return text(found, "properties", "nextVersion") or "1"


def next_versions(session: Session) -> Iterator[dict[str, str]]:
    """The version that the next model of each name will have, page by page."""
    path, doing = f"{session.project_id}/models", "list the models"
    for page in session.arm.pages(path, API_VERSION, doing, listViewType="All"):
        yield {
            require_text(item, doing, "name"): text(item, "properties", "nextVersion") or "1"
            for item in page
        }


def trained(session: Session, api: str) -> Iterator[dict[tuple[str, str], ModelVersion]]:
    """The versions of all models by job and model name, newest first, page by page.

    ARM lists versions a model at a time. The region's model registry (`api` is its host) lists them
    all: azureml-core's `Model.list` reads it, 255 a page at most, and azure-ai-ml has a client of
    it (`_restclient/model_dataplane`). What it shows is there; of what it doesn't, ask ARM.
    """
    url, doing = f"{api}/modelregistry/v1.0{session.project_id}/models", "list the model registry"
    query = {"count": _REGISTRY_PAGE, "orderBy": "CreatedAtDesc", "listViewType": "ActiveOnly"}
    for page in session.arm.pages(url, _REGISTRY_API, doing, **query):
        # The newest comes last here: of two that a job has left under one name it is the one.
        versions = [_registered(item, session) for item in reversed(page)]
        yield {(version.job, version.name): version for version in versions}


def names(session: Session) -> list[str]:
    """The names of the project's models."""
    path, doing = f"{session.project_id}/models", "list the models"
    items = session.arm.list(path, API_VERSION, doing, listViewType="ActiveOnly")
    return [require_text(item, doing, "name") for item in items]


def delete(session: Session, model: ModelVersion) -> None:
    """Delete one version, and look that it is gone: azure-ai-ml has no verb for it, ARM has.

    Raises:
        ConflictError: An endpoint serves it.
        RemoteError: It is still there afterwards.
    """
    path = f"{session.project_id}/models/{model.name}/versions/{model.version}"
    session.arm.delete(path, API_VERSION, f"delete model '{model.label}'")
    if session.arm.find(path, API_VERSION, f"read model '{model.label}'") is not None:
        raise RemoteError(
            f"Azure was asked to delete model '{model.label}', but it is still there.",
            next_step="Run the same command again.",
        )


def tag(session: Session, model: ModelVersion, name: str, value: str | None) -> None:
    """Write one tag of a version, or take it away, and leave everything else as it is.

    ARM has no PATCH of versions: it is read and put back whole, as azure-ai-ml does.

    Raises:
        NotFoundError: The version is gone.
        RemoteError: The tag isn't there afterwards, or still is.
    """
    path = f"{session.project_id}/models/{model.name}/versions/{model.version}"
    found = session.arm.get(path, API_VERSION, f"read model '{model.label}'")
    properties = {key: found["properties"][key] for key in _WRITABLE if key in found["properties"]}
    tags = strings(found, "properties", "tags")
    wanted = {key: kept for key, kept in tags.items() if key != name}
    if value is not None:
        wanted[name] = value
    session.arm.put(
        path,
        API_VERSION,
        {"properties": {**properties, "tags": wanted}},
        f"tag model '{model.label}'",
    )
    kept = _version(session.arm.get(path, API_VERSION, f"read model '{model.label}'"), model.name)
    if kept.tags.get(name) != value:
        raise RemoteError(
            f"Azure was asked to tag model '{model.label}', but its tags are as before.",
            next_step="Run the same command again.",
        )


def _version(found: Json, name: str) -> ModelVersion:
    return ModelVersion(
        id=text(found, "id"),
        name=name,
        version=text(found, "name"),
        job=text(found, "properties", "jobName"),
        description=text(found, "properties", "description"),
        created=text(found, "systemData", "createdAt"),
        tags=strings(found, "properties", "tags"),
        properties=strings(found, "properties", "properties"),
    )


def _registered(found: Json, session: Session) -> ModelVersion:
    name, _, version = text(found, "id").rpartition(":")
    return ModelVersion(
        id=f"{session.project_id}/models/{name}/versions/{version}",
        name=name,
        version=version,
        job=text(found, "runId"),
        description=text(found, "description"),
        created=text(found, "createdTime"),
        tags=strings(found, "kvTags"),
        properties=strings(found, "properties"),
    )


def _age(model: ModelVersion) -> tuple[int, str]:
    return (int(model.version) if model.version.isdigit() else 0, model.version)
