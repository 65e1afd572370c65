"""What endpoints have cost in the month that runs: those there are, and those that are gone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from jobs.catalog.catalog import PriceKind
from jobs.errors import BudgetError
from jobs.foundry import ledger, projects
from jobs.foundry.ledger import Life
from jobs.foundry.online import Deployment
from jobs.foundry.session import Session
from jobs.look import monitor
from jobs.look.inventory import Inventory
from jobs.look.served import Served, served
from jobs.revision import TAG_SPEC

HourPrice = Callable[[Life, PriceKind], float | None]
"""What a unit of a life's model costs in USD, an hour or a million tokens; None: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Every life of the month, as of a look."""

    start: datetime
    """Of the month, in UTC."""
    now: datetime
    lives: tuple[Life, ...]
    there: Mapping[str, Life]
    """The lives of the endpoints and deployments that are there, by their names."""

    def usd(self, price: HourPrice, documents: Iterable[str] | None = None) -> float:
        """What lives have cost, of some documents or of all.

        Raises:
            BudgetError: Nobody knows a price that it takes: no cap can be kept then.
        """
        wanted = None if documents is None else set(documents)
        lives = (one for one in self.lives if wanted is None or one.document in wanted)
        return sum(self._cost(life, price) for life in lives)

    def rate(self, price: HourPrice, names: Iterable[str]) -> float:
        """What endpoints and deployments cost an hour in USD, asked or not."""
        lives = (self.there[name] for name in names if name in self.there)
        return sum(_hourly(life, price) for life in lives if life.is_tuned)

    def _cost(self, life: Life, price: HourPrice) -> float:
        hours = life.hours(self.start, self.now) if life.is_tuned else 0.0
        hosting = hours * _hourly(life, price) if hours else 0.0
        kinds: tuple[PriceKind, PriceKind] = ("input", "output")
        counted = zip(life.tokens(month_of(self.now)), kinds, strict=True)
        return hosting + sum(n / 1e6 * _priced(life, kind, price) for n, kind in counted if n)


def look(session: Session, found: Inventory, now: datetime) -> Spent:
    """What is there with what it has used, and what is remembered of what is gone.

    What isn't there any more is taken to have been there until now: a bill is never read too low.
    Nothing is written; `remember` does that.
    """
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    kept = ledger.read(session)
    there = {
        one.endpoint.name: _seen(session, one, kept, start, now)
        for one in served(found, projects.get(session))
        if monitor.made(one.endpoint)
    }
    for managed in found.onlines:
        for one in managed.deployments:
            if one.made:
                there[one.label] = _deployed(one, kept, now)
    living = {life.key for life in there.values()}
    gone = [_over(life, now) for key, life in kept.items() if key not in living]
    lives = (*there.values(), *gone)
    recent = tuple(life for life in lives if not life.is_gone or _touches(life, start))
    return Spent(start=start, now=now, lives=recent, there=there)


def remember(session: Session, spent: Spent) -> None:
    """Write down what a look has found, each life that says more than what is kept of it."""
    kept = ledger.read(session)
    for life in spent.lives:
        known = kept.get(life.key)
        more = ledger.later(life, known) if known else life
        if more != known:
            ledger.write(session, more)


def month_of(now: datetime) -> str:
    """`2026-11`."""
    return f"{now:%Y-%m}"


def _seen(
    session: Session, one: Served, kept: Mapping[str, Life], start: datetime, now: datetime
) -> Life:
    endpoint = one.endpoint
    life = ledger.begun(
        endpoint, endpoint.tags.get(TAG_SPEC, ""), one.base_model, is_tuned=one.is_tuned
    )
    known = kept.get(life.key, life)
    made = ledger.moment(life.made)
    usage = monitor.look(session, endpoint, max(made, start), max(now, made))
    read, written = usage.tokens or known.tokens(month_of(now))
    return replace(
        life,
        document=life.document or known.document,
        base_model=life.base_model or known.base_model,
        until=max(now, made).isoformat(timespec="seconds"),
        month=month_of(now),
        read=read,
        written=written,
    )


def _deployed(deployment: Deployment, kept: Mapping[str, Life], now: datetime) -> Life:
    """A deployment, billed by its machines; of machines it once had more, the most count."""
    life = ledger.deployed(deployment)
    known = kept.get(life.key, life)
    return replace(
        life,
        document=life.document or known.document,
        until=max(now, ledger.moment(life.made)).isoformat(timespec="seconds"),
        machines=max(life.machines, known.machines),
    )


def _over(life: Life, now: datetime) -> Life:
    if life.is_gone:
        return life
    return replace(life, is_gone=True, until=now.isoformat(timespec="seconds"))


def _touches(life: Life, start: datetime) -> bool:
    return ledger.moment(life.until) >= start


def _hourly(life: Life, price: HourPrice) -> float:
    """What an hour costs, asked or not."""
    if life.machine:
        return life.machines * _priced(life, "instance", price)
    return _priced(life, "hosting", price)


def _priced(life: Life, kind: PriceKind, price: HourPrice) -> float:
    usd = price(life, kind)
    if usd is None:
        what = "the tokens" if kind in ("input", "output") else "an hour"
        raise BudgetError(
            f"Nobody knows what {what} of '{life.machine or life.base_model or life.endpoint}' "
            "costs, so no cap "
            f"on endpoint '{life.endpoint}' can be kept.",
            next_step="Write the price you know into prices.yaml or the spec's budget.prices.",
            rule="FT-R006",
        )
    return usd
