"""Managed online endpoints and their deployments: the traffic moves, what serves stays as it is."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.errors import ConflictError, RemoteError
from jobs.foundry import course
from jobs.foundry.answers import Json, part, require_text, strings, text
from jobs.foundry.course import Course
from jobs.foundry.endpoints import model_label, require_tags
from jobs.foundry.history import timestamp
from jobs.foundry.session import API_VERSION, Session
from jobs.revision import TAG_PROOF, TAG_READY, TAG_SPEC

AUTH_MODES = {"key": "Key", "aad_token": "AADToken", "aml_token": "AMLToken"}
"""The words of specs for how callers sign in, and ARM's."""

_LOOKS = (0.5, 1.0, 2.0, 0.0)
"""Seconds between looks whether something is gone: Azure's reads may lag behind its writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """A managed online endpoint as Azure has it."""

    name: str
    auth_mode: str
    provisioning_state: str
    uri: str
    """Where it is asked, with its path."""
    traffic: Mapping[str, int]
    """The share of each deployment that has any, in percent, by its name."""
    tags: Mapping[str, str]
    created: str
    body: Json = field(default_factory=dict[str, Any], repr=False)
    """As it was read, to be put back with what changes."""

    @property
    def course(self) -> Course:
        """Where its traffic went before."""
        return course.of(self.tags)

    def is_still(self, seen: "Online") -> bool:
        """Whether it is the same endpoint with the same traffic."""
        return (self.created, self.traffic) == (seen.created, seen.traffic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment of a managed online endpoint as Azure has it."""

    name: str
    endpoint: str
    model: str
    provisioning_state: str
    instance_type: str
    instance_count: str
    tags: Mapping[str, str]
    created: str
    environment: str = ""
    """The id of what its script runs in."""

    @property
    def title(self) -> str:
        """What it is called where models are: the model that it serves, and itself."""
        return f"{model_label(self.model)} {self.name}"

    @property
    def label(self) -> str:
        """`intents/r-0123456789`."""
        return f"{self.endpoint}/{self.name}"

    @property
    def made(self) -> datetime | None:
        """Since when it is there; None where Azure doesn't say."""
        try:
            moment = timestamp(self.created)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def machines(self) -> int:
        """How many machines it has; one where Azure doesn't say."""
        return int(self.instance_count) if self.instance_count.isdecimal() else 1

    @property
    def is_ours(self) -> bool:
        """Whether foundry-tune made it."""
        return TAG_SPEC in self.tags

    @property
    def proof(self) -> str:
        """The mark of what it has passed; empty where nothing was proven."""
        return self.tags.get(TAG_PROOF, "")

    @property
    def is_ready(self) -> bool:
        """Whether it may get the traffic: it runs, and has passed evaluations too."""
        marked = bool(self.proof) and self.tags.get(TAG_READY) == self.proof
        return marked and self.provisioning_state == "Succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """An endpoint with everything that is deployed behind it."""

    endpoint: Online
    deployments: tuple[Deployment, ...]

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.endpoint.name

    @property
    def served(self) -> Deployment | None:
        """The deployment that gets the traffic, most of it where it is split."""
        return served(self.endpoint, self.deployments)

    def of(self, model: str) -> list[Deployment]:
        """The deployments of a model, by its `name:version`."""
        return [one for one in self.deployments if model_label(one.model) == model]

    @property
    def models(self) -> frozenset[str]:
        """`name:version` of every model that is deployed."""
        return frozenset(model_label(one.model) for one in self.deployments)

    @property
    def model(self) -> str:
        """`name:version` of the model that is served; empty where none is."""
        return model_label(self.served.model) if self.served else ""


def served(endpoint: Online, deployments: Sequence[Deployment]) -> Deployment | None:
    """The deployment that gets an endpoint's traffic, most of it where it is split."""
    traffic = endpoint.traffic
    sent = [one for one in deployments if traffic.get(one.name, 0)]
    return max(sent, key=lambda one: traffic[one.name], default=None)


