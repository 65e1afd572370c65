"""Times to live and caps on spend, kept: what is over is taken down, what serves last.

First what no name follows, then what is kept from before, and what serves only where that was said:
by its `ttl`, by `take_down_served`, or on the command line. Everything is looked at again right
before it is deleted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from jobs.apply import rollout
from jobs.errors import FoundryTuneError
from jobs.foundry import endpoints, ledger, pointers
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session
from jobs.look import inventory, monitor, spend
from jobs.look.inventory import Holding, Inventory
from jobs.look.spend import HourPrice, Spent
from jobs.plan.caps import MonthlyCap
from jobs.plan.desired import Serving

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
    """An endpoint that is over a limit."""

    name: str
    """The document's name, which may follow it."""
    endpoint: Endpoint
    role: Role
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One look: how the limits stand, what goes, and what should but stays."""

    standings: tuple[LimitStanding, ...]
    going: tuple[Costing, ...]
    """In the order in which they go."""
    staying: tuple[Costing, ...]
    """What serves and nobody has said that it may go, and what foundry-tune didn't make."""
    spent: Spent


def look(
    session: Session,
    servings: Sequence[Serving],
    caps: Sequence[MonthlyCap],
    price: HourPrice,
    now: datetime,
) -> Due:
    """How the limits stand, and what has to go for them.

    Raises:
        BudgetError: A cap rests on a price that nobody knows.
    """
    found = inventory.look(session, [one.name for one in servings])
    spent = spend.look(session, found, now)
    standings: list[LimitStanding] = []
    over: dict[str, Costing] = {}
    staying: dict[str, Costing] = {}
    for serving in servings:
        if serving.spec.lives is None:
            continue
        for endpoint in found.of(serving.name).endpoints:
            standing = _age(serving, endpoint, now)
            standings.append(standing)
            if standing.state == "over":
                why = f"lives {serving.spec.ttl} and no longer"
                over[endpoint.name] = _costing(found.of(serving.name), endpoint, why)
    for cap in caps:
        mine = list(_endpoints(found, cap))
        usd = spent.usd(price, cap.documents)
        rate = spent.rate(price, (one.endpoint for one in mine))
        standings.append(_spend(cap, usd, rate, now))
        if usd < cap.usd:
            continue
        for one in mine:
            told = one.role != "served" or cap.served_too
            costing = replace(one, why=f"{cap.of} has spent its {cap.usd:,.2f} USD of the month")
            (over if told and one.name else staying).setdefault(one.endpoint.name, costing)
    going = sorted(over.values(), key=lambda one: (_ORDER.index(one.role), one.endpoint.name))
    stays = tuple(one for name, one in sorted(staying.items()) if name not in over)
    return Due(standings=tuple(standings), going=tuple(going), staying=stays, spent=spent)


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
    life = due.spent.there.get(one.endpoint.name)
    if life is not None:
        until = max(session.arm.now, due.spent.now).isoformat(timespec="seconds")
        ledger.write(session, replace(life, is_gone=True, until=until))


def _take_down(session: Session, one: Costing) -> bool:
    if one.role != "served":
        return rollout.take_down(session, one.name, one.endpoint)
    pointer = pointers.find(session, one.name)
    if pointer is not None and pointer.is_ours and pointer.endpoint == one.endpoint.name:
        # Nobody is to follow a name to nothing.
        pointers.delete(session, pointer)
    endpoints.delete(session, one.endpoint)
    return True


def _endpoints(found: Inventory, cap: MonthlyCap) -> Iterator[Costing]:
    names = found.names if cap.documents is None else cap.documents
    known: set[str] = set()
    for name in names:
        holding = found.of(name)
        for endpoint in holding.endpoints:
            if endpoint.name not in known:
                known.add(endpoint.name)
                yield _costing(holding, endpoint, "")
    for endpoint in found.endpoints if cap.documents is None else ():
        if endpoint.name not in known:
            yield Costing(name="", endpoint=endpoint, role="served", why="")


def _costing(holding: Holding, endpoint: Endpoint, why: str) -> Costing:
    role: Role = "candidate"
    if rollout.may_be_followed(holding.name, endpoint, holding.pointer):
        role = "served"
    elif holding.pointer and holding.pointer.previous == endpoint.name:
        role = "previous"
    return Costing(name=holding.name, endpoint=endpoint, role=role, why=why)


def _age(serving: Serving, endpoint: Endpoint, now: datetime) -> LimitStanding:
    lives = serving.spec.lives or timedelta()
    made = monitor.made(endpoint)
    of, limit = endpoint.name, f"{serving.spec.ttl}"
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
