"""Pointers: the connection of the project by which applications follow a name to what serves it.

A connection of category `Serverless`, as azure-ai-ml's `ServerlessConnection` makes it, holds the
address and key of an endpoint. foundry-tune names it after the endpoint document and moves it with
one PUT, which carries in its metadata all that is to be remembered of the move: there is no
instant at which the name follows nothing, or two things.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.errors import ConflictError, NotFoundError, RemoteError
from jobs.foundry import endpoints
from jobs.foundry.answers import Json, part, strings, text
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import API_VERSION, Session
from jobs.revision import TAG_SPEC, TAG_WITHDRAWN, of_endpoint

_CATEGORY = "Serverless"
_ENDPOINT = "foundry-tune.endpoint"
_MODEL = "foundry-tune.model"
_PREVIOUS = "foundry-tune.previous"
_KEPT_UNTIL = "foundry-tune.kept-until"
_SERVED = "foundry-tune.served"
_REMEMBERED = 12
"""Moves that are remembered: metadata isn't made for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A stay with one endpoint: since when the name has followed it."""

    since: str
    """ISO 8601, in UTC."""
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where a name leads."""

    name: str
    target: str
    """The address that applications ask."""
    spec: str
    """The endpoint document that it belongs to; empty where foundry-tune didn't make it."""
    endpoint: str
    """The name of the endpoint that it follows."""
    model: str
    """The label of the model which that endpoint serves."""
    previous: str
    """The endpoint that it followed before; empty where there was none, or it is given up."""
    kept_until: str
    """Until when the previous one is kept for a rollback and for those who hold its address."""
    withdrawn: str
    """The endpoint that was rolled back from: no apply may promote it again."""
    served: tuple[Stay, ...]
    """What it has followed, newest first, as far as it is remembered."""

    @property
    def is_ours(self) -> bool:
        """Whether foundry-tune made it for the document of its name."""
        return self.spec == self.name

    def keeps(self, endpoint: str, now: datetime) -> bool:
        """Whether an endpoint is the one before, and its time isn't over."""
        return (
            endpoint == self.previous
            and bool(self.kept_until)
            and now < datetime.fromisoformat(self.kept_until)
        )

    def is_still(self, seen: "Pointer | None") -> bool:
        """Whether nobody has moved it since it was seen."""
        return seen is not None and (self.endpoint, self.target, self.served) == (
            seen.endpoint,
            seen.target,
            seen.served,
        )


def find(session: Session, name: str) -> Pointer | None:
    """The pointer of this name, or None; a connection of another category is an obstacle.

    Raises:
        ConflictError: A connection of this name leads to something else than an endpoint.
    """
    found = session.arm.find(_path(session, name), API_VERSION, f"read connection '{name}'")
    if found is None:
        return None
    if text(found, "properties", "category").casefold() != _CATEGORY.casefold():
        raise ConflictError(
            f"The project has a connection '{name}' of another kind.",
            next_step="Give the endpoint in the spec another name, or delete that connection.",
        )
    return _pointer(found)


def listed(session: Session) -> list[Pointer]:
    """Every connection of the project that leads to a serverless endpoint."""
    path = f"{session.project_id}/connections"
    found = session.arm.list(path, API_VERSION, "list the connections", category=_CATEGORY)
    return [_pointer(item) for item in found]


def led_to(
    seen: Pointer | None,
    name: str,
    endpoint: Endpoint,
    *,
    now: datetime,
    keep: timedelta,
    before: str = "",
) -> Pointer:
    """The pointer as it is after a move to an endpoint; the one it leaves becomes the previous.

    `before` is the endpoint that served where there was no pointer yet: called as the name is.
    """
    leaves = seen.endpoint if seen else before
    left = leaves if leaves != endpoint.name else ""
    kept = (now + keep).isoformat(timespec="seconds") if left else ""
    step = Stay(since=now.isoformat(timespec="seconds"), endpoint=endpoint.name)
    stays = seen.served if seen else ()
    return Pointer(
        name=name,
        target=endpoint.uri,
        spec=name,
        endpoint=endpoint.name,
        model=endpoints.serves(endpoint),
        previous=left or (seen.previous if seen else ""),
        kept_until=kept or (seen.kept_until if seen else ""),
        withdrawn=seen.withdrawn if seen else "",
        served=stays if seen and not left else (step, *stays)[:_REMEMBERED],
    )