def managed(session: Session, endpoint: Online) -> Managed:
    """An endpoint with its deployments."""
    return Managed(endpoint=endpoint, deployments=tuple(deployments(session, endpoint.name)))


def find(session: Session, name: str) -> Online | None:
    """The endpoint of this name, or None."""
    found = session.arm.find(_path(session, name), API_VERSION, f"read endpoint '{name}'")
    return _online(found) if found else None


def listed(session: Session) -> list[Online]:
    """Every managed online endpoint of the project."""
    path = f"{session.project_id}/onlineEndpoints"
    items = session.arm.list(path, API_VERSION, "list the online endpoints")
    return [_online(item) for item in items]


def make(
    session: Session, name: str, *, location: str, auth_mode: str, tags: Mapping[str, str]
) -> Online:
    """Make an endpoint without deployments, which costs nothing, and read it back."""
    body: Json = {
        "location": location,
        "tags": dict(tags),
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": auth_mode, "traffic": {}},
    }
    session.arm.put(_path(session, name), API_VERSION, body, f"make endpoint '{name}'")
    made = _read(session, name)
    require_tags(name, made.tags, tags)
    return made


def lead(
    session: Session,
    seen: Online,
    deployment: str,
    keep: timedelta,
    *,
    back: bool = False,
    without: Collection[str] = (),
) -> Online:
    """Give a deployment all of the calls, and remember who had most of them.

    `keep` is how long that one is to be left for a rollback; `back` is a rollback itself: then no
    apply may lead to that one again. Tags `without` which it is to be are taken away with it.

    Raises:
        ConflictError: Somebody else has moved its traffic, or made it anew.
        RemoteError: It reads back as something else.
    """
    leaves = max(seen.traffic, key=lambda name: seen.traffic[name], default="")
    now = session.arm.now
    led = seen.course.led_to(deployment, leaves, now, keep, back=back)
    return move_traffic(
        session, seen, {deployment: 100}, {**led.tags, **dict.fromkeys(without, "")}
    )


def mark(session: Session, name: str, tags: Mapping[str, str]) -> None:
    """Add tags to an endpoint, keeping the ones it has, and read them back.

    Raises:
        RemoteError: They aren't there afterwards.
    """
    doing = f"tag endpoint '{name}'"
    body = {"tags": {**_read(session, name).tags, **tags}}
    session.arm.patch(_path(session, name), API_VERSION, body, doing)
    require_tags(name, _read(session, name).tags, tags)


def move_traffic(
    session: Session,
    seen: Online,
    traffic: Mapping[str, int],
    tags: Mapping[str, str] | None = None,
) -> Online:
    """Split the calls of an endpoint that is still as it was seen, and read it back.

    `tags` are written with it; empty ones are taken away.

    Raises:
        ConflictError: Somebody else has moved its traffic, or made it anew.
        RemoteError: It reads back as something else.
    """
    there = find(session, seen.name)
    wanted = {name: share for name, share in traffic.items() if share}
    if there is None or not there.is_still(seen):
        raise ConflictError(
            f"The traffic of endpoint '{seen.name}' was moved by somebody else, so it was left.",
            next_step="Run the same command again: it plans with what is there now.",
        )
    written = tags or {}
    left = {name: value for name, value in there.tags.items() if name not in written}
    properties = part(there.body, "properties")
    kept = ("authMode", "description", "properties", "publicNetworkAccess")
    identity = {"type": text(there.body, "identity", "type") or "SystemAssigned"}
    body: Json = {
        "location": there.body.get("location"),
        "tags": {**left, **{name: value for name, value in written.items() if value}},
        "identity": part(there.body, "identity")
        if part(there.body, "identity", "userAssignedIdentities")
        else identity,
        "properties": {
            **{name: properties[name] for name in kept if properties.get(name) is not None},
            "traffic": dict(traffic),
        },
    }
    doing = f"move the traffic of endpoint '{seen.name}'"
    session.arm.put(_path(session, seen.name), API_VERSION, body, doing)
    moved = _read(session, seen.name)
    if moved.traffic != wanted:
        raise RemoteError(
            f"Endpoint '{seen.name}' was asked to send its calls to {shares(wanted)}, but reads "
            f"back as sending them to {shares(moved.traffic)}.",
            next_step="Run the same command again: it looks at what is there.",
        )
    if tags:
        require_tags(seen.name, moved.tags, {name: value for name, value in tags.items() if value})
    return moved


