"""Money as an interval, and the price of one unit: the spec's own, the team's, the catalogue's."""

from dataclasses import dataclass

from jobs.catalog.catalog import Price, PriceKind, catalog
from jobs.spec.command import Command
from jobs.spec.models import FineTuning, ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.prices import TeamPrices, WrittenPrice
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of US dollars that lies between two ends; the upper one may be unknown."""

    low: float
    high: float | None

    def __add__(self, other: "Money") -> "Money":
        known = self.high is not None and other.high is not None
        high = (self.high or 0) + (other.high or 0) if known else None
        return Money(self.low + other.low, high)

    def __str__(self) -> str:
        if self.high is None:
            return f"at least {usd(self.low)} USD" if self.low >= 0.005 else "unknown"
        low, high = usd(self.low), usd(self.high)
        return f"{low} USD" if low == high else f"{low} – {high} USD"


NOTHING = Money(0.0, 0.0)


def usd(amount: float) -> str:
    """An amount with cents and thousands: `1,234.50`."""
    return f"{amount:,.2f}"


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What a unit costs and who says so, ready to be multiplied and shown."""

    kind: PriceKind
    usd: float | None
    is_floor: bool
    words: str
    """`3 USD / 1M training tokens (prices.yaml:3, as of 2026-10-01)`."""
    written: WrittenPrice | None = None
    """Where the spec or the team has it; None where it is the catalogue's, or unknown."""

    def times(self, low: float, high: float, *, per: float = 1e6) -> Money:
        """What from `low` to `high` units cost, where the price is for `per` of them."""
        if not high:
            return NOTHING
        if self.usd is None:
            return Money(0.0, None)
        return Money(low / per * self.usd, None if self.is_floor else high / per * self.usd)

    def as_dict(self) -> dict[str, object]:
        """The price as JSON carries it."""
        return {
            "unit": _UNITS[self.kind],
            "usd": self.usd,
            "at_least": self.is_floor,
            "from": origin(self.written) if self.written else "the catalogue",
            "words": self.words,
        }


FIELDS: dict[PriceKind, str] = {
    "training": "training_per_million_tokens",
    "hosting": "hosting_per_hour",
    "input": "input_per_million_tokens",
    "output": "output_per_million_tokens",
    "instance": "instance_per_hour",
}
"""The word of price lists for each kind of price."""

_UNITS: dict[PriceKind, str] = {
    "training": "1M training tokens",
    "hosting": "hour",
    "input": "1M tokens read",
    "output": "1M tokens written",
    "instance": "hour of a machine",
}


@dataclass(frozen=True, slots=True)
class Pricing:
    """What one document's model costs: as its spec says, else the team, else the catalogue."""

    chapter: Chapter
    """The fine-tuning, or the endpoint of a model from elsewhere: whose budget has prices."""
    model: str
    is_tuned: bool
    """Whether it is a fine-tuned model."""
    team: TeamPrices | None

    def unit(self, kind: PriceKind) -> UnitPrice:
        """The price of training tokens, hosting hours, or tokens read and written."""
        written = _own(self.chapter, kind)
        if written is None and self.team is not None:
            written = self.team.price(self.model, FIELDS[kind])
        if written is None:
            return of_catalogue(self.model, kind, is_tuned=self.is_tuned)
        words = f"{written.usd:g} USD / {_UNITS[kind]} ({origin(written)})"
        return UnitPrice(kind, written.usd, is_floor=False, words=words, written=written)


def instance_price(chapter: Chapter, machine: str, team: TeamPrices | None) -> UnitPrice:
    """What an hour of a command job's machine costs: as its spec says, else the team.

    The catalogue has none: prices of machines differ by agreement, region and day.
    """
    written = _own(chapter, "instance") or (team.instance_price(machine) if team else None)
    of = f"an hour of {machine or 'a machine that Azure chooses'}"
    if written is None:
        return UnitPrice("instance", None, is_floor=False, words=f"price for {of} unknown")
    words = f"{written.usd:g} USD for {of} ({origin(written)})"
    return UnitPrice("instance", written.usd, is_floor=False, words=words, written=written)


def _own(chapter: Chapter, kind: PriceKind) -> WrittenPrice | None:
    spec = chapter.spec
    assert isinstance(
        spec, FineTuning | TrainingJob | ServerlessEndpoint | OnlineEndpoint | Command
    )
    own = spec.budget.own_prices if spec.budget else None
    usd: float | None = getattr(own, FIELDS[kind]) if own else None
    if own is None or usd is None:
        return None
    place = chapter.place(("budget", "prices", FIELDS[kind]))
    return WrittenPrice(usd, place, own.as_of, own.source)


def origin(written: WrittenPrice) -> str:
    """Where a price is written, and of when it is: `prices.yaml:3, as of 2026-10-01`."""
    source = f", from {written.source}" if written.source else ""
    return f"{written.place}, as of {written.as_of}{source}"


def of_catalogue(path: str, kind: PriceKind, *, is_tuned: bool) -> UnitPrice:
    """The catalogue's price of a model's unit, where no spec and no team says one."""
    known = catalog()
    unit = _UNITS[kind]
    row = known.price(known.model(path), kind)
    if row is None or row.usd is None:
        words = f"price per {unit} unknown{_looked(row)}"
        return UnitPrice(kind, None, is_floor=False, words=words)
    # What a fine-tuned model's tokens cost is not published; the base model's price is a floor.
    floor = row.bound == "at_least" or (is_tuned and kind in ("input", "output"))
    prefix = "at least " if floor else ""
    words = f"{prefix}{row.usd:g} USD / {unit} ({_source(row)})"
    return UnitPrice(kind, row.usd, is_floor=floor, words=words)


def _looked(row: Price | None) -> str:
    return f" (not in {_source(row)})" if row else ""


def _source(row: Price) -> str:
    source = catalog().sources.get(row.source, row.source)
    return source if f"{row.as_of}" in source else f"{source}, {row.as_of}"
