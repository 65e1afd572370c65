"""What a plan says of an endpoint's end: its time to live, its cap, what it can cost at most."""

from datetime import datetime, timedelta

from jobs.money.price import UnitPrice
from jobs.spec.budget import Cap


def limits(
    ttl: str | None, lives: timedelta | None, cap: Cap | None, hourly: UnitPrice | None, count: int
) -> str:
    """`; ends 8h after it is made, 80.00 USD of hosting at most`, as far as a document says.

    `hourly` is what an hour of each of `count` costs, where that is known.
    """
    said = ""
    if lives is not None:
        hours = count * (lives / timedelta(hours=1))
        known = hourly if hourly and hourly.usd is not None else None
        most = f", {known.times(hours, hours, per=1)} of hosting at most" if known else ""
        said += f"; ends {ttl} after it is made{most}"
    if cap:
        said += f"; at most {cap.usd_per_month:,.2f} USD a month, kept by foundry-tune watch"
    return said


def at(made: datetime | None, lives: timedelta | None) -> str:
    """When what is there ends; empty where its document, or Azure, doesn't say."""
    return "" if lives is None or made is None else f"ends {made + lives:%Y-%m-%d %H:%M} UTC"