def deployments(session: Session, endpoint: str) -> list[Deployment]:
    """Every deployment of an endpoint."""
    path = f"{_path(session, endpoint)}/deployments"
    items = session.arm.list(path, API_VERSION, f"list the deployments of '{endpoint}'")
    return [_deployment(item, endpoint) for item in items]


def shares(traffic: Mapping[str, int]) -> str:
    """A split in words: `r-0123456789 (100 %)`."""
    return ", ".join(f"{name} ({share} %)" for name, share in traffic.items()) or "nobody"


def find_deployment(session: Session, endpoint: str, name: str) -> Deployment | None:
    """A deployment, or None."""
    path = _deployment_path(session, endpoint, name)
    found = session.arm.find(path, API_VERSION, f"read deployment '{endpoint}/{name}'")
    return _deployment(found, endpoint) if found else None


def deploy(session: Session, endpoint: str, name: str, body: Json) -> Deployment:
    """Make a deployment, wait until it has started, and read it back.

    Its name is made of its content, so a lost answer or a second run meets the same one.

    Raises:
        RemoteError: It didn't start, or reads back as serving another model.
    """
    path = _deployment_path(session, endpoint, name)
    doing = f"deploy '{endpoint}/{name}'"
    session.arm.put(path, API_VERSION, body, doing)
    made = _read_deployment(session, endpoint, name)
    wanted = text(body, "properties", "model")
    if made.provisioning_state != "Succeeded" or made.model.casefold() != wanted.casefold():
        raise RemoteError(
            f"Deployment '{endpoint}/{name}' reads back as {made.provisioning_state}, serving "
            f"'{made.model or 'nothing'}'.",
            next_step="Run the same command again: it looks at what is there.",
        )
    return made


def tag(session: Session, seen: Deployment, tags: Mapping[str, str]) -> Deployment:
    """Add tags to a deployment, keeping the ones it has, and read them back.

    Raises:
        RemoteError: They aren't there afterwards.
    """
    path = _deployment_path(session, seen.endpoint, seen.name)
    doing = f"tag deployment '{seen.endpoint}/{seen.name}'"
    session.arm.patch(path, API_VERSION, {"tags": {**seen.tags, **tags}}, doing)
    kept = _read_deployment(session, seen.endpoint, seen.name)
    if any(kept.tags.get(name) != value for name, value in tags.items()):
        raise RemoteError(
            f"Azure did not keep the tags of deployment '{seen.endpoint}/{seen.name}'.",
            next_step="Does a policy remove them? Without them it can't be recognised as proven.",
        )
    return kept


def tag_endpoint(session: Session, seen: Online, tags: Mapping[str, str]) -> Online:
    """Add tags to an endpoint, keeping the ones it has, and read them back.

    Raises:
        RemoteError: They aren't there afterwards.
    """
    path, doing = _path(session, seen.name), f"tag endpoint '{seen.name}'"
    session.arm.patch(path, API_VERSION, {"tags": {**seen.tags, **tags}}, doing)
    kept = _read(session, seen.name)
    require_tags(seen.name, kept.tags, tags)
    return kept


def undeploy(session: Session, seen: Deployment) -> bool:
    """Delete a deployment that is still the one that was seen and gets no calls; False where it is.

    Raises:
        ConflictError: Another one has this name now.
        RemoteError: It is still there afterwards, and billed.
    """
    endpoint, name = seen.endpoint, seen.name
    there = find_deployment(session, endpoint, name)
    if there is None:
        return True
    if there.created != seen.created:
        raise ConflictError(
            f"Deployment '{endpoint}/{name}' was made anew by somebody else, so it was left.",
            next_step="Run the same command again: it plans with what is there now.",
        )
    serving = find(session, endpoint)
    if serving is not None and serving.traffic.get(name, 0):
        return False
    path = _deployment_path(session, endpoint, name)
    session.arm.delete(path, API_VERSION, f"delete deployment '{endpoint}/{name}'")
    for pause in _LOOKS:
        if find_deployment(session, endpoint, name) is None:
            return True
        time.sleep(pause)
    raise RemoteError(
        f"Azure was asked to delete deployment '{endpoint}/{name}', but it is still there, and "
        "billed.",
        next_step="Run the same command again.",
    )


