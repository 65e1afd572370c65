"""A revision taking its name: promoted last, withdrawn where it failed, the one before it retired.

Two runs may be at work on one endpoint. Whoever withdraws it says so on the endpoint first and then
looks whether the name follows it; whoever promotes it moves the name first and then looks whether
it was withdrawn. So whatever the order, one of them sees the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobs import revision
from jobs.errors import ConflictError
from jobs.foundry import endpoints, online, pointers
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.online import Deployment
from jobs.foundry.pointers import Pointer
from jobs.foundry.session import Session
from jobs.look.deployments import idle
from jobs.look.inventory import Holding
from jobs.plan import deployments
from jobs.plan.rollout import why_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """An endpoint that no name follows, or a deployment that gets no traffic."""

    name: str
    endpoint: Endpoint | Deployment
    kept: str
    """Why it stays for now; empty where it may go."""

    @property
    def title(self) -> str:
        """What it is called; a deployment after its endpoint."""
        one = self.endpoint
        return f"{one.endpoint}/{one.name}" if isinstance(one, Deployment) else one.name


def make_ready(session: Session, endpoint: Endpoint) -> Endpoint:
    """Say on an endpoint that it has passed everything asked of it, so that it may be promoted.

    Raises:
        ConflictError: It was withdrawn, or made anew, by somebody else.
    """
    there = endpoints.find(session, endpoint.name)
    if there is None or there.is_withdrawn or not there.is_still(endpoint):
        raise endpoints.moved(endpoint)
    if there.is_ready:
        return there
    return endpoints.tag(session, there, {revision.TAG_READY: there.ready_mark})


def promote(
    session: Session,
    name: str,
    endpoint: Endpoint,
    seen: Pointer | None,
    *,
    keep: timedelta,
    before: str = "",
    rolling_back: bool = False,
) -> Pointer:
    """Let a name follow an endpoint that is ready, unless somebody has moved it since it was seen.

    `keep`: how long the endpoint that it leaves is kept; `before` is that endpoint where the name
    led nowhere yet, and an endpoint called so served. `rolling_back`: that endpoint is not to
    be promoted again by an apply.

    Raises:
        ConflictError: The name leads elsewhere than was seen, or the endpoint was withdrawn.
    """
    there = pointers.find(session, name)
    if there is not None and there.endpoint != endpoint.name and not there.is_still(seen):
        raise pointers.moved(name)
    if there is None and seen is not None:
        raise pointers.moved(name)
    wanted = pointers.led_to(there, name, endpoint, now=session.arm.now, keep=keep, before=before)
    if rolling_back and there is not None and there.endpoint != endpoint.name:
        wanted = replace(wanted, withdrawn=there.endpoint)
    elif wanted.withdrawn == endpoint.name:
        wanted = replace(wanted, withdrawn="")
    led = pointers.point(session, wanted, endpoint)
    if _is_going(session, endpoint):
        _lead_back(session, led, there)
        raise ConflictError(
            f"Endpoint '{endpoint.name}' was withdrawn by somebody else while it was promoted; "
            f"'{name}' was led back.",
            next_step="Run the same command again: it plans with what is there now.",
        )
    return led


def withdraw(session: Session, name: str, endpoint_name: str) -> tuple[str, bool]:
    """Take an endpoint down that failed what was asked of it, unless the name follows it.

    Returns:
        What was done, in a sentence, and whether it is gone.
    """
    endpoint = endpoints.find(session, endpoint_name)
    if endpoint is not None and not take_down(session, name, endpoint):
        return (
            f"Endpoint '{endpoint_name}' was there before and '{name}' follows it, so it was left "
            "as it is; it is NOT proven.",
            False,
        )
    pointer = pointers.find(session, name)
    rest = f"'{name}' goes on with {pointer.endpoint}" if pointer else f"nothing serves '{name}'"
    return f"Endpoint '{endpoint_name}' was deleted again: {rest}. The model is kept.", True


def take_down(session: Session, name: str, endpoint: Endpoint) -> bool:
    """Delete an endpoint that the name doesn't follow; False where it does.

    Raises:
        ConflictError: It isn't the one any more that was seen.
    """
    if _is_followed(session, name, endpoint):
        return False
    there = endpoints.find(session, endpoint.name)
    if there is None:
        return True
    if not there.is_still(endpoint):
        raise endpoints.moved(endpoint)
    marked = endpoints.tag(session, there, {revision.TAG_WITHDRAWN: "yes"})
    if _is_followed(session, name, endpoint):
        return False
    endpoints.delete(session, marked)
    return True


def left_over(holding: Holding, now: datetime) -> list[LeftOver]:
    """What a name has and doesn't follow, each with why it is kept, if it is."""
    found = [
        LeftOver(
            name=holding.name, endpoint=endpoint, kept=why_kept(endpoint, holding.pointer, now)
        )
        for endpoint in holding.endpoints
        if not may_be_followed(holding.name, endpoint, holding.pointer)
    ]
    if managed := holding.online:
        found += [
            LeftOver(
                name=holding.name,
                endpoint=one,
                kept=deployments.why_kept(one, managed.endpoint, now),
            )
            for one in idle(managed)
        ]
    return found


def retire(session: Session, left: LeftOver) -> bool:
    """Delete what is left over; False where it is followed by now.

    Raises:
        ConflictError: It isn't the one any more that was seen.
    """
    if isinstance(left.endpoint, Deployment):
        return online.undeploy(session, left.endpoint)
    return take_down(session, left.name, left.endpoint)


def may_be_followed(name: str, endpoint: Endpoint, pointer: Pointer | None) -> bool:
    """Whether applications may be asking an endpoint."""
    if pointer is not None:
        return pointer.endpoint == endpoint.name
    # Applications may have its address from a version without pointers, or from one that is lost.
    return endpoint.is_ready or (endpoint.name == name and revision.TAG_PROOF in endpoint.tags)


def _is_followed(session: Session, name: str, endpoint: Endpoint) -> bool:
    return may_be_followed(name, endpoint, pointers.find(session, name))


def _is_going(session: Session, endpoint: Endpoint) -> bool:
    there = endpoints.find(session, endpoint.name)
    return there is None or there.is_withdrawn or not there.is_still(endpoint)


def _lead_back(session: Session, led: Pointer, before: Pointer | None) -> None:
    """Undo a move to an endpoint that is going."""
    if before is None:
        pointers.delete(session, led)
        return
    followed = endpoints.find(session, before.endpoint)
    if followed is not None:
        pointers.point(session, before, followed)
