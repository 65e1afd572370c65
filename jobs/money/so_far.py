"""What an endpoint has cost since it was made: hours of hosting, and the tokens it counted."""

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.catalog.catalog import PriceKind
from jobs.money.cost import CostLine
from jobs.money.price import NOTHING, Money, Pricing, UnitPrice, of_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What an endpoint serves, and since when, as far as anybody knows."""

    name: str
    base_model: str
    """The model's path; empty where nobody knows what the model was tuned from."""
    is_tuned: bool
    pricing: Pricing | None
    """What the spec or the team says that things cost; None where no spec is named."""
    hours: float | None

    def unit(self, kind: PriceKind) -> UnitPrice:
        """What a unit costs."""
        if self.pricing is not None:
            return self.pricing.unit(kind)
        return of_catalogue(self.base_model, kind, is_tuned=self.is_tuned)


def lines(served: Billed, tokens: tuple[int, int] | None) -> list[CostLine]:
    """The lines of the bill so far; money that nobody knows has no upper end."""
    found: list[CostLine] = []
    if served.is_tuned:  # a base model is billed by the token alone
        found.append(_hosting(served, served.hours))
    read, write = served.unit("input"), served.unit("output")
    prices = (read, write)
    if tokens is None:
        found.append(CostLine("tokens", served.name, "unknown", prices, Money(0.0, None)))
        return found
    money = read.times(tokens[0], tokens[0]) + write.times(tokens[1], tokens[1])
    quantity = f"{tokens[0]:,} read, {tokens[1]:,} written"
    return [*found, CostLine("tokens", served.name, quantity, prices, money)]


def idle(served: Billed, hours: float | None) -> CostLine | None:
    """What hours without a call cost; None where an endpoint that nobody asks costs nothing."""
    return _hosting(served, hours) if served.is_tuned else None


def total(found: Iterable[CostLine]) -> Money:
    """All lines together."""
    amount = NOTHING
    for line in found:
        amount += line.money
    return amount


def _hosting(served: Billed, hours: float | None) -> CostLine:
    price = served.unit("hosting")
    if hours is None:
        return CostLine("hosting", served.name, "unknown", (price,), Money(0.0, None))
    money = price.times(hours, hours, per=1)
    return CostLine("hosting", served.name, f"{hours:,.1f} hours", (price,), money)