def delete(session: Session, seen: Online) -> None:
    """Delete an endpoint that is still the one that was seen, and look that it is gone.

    Raises:
        ConflictError: Another one has this name now.
        RemoteError: It is still there afterwards.
    """
    there = find(session, seen.name)
    if there is None:
        return
    if there.created != seen.created:
        raise ConflictError(
            f"Endpoint '{seen.name}' was made anew by somebody else, so it was left.",
            next_step="Run the same command again.",
        )
    session.arm.delete(_path(session, seen.name), API_VERSION, f"delete endpoint '{seen.name}'")
    for pause in _LOOKS:
        if find(session, seen.name) is None:
            return
        time.sleep(pause)
    raise RemoteError(
        f"Azure was asked to delete endpoint '{seen.name}', but it is still there.",
        next_step="Run the same command again.",
    )


def credential(session: Session, endpoint: Online) -> str:
    """What opens the endpoint: its key, or a token. Never print, log or keep it."""
    path, doing = _path(session, endpoint.name), f"sign in to endpoint '{endpoint.name}'"
    if endpoint.auth_mode == "AADToken":
        return session.arm.credential.get_token("https://ml.azure.com/.default").token
    if endpoint.auth_mode == "AMLToken":
        answer = session.arm.post(f"{path}/token", API_VERSION, doing)
        return require_text(answer, doing, "accessToken")
    return require_text(
        session.arm.post(f"{path}/listKeys", API_VERSION, doing), doing, "primaryKey"
    )


def logs(session: Session, endpoint: str, name: str, lines: int = 100) -> str:
    """The end of what a deployment has said."""
    path = f"{_deployment_path(session, endpoint, name)}/getLogs"
    doing = f"read the log of deployment '{endpoint}/{name}'"
    body = {"containerType": "InferenceServer", "tail": lines}
    return text(session.arm.post(path, API_VERSION, doing, body=body), "content")


def _read(session: Session, name: str) -> Online:
    return _online(session.arm.get(_path(session, name), API_VERSION, f"read endpoint '{name}'"))


def _read_deployment(session: Session, endpoint: str, name: str) -> Deployment:
    path = _deployment_path(session, endpoint, name)
    found = session.arm.get(path, API_VERSION, f"read deployment '{endpoint}/{name}'")
    return _deployment(found, endpoint)


def _path(session: Session, name: str) -> str:
    return f"{session.project_id}/onlineEndpoints/{name}"


def _deployment_path(session: Session, endpoint: str, name: str) -> str:
    return f"{_path(session, endpoint)}/deployments/{name}"


def _online(found: Json) -> Online:
    properties = part(found, "properties")
    split = strings(properties, "traffic")
    return Online(
        name=text(found, "name"),
        auth_mode=text(properties, "authMode"),
        provisioning_state=text(properties, "provisioningState"),
        uri=text(properties, "scoringUri"),
        traffic={
            name: int(share) for name, share in split.items() if share.isdecimal() and int(share)
        },
        tags=strings(found, "tags"),
        created=text(found, "systemData", "createdAt"),
        body=found,
    )


def _deployment(found: Json, endpoint: str) -> Deployment:
    properties = part(found, "properties")
    return Deployment(
        name=text(found, "name"),
        endpoint=endpoint,
        model=text(properties, "model"),
        provisioning_state=text(properties, "provisioningState"),
        instance_type=text(properties, "instanceType"),
        instance_count=text(found, "sku", "capacity"),
        tags=strings(found, "tags"),
        created=text(found, "systemData", "createdAt"),
        environment=text(properties, "environmentId"),
    )
