"""A job's code in the project: a version of a code asset for each content of its folder."""

from collections.abc import Mapping

from jobs.errors import RemoteError
from jobs.foundry.answers import Json, text
from jobs.foundry.session import API_VERSION, Session


def find(session: Session, name: str, version: str) -> str | None:
    """Where a version's files lie, or None where there is no such version."""
    found = session.arm.find(_path(session, name, version), API_VERSION, f"read code '{name}'")
    return _uri(found) if found else None


def register(
    session: Session, name: str, version: str, *, uri: str, tags: Mapping[str, str]
) -> None:
    """Make a version of code whose files lie in a store already.

    azure-ai-ml asks for a container of its own for each code; a folder of the project's store does
    as well, as it did in azure-ai-ml before 1.5, and its name says what must be in it.

    Raises:
        RemoteError: It reads back as something else than was written.
    """
    path, label = _path(session, name, version), f"{name}:{version}"
    properties = {"codeUri": uri, "isAnonymous": False, "tags": dict(tags), "properties": {}}
    session.arm.put(path, API_VERSION, {"properties": properties}, f"register code '{label}'")
    kept = _uri(session.arm.get(path, API_VERSION, f"read code '{label}'"))
    if kept.rstrip("/") != uri.rstrip("/"):
        raise RemoteError(
            f"Azure did not keep what was written of code '{label}'.",
            next_step="Run the same command again.",
        )


def _uri(found: Json) -> str:
    return text(found, "properties", "codeUri")


def _path(session: Session, name: str, version: str) -> str:
    return f"{session.project_id}/codes/{name}/versions/{version}"