def point(session: Session, pointer: Pointer, endpoint: Endpoint) -> Pointer:
    """Make or move it, with the endpoint's key, and read it back.

    Raises:
        RemoteError: It doesn't lead there afterwards.
    """
    properties: Json = {
        "category": _CATEGORY,
        "target": pointer.target,
        "isSharedToAll": False,
        "metadata": _metadata(pointer),
        **_sign_in(session, endpoint),
    }
    doing = f"point connection '{pointer.name}' to endpoint '{pointer.endpoint}'"
    session.arm.put(_path(session, pointer.name), API_VERSION, {"properties": properties}, doing)
    there = find(session, pointer.name)
    if there is None or there != pointer:
        led = there.endpoint or there.target if there else "nothing"
        raise RemoteError(
            f"Azure was asked to {doing}, but it leads to {led}.",
            next_step="Run the same command again: it looks at where the name leads.",
        )
    return there


def delete(session: Session, pointer: Pointer) -> None:
    """Take a pointer away, and look that it is gone.

    Raises:
        ConflictError: It leads elsewhere now than when it was seen.
        RemoteError: It is still there afterwards.
    """
    now = find(session, pointer.name)
    if now is None:
        return
    if not now.is_still(pointer):
        raise moved(pointer.name)
    doing = f"delete connection '{pointer.name}'"
    session.arm.delete(_path(session, pointer.name), API_VERSION, doing)
    if find(session, pointer.name) is not None:
        raise RemoteError(
            f"Azure was asked to {doing}, but it is still there.",
            next_step="Run the same command again.",
        )


def leads_nowhere(pointer: Pointer) -> NotFoundError:
    """The name follows an endpoint that is gone."""
    return NotFoundError(
        f"'{pointer.name}' follows endpoint '{pointer.endpoint}', which is gone.",
        next_step=f"Serve its model again: foundry-tune rollback {pointer.name} "
        f"{of_endpoint(pointer.endpoint)}",
    )


def moved(name: str) -> ConflictError:
    """The refusal to move a pointer that somebody else has moved meanwhile."""
    return ConflictError(
        f"Somebody else has moved '{name}' since it was looked at, so it was left as it is.",
        next_step="Run the same command again: it plans with what is there now.",
    )


def _sign_in(session: Session, endpoint: Endpoint) -> Json:
    """How applications sign in; the key goes from Azure to Azure and is kept nowhere here."""
    if endpoint.auth_mode == "AAD":
        return {"authType": "AAD"}
    key = endpoints.key(session, endpoint.name)
    return {"authType": "ApiKey", "credentials": {"key": key}}


def _metadata(pointer: Pointer) -> dict[str, str]:
    served = ",".join(f"{one.since} {one.endpoint}" for one in pointer.served)
    said = {
        TAG_SPEC: pointer.spec,
        _ENDPOINT: pointer.endpoint,
        _MODEL: pointer.model,
        _PREVIOUS: pointer.previous,
        _KEPT_UNTIL: pointer.kept_until,
        TAG_WITHDRAWN: pointer.withdrawn,
        _SERVED: served,
    }
    return {key: value for key, value in said.items() if value}


def _pointer(found: Json) -> Pointer:
    properties = part(found, "properties")
    metadata = strings(properties, "metadata")
    return Pointer(
        name=text(found, "name"),
        target=text(properties, "target").rstrip("/"),
        spec=metadata.get(TAG_SPEC, ""),
        endpoint=metadata.get(_ENDPOINT, ""),
        model=metadata.get(_MODEL, ""),
        previous=metadata.get(_PREVIOUS, ""),
        kept_until=_moment(metadata, _KEPT_UNTIL),
        withdrawn=metadata.get(TAG_WITHDRAWN, ""),
        served=tuple(_served(metadata.get(_SERVED, ""))),
    )


def _moment(metadata: Mapping[str, str], key: str) -> str:
    """A time with its zone, or nothing: what somebody typed over it keeps nothing."""
    written = metadata.get(key, "")
    try:
        return written if datetime.fromisoformat(written).tzinfo else ""
    except ValueError:
        return ""


def _served(written: str) -> list[Stay]:
    parts = [one.split(" ") for one in written.split(",")]
    return [Stay(since=one[0], endpoint=one[1]) for one in parts if len(one) == 2]


def _path(session: Session, name: str) -> str:
    return f"{session.project_id}/connections/{name}"
