"""Serverless endpoints, with the two fields that azure-ai-ml's entity loses: safety and sign-in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobs.errors import NotFoundError, PreflightError
from jobs.foundry.answers import Json, part, require_text, strings, text
from jobs.foundry.session import API_VERSION, Session

AUTH_MODES = {"key": "Key", "aad": "AAD", "key_and_aad": "KeyAndAAD"}
"""The words of specs for how callers sign in, and ARM's."""

_SETTLING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A serverless endpoint as Azure has it."""

    id: str
    name: str
    model_id: str
    content_safety: str
    """`Enabled` or `Disabled`, as read back; empty where Azure doesn't say."""
    auth_mode: str
    provisioning_state: str
    state: str
    """`Online` once it serves; empty where Azure doesn't say."""
    uri: str
    tags: Mapping[str, str]
    created: str

    @property
    def is_filtered(self) -> bool:
        """Whether the content filter is known to be on. Silence is not on."""
        return self.content_safety == "Enabled"

    @property
    def is_settled(self) -> bool:
        """Whether Azure is done making or changing it."""
        return self.provisioning_state in {"Succeeded", "Failed", "Canceled"}


def find(session: Session, name: str) -> Endpoint | None:
    """The endpoint of this name, or None."""
    found = session.arm.find(_path(session, name), API_VERSION, f"read endpoint '{name}'")
    return _endpoint(found) if found else None


def listed(session: Session) -> list[Endpoint]:
    """Every serverless endpoint of the project."""
    path = f"{session.project_id}/serverlessEndpoints"
    items = session.arm.list(path, API_VERSION, "list the endpoints")
    return [_endpoint(item) for item in items]


def put(
    session: Session,
    name: str,
    *,
    location: str,
    model_id: str,
    content_safety: bool,
    auth_mode: str,
    tags: Mapping[str, str],
) -> Endpoint:
    """Make or change an endpoint, wait for it, and read it back."""
    body = {
        "location": location,
        "sku": {"name": "Consumption"},
        "tags": dict(tags),
        "properties": {
            "authMode": auth_mode,
            "contentSafety": {"contentSafetyStatus": "Enabled" if content_safety else "Disabled"},
            "modelSettings": {"modelId": model_id},
        },
    }
    doing = f"make endpoint '{name}'"
    session.arm.put(_path(session, name), API_VERSION, body, doing)
    # What the PUT answered echoes what was asked; what counts is what is there.
    return _endpoint(session.arm.get(_path(session, name), API_VERSION, f"read endpoint '{name}'"))


def tag(session: Session, endpoint: Endpoint, tags: Mapping[str, str]) -> Endpoint:
    """Add tags to an endpoint, keeping the ones it has."""
    body = {"tags": {**endpoint.tags, **tags}}
    doing = f"tag endpoint '{endpoint.name}'"
    session.arm.patch(_path(session, endpoint.name), API_VERSION, body, doing)
    return _endpoint(session.arm.get(_path(session, endpoint.name), API_VERSION, doing))


def settled(session: Session, endpoint: Endpoint, pause: Callable[[float], None]) -> Endpoint:
    """The endpoint once Azure is done with a change that somebody began earlier."""
    while not endpoint.is_settled:
        pause(_SETTLING_SECONDS)
        found = find(session, endpoint.name)
        if found is None:
            raise NotFoundError(
                f"Endpoint '{endpoint.name}' was deleted meanwhile.",
                next_step="Run the same command again.",
            )
        endpoint = found
    return endpoint


def delete(session: Session, name: str) -> None:
    """Delete an endpoint and wait until it is gone: from then on it costs nothing."""
    session.arm.delete(_path(session, name), API_VERSION, f"delete endpoint '{name}'")


def key(session: Session, name: str) -> str:
    """The endpoint's first key. Never print, log or keep it."""
    path = f"{_path(session, name)}/listKeys"
    doing = f"fetch the key of endpoint '{name}'"
    return require_text(session.arm.post(path, API_VERSION, doing), doing, "primaryKey")


def model_id(location: str, workspace_id: str, name: str, version: str) -> str:
    """The id by which an endpoint serves a fine-tuned model."""
    return (
        f"azureml://locations/{location}/workspaces/{workspace_id}/models/{name}/versions/{version}"
    )


def model_label(model: str) -> str:
    """`name:version` out of a model's id; the name alone where the id has no version."""
    parts = model.rstrip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "versions":
        return f"{parts[-3]}:{parts[-1]}"
    return parts[-1]


def serves(endpoint: Endpoint) -> str:
    """`name:version` of the model it serves, or the base model's name."""
    return model_label(endpoint.model_id)


def require_servable(endpoint: Endpoint) -> None:
    """Refuse to talk to an endpoint that isn't up.

    Raises:
        PreflightError: It is being made, has failed, or has no address.
    """
    if endpoint.provisioning_state != "Succeeded" or not endpoint.uri:
        raise PreflightError(
            f"Endpoint '{endpoint.name}' doesn't serve: it is {endpoint.provisioning_state}.",
            next_step="foundry-tune status",
        )


def _path(session: Session, name: str) -> str:
    return f"{session.project_id}/serverlessEndpoints/{name}"


def _endpoint(found: Json) -> Endpoint:
    properties = part(found, "properties")
    return Endpoint(
        id=text(found, "id"),
        name=text(found, "name"),
        model_id=text(properties, "modelSettings", "modelId"),
        content_safety=text(properties, "contentSafety", "contentSafetyStatus"),
        auth_mode=text(properties, "authMode"),
        provisioning_state=text(properties, "provisioningState") or "Succeeded",
        state=text(properties, "endpointState"),
        uri=text(properties, "inferenceEndpoint", "uri").rstrip("/"),
        tags=strings(found, "tags"),
        created=text(found, "systemData", "createdAt"),
    )
