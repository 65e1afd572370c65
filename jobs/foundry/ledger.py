"""What endpoints have used, remembered in the project: Azure forgets one once it is deleted.

A life is one endpoint from when it was made until it was seen to be gone, as a version of a data
asset that points at nothing; all of it is in its tags. Two who look at once write the same life,
and each only ever says more of it, so neither can take anything back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jobs import revision
from jobs.errors import RemoteError
from jobs.foundry import data
from jobs.foundry.data import DataAsset
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.history import timestamp
from jobs.foundry.online import Deployment
from jobs.foundry.session import Session

ASSET = "foundry-tune-spend"
_URI = "azureml://datastores/workspaceblobstore/paths/foundry-tune/spend"
_TAG = f"{revision.TAG_PREFIX}life."


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One endpoint, or deployment, as far as it is known to have cost something."""

    endpoint: str
    document: str
    """The document that it was made for; empty where foundry-tune didn't make it."""
    base_model: str
    """What prices go by; empty where nobody knows what its model was tuned from."""
    is_tuned: bool
    """Whether it is billed by the hour."""
    made: str
    """When it was made, as Azure said it."""
    until: str
    """The last moment of which it is known, or has to be assumed, that it was there."""
    is_gone: bool = False
    month: str = ""
    """The month that the tokens are of: 2026-11."""
    read: int = 0
    """Tokens that it read in that month."""
    written: int = 0
    """Tokens that it wrote in that month."""
    machine: str = ""
    """Of a deployment of one's own, the type of machine that it is billed by."""
    machines: int = 1
    """And how many of them, at most, as far as anybody has seen."""

    @property
    def key(self) -> str:
        """What tells it from any other, of the same name too."""
        return revision.digest([self.endpoint, self.made])

    def hours(self, start: datetime, end: datetime) -> float:
        """How long it was there between two moments."""
        first, last = max(moment(self.made), start), min(moment(self.until), end)
        return max(0.0, (last - first).total_seconds() / 3600)

    def tokens(self, month: str) -> tuple[int, int]:
        """What it read and wrote in a month."""
        return (self.read, self.written) if self.month == month else (0, 0)


def begun(endpoint: Endpoint, document: str, base_model: str, *, is_tuned: bool) -> Life:
    """The life of an endpoint, as of when it was made."""
    return Life(
        endpoint=endpoint.name,
        document=document,
        base_model=base_model,
        is_tuned=is_tuned,
        made=endpoint.created,
        until=endpoint.created,
    )


def deployed(deployment: Deployment) -> Life:
    """The life of an online endpoint's deployment, as of when it was made."""
    return Life(
        endpoint=deployment.label,
        document=deployment.tags.get(revision.TAG_SPEC, ""),
        base_model="",
        is_tuned=True,
        made=deployment.created,
        until=deployment.created,
        machine=deployment.instance_type,
        machines=deployment.machines,
    )


def read(session: Session) -> dict[str, Life]:
    """Every life that is remembered, by its key."""
    found = (_life(asset) for asset in data.versions(session, ASSET))
    return {life.key: life for life in found if life}


def write(session: Session, life: Life) -> None:
    """Remember a life, and look that it is remembered.

    Raises:
        RemoteError: It isn't.
    """
    tags = _tags(life)
    kept = data.register(
        session,
        ASSET,
        life.key,
        uri=_URI,
        description="What an endpoint has used; kept by foundry-tune watch",
        tags=tags,
    )
    if any(kept.tags.get(name) != value for name, value in tags.items()):
        raise RemoteError(
            f"Azure did not keep what endpoint '{life.endpoint}' has used.",
            next_step="Does a policy remove tags? Without them no cap can be kept.",
        )


def moment(written: str) -> datetime:
    """A time as Azure writes it."""
    found = timestamp(written)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def later(one: Life, other: Life) -> Life:
    """What two who looked know together."""
    # At the same moment the one that is there counts: a list may have lacked it.
    newest = max(one, other, key=lambda life: (moment(life.until), not life.is_gone))
    newest = replace(newest, machines=max(one.machines, other.machines))
    if one.month != other.month:
        used = max(one, other, key=lambda life: life.month)
        return replace(newest, month=used.month, read=used.read, written=used.written)
    read, written = max(one.read, other.read), max(one.written, other.written)
    return replace(newest, read=read, written=written)


def _tags(life: Life) -> dict[str, str]:
    return {
        revision.TAG_SPEC: life.document,
        f"{_TAG}endpoint": life.endpoint,
        f"{_TAG}model": life.base_model[: revision.LONGEST_TAG_VALUE],
        f"{_TAG}tuned": "yes" if life.is_tuned else "no",
        f"{_TAG}made": life.made,
        f"{_TAG}until": life.until,
        f"{_TAG}gone": "yes" if life.is_gone else "no",
        f"{_TAG}month": life.month,
        f"{_TAG}read": str(life.read),
        f"{_TAG}written": str(life.written),
        **(
            {f"{_TAG}machine": life.machine, f"{_TAG}machines": str(life.machines)}
            if life.machine
            else {}
        ),
    }


def _life(asset: DataAsset) -> Life | None:
    """The life that a version's tags tell; None where somebody else wrote them."""
    said = {name.removeprefix(_TAG): text for name, text in asset.tags.items()}
    try:
        return Life(
            endpoint=said["endpoint"],
            document=asset.tags.get(revision.TAG_SPEC, ""),
            base_model=said.get("model", ""),
            is_tuned=said["tuned"] == "yes",
            made=_time(said["made"]),
            until=_time(said["until"]),
            is_gone=said["gone"] == "yes",
            month=said.get("month", ""),
            read=_count(said, "read"),
            written=_count(said, "written"),
            machine=said.get("machine", ""),
            machines=_count(said, "machines") or 1,
        )
    except (KeyError, ValueError):
        return None


def _time(written: str) -> str:
    moment(written)
    return written


def _count(said: Mapping[str, str], name: str) -> int:
    return int(said.get(name) or 0)
