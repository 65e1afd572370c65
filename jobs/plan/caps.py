"""Caps on what endpoints may cost in a month: which there are, and whether one more fits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobs.catalog.catalog import PriceKind
from jobs.foundry.ledger import Life
from jobs.foundry.session import Session
from jobs.look import inventory, spend
from jobs.look.spend import HourPrice
from jobs.money.price import FIELDS, UnitPrice, of_catalogue
from jobs.plan.deployments import DeployStep
from jobs.plan.desired import Desired, Serving, pricing_of
from jobs.plan.hosting import Hosting
from jobs.plan.preflight import Check
from jobs.plan.steps import EndpointStep, LaterStep, Step
from jobs.read.examine import CheckedSpecs


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyCap:
    """What endpoints may cost in a month."""

    of: str
    """`xbox-support`, or `the project`."""
    documents: tuple[str, ...] | None
    """The documents whose endpoints it is about; None: every endpoint of the project."""
    usd: float
    served_too: bool
    """Whether what serves is taken down too."""

    def holds_for(self, document: str) -> bool:
        """Whether it is about the endpoints of a document."""
        return self.documents is None or document in self.documents


def caps_of(
    specs: CheckedSpecs, endpoints: Iterable[Serving | Hosting], *, served_too: bool = False
) -> list[MonthlyCap]:
    """The caps of documents, and the least that a policy has for the whole project."""
    found = [
        MonthlyCap(
            of=one.name,
            documents=(one.name,),
            usd=one.spec.cap.usd_per_month,
            served_too=served_too or one.spec.cap.take_down_served,
        )
        for one in endpoints
        if one.spec.cap
    ]
    of_project = [one.written.cap.usd_per_month for one in specs.policies if one.written.cap]
    if of_project:
        least = min(of_project)
        found.append(MonthlyCap(of="the project", documents=None, usd=least, served_too=served_too))
    return found


def hour_price(specs: CheckedSpecs, asked: Desired) -> HourPrice:
    """What a life's units cost: as its document says, else the team, else what is known."""
    team = specs.team_prices
    of_documents = {one.name: pricing_of(one, specs.chapters, team) for one in asked.servings}
    hosted = {one.name: one for one in asked.hostings}

    def price(life: Life, kind: PriceKind) -> float | None:
        if life.machine:
            one = hosted.get(life.document)
            if one and one.hourly and one.spec.instance_type.casefold() == life.machine.casefold():
                return one.hourly.usd
            lists = (known.instance_price(life.machine) for known in team.values())
            written = next(filter(None, lists), None)
            return written.usd if written else None
        if life.document in of_documents:
            return of_documents[life.document].unit(kind).usd
        lists = (one.price(life.base_model, FIELDS[kind]) for one in team.values())
        if written := next(filter(None, lists), None):
            return written.usd
        return of_catalogue(life.base_model, kind, is_tuned=life.is_tuned).usd

    return price


def cap_checks(
    session: Session, specs: CheckedSpecs, asked: Desired, steps: Sequence[Step]
) -> list[Check]:
    """Whether the month has money left for the endpoints that would be made."""
    made = list(_made(steps))
    caps = [
        cap
        for cap in caps_of(specs, asked.endpoints)
        if any(cap.holds_for(one.name) for one in made)
    ]
    if not caps:
        return []
    unpriced = [one for one in made if one.hourly is not None and one.hourly.usd is None]
    if unpriced:
        return [_unpriced(one) for one in unpriced]
    price = hour_price(specs, asked)
    spent = spend.look(session, inventory.look(session), session.arm.now)
    checks: list[Check] = []
    for cap in caps:
        usd = spent.usd(price, cap.documents)
        is_over = usd >= cap.usd
        checks.append(
            Check(
                status="fail" if is_over else "pass",
                subject="cap",
                message=f"{cap.of}: {usd:,.2f} of {cap.usd:,.2f} USD are spent this month",
                next_step="Wait for the next month, or raise the cap." if is_over else "",
                rule="FT-R005" if is_over else "",
            )
        )
    return checks


class _Made(NamedTuple):
    """An endpoint that would be made, and what an hour of it costs; None where it costs none."""

    name: str
    hourly: UnitPrice | None


def _made(steps: Sequence[Step]) -> Iterator[_Made]:
    for step in steps:
        is_made = step.action.kind in {"create", "replace"}
        if isinstance(step, EndpointStep) and is_made:
            yield _Made(step.serving.name, step.serving.hosting)
        if isinstance(step, DeployStep) and is_made:
            yield _Made(step.hosting.name, step.hosting.hourly)
        if isinstance(step, LaterStep) and step.serving:
            yield _Made(step.serving.name, step.serving.hosting)


def _unpriced(made: _Made) -> Check:
    words = made.hourly.words if made.hourly else "its price is unknown"
    return Check(
        status="fail",
        subject="cap",
        message=f"no cap on '{made.name}' can be kept: {words}",
        next_step="Write the price you know into prices.yaml or budget.prices.",
        rule="FT-R006",
    )
