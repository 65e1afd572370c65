"""Money as an interval, and the price of one unit: the catalogue's, or the spec's own."""

from dataclasses import dataclass

from jobs.catalog.catalog import Price, PriceKind, catalog
from jobs.spec.models import Prices


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
    """A price row, or its absence, ready to be multiplied and shown."""

    usd: float | None
    is_floor: bool
    words: str

    def times(self, low: float, high: float, *, per: float = 1e6) -> Money:
        """What from `low` to `high` units cost, where the price is for `per` of them."""
        if not high:
            return NOTHING
        if self.usd is None:
            return Money(0.0, None)
        return Money(low / per * self.usd, None if self.is_floor else high / per * self.usd)


_OWN_WORDS: dict[PriceKind, str] = {
    "training": "training_per_million_tokens",
    "hosting": "hosting_per_hour",
    "input": "input_per_million_tokens",
    "output": "output_per_million_tokens",
}
_UNITS: dict[PriceKind, str] = {
    "training": "1M training tokens",
    "hosting": "hour",
    "input": "1M tokens read",
    "output": "1M tokens written",
}


def unit_price(path: str, own: Prices | None, kind: PriceKind, *, is_tuned: bool) -> UnitPrice:
    """The price of a model's training tokens, hosting hours, or tokens read and written.

    What the spec's own `prices` say wins over the catalogue. `is_tuned`: of a fine-tuned model.
    """
    written = getattr(own, _OWN_WORDS[kind]) if own else None
    unit = _UNITS[kind]
    if own is not None and written is not None:
        words = f"{written:g} USD / {unit} (the spec: {own.source}, {own.as_of})"
        return UnitPrice(written, is_floor=False, words=words)
    known = catalog()
    row = known.price(known.model(path), kind)
    if row is None or row.usd is None:
        return UnitPrice(None, is_floor=False, words=f"price per {unit} unknown{_looked(row)}")
    # What a fine-tuned model's tokens cost is not published; the base model's price is a floor.
    floor = row.bound == "at_least" or (is_tuned and kind in ("input", "output"))
    prefix = "at least " if floor else ""
    words = f"{prefix}{row.usd:g} USD / {unit} ({_source(row)})"
    return UnitPrice(row.usd, is_floor=floor, words=words)


def _looked(row: Price | None) -> str:
    return f" (not in {_source(row)})" if row else ""


def _source(row: Price) -> str:
    source = catalog().sources.get(row.source, row.source)
    return source if f"{row.as_of}" in source else f"{source}, {row.as_of}"
