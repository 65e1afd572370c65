"""Environments of a project: what a command job's container is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.errors import RemoteError
from jobs.foundry.answers import Json, text
from jobs.foundry.session import API_VERSION, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentDefinition:
    """What an environment is made of; what isn't used is empty."""

    image: str = ""
    conda_file: str = ""
    """The text of a conda file."""
    context: str = ""
    """The address of a folder with a Dockerfile."""
    dockerfile: str = ""
    os_type: str = "Linux"


def find(session: Session, name: str, version: str) -> EnvironmentDefinition | None:
    """What a version is made of, or None where there is no such version."""
    doing = f"read environment '{name}:{version}'"
    found = session.arm.find(_path(session, name, version), API_VERSION, doing)
    return _definition(found) if found else None


def register(
    session: Session,
    name: str,
    version: str,
    definition: EnvironmentDefinition,
    *,
    description: str,
    tags: Mapping[str, str],
) -> None:
    """Make a version.

    Raises:
        RemoteError: It reads back as something else than was written.
    """
    path, label = _path(session, name, version), f"{name}:{version}"
    properties: Json = {
        "isAnonymous": False,
        "osType": definition.os_type,
        "description": description,
        "tags": dict(tags),
    }
    if definition.image:
        properties["image"] = definition.image
    if definition.conda_file:
        properties["condaFile"] = definition.conda_file
    if definition.context:
        properties["build"] = {
            "contextUri": definition.context,
            "dockerfilePath": definition.dockerfile,
        }
    session.arm.put(path, API_VERSION, {"properties": properties}, f"make environment '{label}'")
    kept = _definition(session.arm.get(path, API_VERSION, f"read environment '{label}'"))
    if kept != definition:
        raise RemoteError(
            f"Azure did not keep what was written of environment '{label}'.",
            next_step="Run the same command again.",
        )


def _definition(found: Json) -> EnvironmentDefinition:
    return EnvironmentDefinition(
        image=text(found, "properties", "image"),
        conda_file=text(found, "properties", "condaFile"),
        context=text(found, "properties", "build", "contextUri"),
        dockerfile=text(found, "properties", "build", "dockerfilePath"),
        os_type=text(found, "properties", "osType") or "Linux",
    )


def _path(session: Session, name: str, version: str) -> str:
    return f"{session.project_id}/environments/{name}/versions/{version}"
