"""What things cost, and what they may cost: prices, budgets, caps."""

from typing import Annotated, Literal

from msgspec import Meta

from jobs.spec.document import Part


class UnitPrices(Part, frozen=True, kw_only=True):
    """What the units of one model cost, as far as you know; the rest is looked up further on."""

    training_per_million_tokens: (
        Annotated[float, Meta(description="USD for a million training tokens.", ge=0, le=1e6)]
        | None
    ) = None
    hosting_per_hour: (
        Annotated[float, Meta(description="USD for an hour of serving.", ge=0, le=1e6)] | None
    ) = None
    input_per_million_tokens: (
        Annotated[float, Meta(description="USD for a million tokens read.", ge=0, le=1e6)] | None
    ) = None
    output_per_million_tokens: (
        Annotated[float, Meta(description="USD for a million tokens written.", ge=0, le=1e6)] | None
    ) = None


class Prices(UnitPrices, frozen=True, kw_only=True):
    """Prices you know (the portal's "Pricing and terms" tab), for this document's model."""

    instance_per_hour: (
        Annotated[
            float,
            Meta(description="USD for an hour of a command job's machine.", ge=0, le=1e6),
        ]
        | None
    ) = None
    source: Annotated[str, Meta(description="Where you read them.", min_length=3)]
    as_of: Annotated[str, Meta(description="The day you read them, as 2026-11-23.")]


class Budget(Part, frozen=True, kw_only=True):
    """What a training with its endpoints, an endpoint or a command job may cost at most."""

    max_usd: Annotated[float, Meta(description="In US dollars.", gt=0, le=1e9)]
    hosting_hours: Annotated[
        float, Meta(description="Hours of serving that the budget has to cover.", ge=0, le=1e6)
    ] = 1
    covers: Annotated[
        Literal["priced", "everything"],
        Meta(
            description="`priced`: what has no known price is named and left out; `everything`: "
            "it is refused."
        ),
    ] = "priced"
    prices: Annotated[
        Prices | str | None,
        Meta(
            description="Prices you know, or the file of your team's; left out, the nearest "
            "prices.yaml. What neither has is the catalogue's."
        ),
    ] = None

    @property
    def own_prices(self) -> Prices | None:
        """The prices that are written right here."""
        return self.prices if isinstance(self.prices, Prices) else None


class Cap(Part, frozen=True, kw_only=True):
    """What an endpoint's revisions may cost in a month of the calendar; `watch` keeps it."""

    usd_per_month: Annotated[float, Meta(description="In US dollars.", gt=0, le=1e9)]
    take_down_served: Annotated[
        bool, Meta(description="At the cap what serves is taken down too, and not warned of only.")
    ] = False
