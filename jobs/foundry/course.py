"""Where an online endpoint's traffic went before: kept in its tags, written as the traffic moves.

The one PUT that moves the traffic carries it, so that there is no instant at which the two differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.revision import LONGEST_TAG_VALUE, TAG_PREFIX, TAG_WITHDRAWN

_PREVIOUS = f"{TAG_PREFIX}previous"
_KEPT_UNTIL = f"{TAG_PREFIX}kept-until"
_SERVED = f"{TAG_PREFIX}served"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The traffic given to one deployment."""

    since: str
    """ISO 8601, in UTC."""
    deployment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What an endpoint remembers of its traffic."""

    previous: str = ""
    """The deployment that had the traffic before; empty where none had."""
    kept_until: str = ""
    """Until when that one is kept for a rollback."""
    withdrawn: str = ""
    """The deployment that was rolled back from: no apply may give it the traffic again."""
    served: tuple[Turn, ...] = ()
    """Who has had the traffic, newest first, as far as a tag holds it."""

    def keeps(self, deployment: str, now: datetime) -> bool:
        """Whether a deployment is the one before, and its time isn't over."""
        return (
            deployment == self.previous
            and bool(self.kept_until)
            and now < datetime.fromisoformat(self.kept_until)
        )

    def since(self, deployment: str) -> str:
        """Since when a deployment had the traffic the last time; empty where that isn't known."""
        return next((one.since for one in self.served if one.deployment == deployment), "")

    def led_to(
        self, deployment: str, leaves: str, now: datetime, keep: timedelta, *, back: bool = False
    ) -> "Course":
        """The course after the traffic moved to a deployment from the one that it leaves.

        `keep` is how long that one is kept; `back` that no apply may lead to it again.
        """
        if leaves == deployment:
            leaves = ""
        withdrawn = "" if self.withdrawn == deployment else self.withdrawn
        return Course(
            previous=leaves,
            kept_until=(now + keep).isoformat(timespec="seconds") if leaves and keep else "",
            withdrawn=leaves if back else withdrawn,
            served=(
                Turn(since=now.isoformat(timespec="seconds"), deployment=deployment),
                *self.served,
            ),
        )

    @property
    def tags(self) -> dict[str, str]:
        """As the endpoint's tags have it; empty ones are to be taken away."""
        stays = ""
        for one in self.served:
            longer = ",".join(filter(None, (stays, f"{one.since} {one.deployment}")))
            if len(longer) > LONGEST_TAG_VALUE:
                break
            stays = longer
        return {
            _PREVIOUS: self.previous,
            _KEPT_UNTIL: self.kept_until,
            TAG_WITHDRAWN: self.withdrawn,
            _SERVED: stays,
        }


def of(tags: Mapping[str, str]) -> Course:
    """What an endpoint's tags say; what somebody typed over them counts as nothing."""
    stays = [one.split(" ") for one in tags.get(_SERVED, "").split(",")]
    return Course(
        previous=tags.get(_PREVIOUS, ""),
        kept_until=_moment(tags.get(_KEPT_UNTIL, "")),
        withdrawn=tags.get(TAG_WITHDRAWN, ""),
        served=tuple(
            Turn(since=one[0], deployment=one[1])
            for one in stays
            if len(one) == 2 and _moment(one[0])
        ),
    )


def _moment(written: str) -> str:
    """A time with its zone, or nothing."""
    try:
        return written if datetime.fromisoformat(written).tzinfo else ""
    except ValueError:
        return ""
