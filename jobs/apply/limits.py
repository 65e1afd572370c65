"""Times to live and caps on spend, kept: what is over is taken down, what serves last.

First what no name follows, then what is kept from before, and what serves only where that was said:
by its `ttl`, by `take_down_served`, or on the command line. Everything is looked at again right
before it is deleted. Of an online endpoint the deployments are what costs, and go; its address and
keys stay, which cost nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from jobs.apply import rollout
from jobs.errors import BudgetError, ConflictError, FoundryTuneError
from jobs.foundry import endpoints, ledger, online, pointers
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.online import Deployment, Managed
from jobs.foundry.session import Session
from jobs.look import inventory, monitor, spend
from jobs.look.inventory import Holding, Inventory
from jobs.look.spend import HourPrice, Spent
from jobs.plan.caps import MonthlyCap
from jobs.plan.desired import Serving
from jobs.plan.hosting import Hosting

Role = Literal["candidate", "previous", "served"]
_ORDER: tuple[Role, ...] = ("candidate", "previous", "served")
WARNS_FROM = 0.8
"""The part of a cap, or of a time to live, from which on it is warned of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStanding:
    """How one limit stands."""

    of: str
    kind: Literal["cap", "ttl"]
    limit: str
    """`50.00 USD a month`, `8h`."""
    now: str
    """`41.20 USD this month`, `ends 2026-11-29 20:15 UTC`."""
    state: Literal["ok", "warns", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costing:
    """An endpoint, or an online endpoint's deployment, that is over a limit."""

    name: str
    """The document's name, which may follow it; empty where foundry-tune didn't make it."""
    thing: Endpoint | Deployment
    role: Role
    why: str

    @property
    def label(self) -> str:
        """Its own name, a deployment's with that of its endpoint."""
        return self.thing.name if isinstance(self.thing, Endpoint) else self.thing.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One look: how the limits stand, what goes, and what should but stays."""

    standings: tuple[LimitStanding, ...]
    going: tuple[Costing, ...]
    """In the order in which they go."""
    staying: tuple[Costing, ...]
    """What serves and nobody has said that it may go, and what foundry-tune didn't make."""
    spent: Spent
    unkept: tuple[BudgetError, ...] = ()
    """Caps that rest on a price that nobody knows; all else is kept all the same."""


def look(
    session: Session,
    documents: Sequence[Serving | Hosting],
    caps: Sequence[MonthlyCap],
    price: HourPrice,
    now: datetime,
) -> Due:
    """How the limits stand, and what has to go for them."""
    found = inventory.look(session, [one.name for one in documents])
    spent = spend.look(session, found, now)
    standings: list[LimitStanding] = []
    over: dict[str, Costing] = {}
    staying: dict[str, Costing] = {}
    unkept: list[BudgetError] = []
    for document in documents:
        if document.spec.lives is None:
            continue
        why = f"lives {document.spec.ttl} and no longer"
        for one in _costings(found.of(document.name), document, why):
            standing = _age(document, one, now)
            standings.append(standing)
            if standing.state == "over":
                over[one.label] = one
    for cap in caps:
        mine = list(_endpoints(found, cap))
        try:
            usd = spent.usd(price, cap.documents)
            rate = spent.rate(price, (one.label for one in mine))
        except BudgetError as error:
            unkept.append(error)
            continue
        standings.append(_spend(cap, usd, rate, now))
        if usd < cap.usd:
            continue
        for one in mine:
            told = one.role != "served" or cap.served_too
            costing = replace(one, why=f"{cap.of} has spent its {cap.usd:,.2f} USD of the month")
            (over if told and one.name else staying).setdefault(one.label, costing)
    going = sorted(over.values(), key=lambda one: (_ORDER.index(one.role), one.label))
    stays = tuple(one for name, one in sorted(staying.items()) if name not in over)
    return Due(
        standings=tuple(standings),
        going=tuple(going),
        staying=stays,
        spent=spent,
        unkept=tuple(unkept),
    )


def keep(session: Session, due: Due, say: Callable[[Costing, str], None]) -> list[FoundryTuneError]:
    """Take down what has to go; what fails is told, and does not keep the rest.

    What was used is written down first. Where even that fails, what costs goes all the same: the
    next look charges it for longer than it was there.
    """
    failed: list[FoundryTuneError] = []
    try:
        spend.remember(session, due.spent)
    except FoundryTuneError as error:
        failed.append(error)
    for one in due.going:
        try:
            gone = _take_down(session, one)
            say(one, f"deleted: {one.why}" if gone else "is followed now; left")
            if gone:
                _end(session, due, one)
        except FoundryTuneError as error:
            failed.append(error)
            say(one, error.message)
    return failed


def _end(session: Session, due: Due, one: Costing) -> None:
    life = due.spent.there.get(one.label)
    if life is not None:
        until = max(session.arm.now, due.spent.now).isoformat(timespec="seconds")
        ledger.write(session, replace(life, is_gone=True, until=until))


def _take_down(session: Session, one: Costing) -> bool:
    if isinstance(one.thing, Deployment):
        if one.role == "served":
            _send_nobody(session, one.thing)
        return online.undeploy(session, one.thing)
    if one.role != "served":
        return rollout.take_down(session, one.name, one.thing)
    pointer = pointers.find(session, one.name)
    if pointer is not None and pointer.is_ours and pointer.endpoint == one.thing.name:
        # Nobody is to follow a name to nothing.
        pointers.delete(session, pointer)
    endpoints.delete(session, one.thing)
    return True


def _send_nobody(session: Session, deployment: Deployment) -> None:
    """Take the traffic from a deployment that has all of it.

    Raises:
        ConflictError: Others have a part of it, and Azure splits a hundred percent or nothing.
    """
    endpoint = online.find(session, deployment.endpoint)
    if endpoint is None or not endpoint.traffic.get(deployment.name, 0):
        return
    others = sorted(endpoint.traffic.keys() - {deployment.name})
    if others:
        raise ConflictError(
            f"'{deployment.label}' shares its traffic with {', '.join(others)}, so it was left.",
            next_step=f'az ml online-endpoint update -n {deployment.endpoint} --traffic "..."',
        )
    online.move_traffic(session, endpoint, {})


def _endpoints(found: Inventory, cap: MonthlyCap) -> Iterator[Costing]:
    names = found.names if cap.documents is None else cap.documents
    known: set[str] = set()
    for name in names:
        holding = found.of(name)
        managed = _deployed(holding.online, name, "") if holding.online else ()
        for one in (*(_costing(holding, it, "") for it in holding.endpoints), *managed):
            if one.label not in known:
                known.add(one.label)
                yield one
    if cap.documents is not None:
        return
    for endpoint in found.endpoints:
        if endpoint.name not in known:
            yield Costing(name="", thing=endpoint, role="served", why="")
    for managed in found.onlines:
        for deployment in managed.deployments:
            if deployment.label not in known:
                yield Costing(name="", thing=deployment, role="served", why="")


def _costings(holding: Holding, document: Serving | Hosting, why: str) -> Iterator[Costing]:
    """What of a document costs, and foundry-tune made."""
    if isinstance(document, Hosting):
        managed = _deployed(holding.online, holding.name, why) if holding.online else ()
        yield from (one for one in managed if one.name)
    else:
        yield from (_costing(holding, endpoint, why) for endpoint in holding.endpoints)


def _costing(holding: Holding, endpoint: Endpoint, why: str) -> Costing:
    role: Role = "candidate"
    if rollout.may_be_followed(holding.name, endpoint, holding.pointer):
        role = "served"
    elif holding.pointer and holding.pointer.previous == endpoint.name:
        role = "previous"
    return Costing(name=holding.name, thing=endpoint, role=role, why=why)


def _deployed(managed: Managed, name: str, why: str) -> Iterator[Costing]:
    """An online endpoint's deployments; one that foundry-tune didn't make belongs to no name."""
    for one in managed.deployments:
        role: Role = "previous" if one.name == managed.endpoint.course.previous else "candidate"
        if managed.endpoint.traffic.get(one.name, 0):
            role = "served"
        yield Costing(name=name if one.is_ours else "", thing=one, role=role, why=why)


def _age(document: Serving | Hosting, one: Costing, now: datetime) -> LimitStanding:
    lives = document.spec.lives or timedelta()
    made = monitor.made(one.thing) if isinstance(one.thing, Endpoint) else one.thing.made
    of, limit = one.label, f"{document.spec.ttl}"
    if made is None:
        told = "Azure doesn't say when it was made"
        return LimitStanding(of=of, kind="ttl", limit=limit, now=told, state="warns")
    ends = made + lives
    state = "over" if now >= ends else "warns" if now >= made + WARNS_FROM * lives else "ok"
    word = "ended" if state == "over" else "ends"
    told = f"{word} {ends:%Y-%m-%d %H:%M} UTC"
    return LimitStanding(of=of, kind="ttl", limit=limit, now=told, state=state)


def _spend(cap: MonthlyCap, usd: float, rate: float, now: datetime) -> LimitStanding:
    told = f"{usd:,.2f} USD this month"
    left = cap.usd - usd
    if left > 0 and rate > 0:
        reached = now + timedelta(hours=min(left / rate, 24 * 366))
        told += f", {rate:,.2f} an hour: reached {reached:%Y-%m-%d %H:%M} UTC"
        if reached.month != now.month:
            told = f"{usd:,.2f} USD this month, {rate:,.2f} an hour: not reached in this one"
    state = "over" if left <= 0 else "warns" if usd >= WARNS_FROM * cap.usd else "ok"
    return LimitStanding(
        of=cap.of, kind="cap", limit=f"{cap.usd:,.2f} USD a month", now=told, state=state
    )
