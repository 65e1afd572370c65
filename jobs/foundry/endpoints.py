"""Serverless endpoints, with the two fields that azure-ai-ml's entity loses: safety and sign-in."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from jobs.errors import ConflictError, NotFoundError, PreflightError, RemoteError
from jobs.foundry.answers import Json, part, require_text, strings, text
from jobs.foundry.session import API_VERSION, Session
from jobs.revision import (
    FORMAT,
    TAG_PROBED,
    TAG_READY,
    TAG_SPEC,
    TAG_WITHDRAWN,
    digest,
    is_endpoint_of,
)

AuthMode = Literal["key", "aad", "key_and_aad"]
AUTH_MODES: dict[AuthMode, str] = {"key": "Key", "aad": "AAD", "key_and_aad": "KeyAndAAD"}
"""The words of specs for how callers sign in, and ARM's."""

_SETTLING_SECONDS = 2.0
_CHANGING = frozenset({"Creating", "Updating", "Deleting", "Accepted"})
"""States that another follows on."""

_PATIENCE = 5
"""Looks in a row at a state that nobody knows, before waiting for another is given up."""

_LOOKS = (0.5, 1.0, 2.0, 0.0)
"""Seconds between looks whether something is gone: Azure's reads may lag behind its writes."""


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
    def is_probed(self) -> bool:
        """Whether its filter was probed while it served this model; the mark says so."""
        return self.tags.get(TAG_PROBED) == self.probed_mark

    @property
    def probed_mark(self) -> str:
        """The mark of a filter that was probed: of this endpoint, made then, with this model."""
        return self._mark({})

    @property
    def is_ready(self) -> bool:
        """Whether it has passed everything asked of it, so that a name may follow it."""
        return self.tags.get(TAG_READY) == self.ready_mark and not self.is_withdrawn

    @property
    def ready_mark(self) -> str:
        """The mark of that."""
        return self._mark({"ready": True})

    @property
    def is_withdrawn(self) -> bool:
        """Whether somebody is about to delete it."""
        return bool(self.tags.get(TAG_WITHDRAWN))

    def _mark(self, more: Mapping[str, object]) -> str:
        made = {"endpoint": self.name, "made": self.created, "model": serves(self)}
        return digest({"format": FORMAT, **made, **more})

    def is_younger_than(self, age: timedelta, now: datetime) -> bool:
        """Whether it was made less than so long ago; also where Azure doesn't say when."""
        try:
            return now - datetime.fromisoformat(self.created) < age
        except (ValueError, TypeError):
            return True

    def is_of(self, name: str, models: Collection[str]) -> bool:
        """Whether it was made for a name, which has these models, by their labels.

        Its tags say so; where somebody wiped them, what it is called and what it serves.
        """
        if TAG_SPEC in self.tags:
            return self.tags[TAG_SPEC] == name
        return is_endpoint_of(self.name, name) and serves(self) in models

    def is_still(self, seen: "Endpoint") -> bool:
        """Whether it is the same endpoint and serves the same, as far as Azure tells."""
        return (self.created, self.model_id) == (seen.created, seen.model_id)

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
    session.arm.put(_path(session, name), API_VERSION, body, f"make endpoint '{name}'")
    # What the PUT answered echoes what was asked; what counts is what is there.
    made = _read(session, name)
    if model_label(made.model_id).casefold() != model_label(model_id).casefold():
        raise RemoteError(
            f"Endpoint '{name}' was asked to serve '{model_label(model_id)}', but reads back as "
            f"serving '{serves(made) or 'nothing'}'.",
            next_step="Run the same command again: it looks at what is there.",
        )
    require_tags(name, made.tags, tags)
    return made


def tag(session: Session, endpoint: Endpoint, tags: Mapping[str, str]) -> Endpoint:
    """Add tags to an endpoint, keeping the ones it has, and read them back.

    Raises:
        RemoteError: They aren't there afterwards.
    """
    body = {"tags": {**endpoint.tags, **tags}}
    doing = f"tag endpoint '{endpoint.name}'"
    session.arm.patch(_path(session, endpoint.name), API_VERSION, body, doing)
    kept = _read(session, endpoint.name)
    require_tags(kept.name, kept.tags, tags)
    return kept


def settled(session: Session, endpoint: Endpoint, pause: Callable[[float], None]) -> Endpoint:
    """The endpoint once Azure is done with a change that somebody began earlier.

    Raises:
        NotFoundError: It was deleted meanwhile.
        RemoteError: It is in a state of which nobody knows whether it ends.
    """
    looks = 0
    while not endpoint.is_settled:
        looks = 0 if endpoint.provisioning_state in _CHANGING else looks + 1
        if looks > _PATIENCE:
            raise RemoteError(
                f"Azure calls the state of endpoint '{endpoint.name}' "
                f"'{endpoint.provisioning_state}', which foundry-tune doesn't know.",
                next_step="Look at it in the portal, then run the same command again.",
            )
        pause(_SETTLING_SECONDS)
        found = find(session, endpoint.name)
        if found is None:
            raise NotFoundError(
                f"Endpoint '{endpoint.name}' was deleted meanwhile.",
                next_step="Run the same command again.",
            )
        endpoint = found
    return endpoint


def delete(session: Session, seen: Endpoint) -> None:
    """Delete an endpoint that is still the one that was seen, and look that it is gone.

    Only then does it cost nothing, and only then does it serve nobody.

    Raises:
        ConflictError: Another one has this name now, or it serves something else.
        RemoteError: It is still there afterwards.
    """
    now = find(session, seen.name)
    if now is None:
        return
    if not now.is_still(seen):
        raise moved(seen)
    session.arm.delete(_path(session, seen.name), API_VERSION, f"delete endpoint '{seen.name}'")
    for pause in _LOOKS:
        if find(session, seen.name) is None:
            return
        time.sleep(pause)
    raise RemoteError(
        f"Azure was asked to delete endpoint '{seen.name}', but it is still there, and billed.",
        next_step="Run again: "
        f"foundry-tune down {seen.tags.get(TAG_SPEC, seen.name)} --only endpoint",
    )


def moved(seen: Endpoint) -> ConflictError:
    """The refusal to change an endpoint that isn't any more what the plan rests on."""
    return ConflictError(
        f"Endpoint '{seen.name}' has changed since it was looked at, so it was left as it is.",
        next_step="Run the same command again: it plans with what is there now.",
    )


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
    return parts[-1].removeprefix("azureml:")


def auth_mode_word(wire: str) -> AuthMode:
    """The spec's word for ARM's; a service that doesn't say has its default."""
    words: dict[str, AuthMode] = {said: word for word, said in AUTH_MODES.items()}
    return words.get(wire, "key")


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


def _read(session: Session, name: str) -> Endpoint:
    return _endpoint(session.arm.get(_path(session, name), API_VERSION, f"read endpoint '{name}'"))


def require_tags(name: str, kept: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Refuse an endpoint that reads back without the tags it was given.

    Raises:
        RemoteError: Some of them aren't there.
    """
    missing = [tag for tag, value in wanted.items() if kept.get(tag) != value]
    if missing:
        raise RemoteError(
            f"Azure did not keep the tags of endpoint '{name}': {', '.join(missing)}.",
            next_step="Does a policy remove them? Without them the endpoint can't be recognised.",
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
