"""The guards of the configuration: budget, locks, protection, diagnostics, alerts, tags."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from infra.config_values import Findings, Key, MapReader

KEYS: Mapping[str, Key] = {
    "budget": Key(
        "What the resource group may cost a month, and who is told by e-mail. It stops nothing.",
        "a map of `amount` (a number above 0, in the subscription's currency), `emails` (at least "
        "one), `alerts` (percent spent, up to 1000) and `forecast` (percent that the month is "
        "going to reach); at most 5 of both",
        "none; alerts 50, 80, 100; forecast 100",
        "budget:\n  amount: 500\n  emails: [platform@example.com]\n  alerts: [50, 80, 100]\n"
        "  forecast: [100]",
    ),
    "locks": Key(
        "Whether Azure refuses to delete storage, vault, AI Services and hub, and with them the "
        "group. `pulumi destroy` takes the locks off first.",
        "true, false",
        "false",
        "locks: true",
    ),
    "protect": Key(
        "Whether Pulumi refuses to delete or replace storage, vault, AI Services and hub, also in "
        "`pulumi destroy`.",
        "true, false",
        "false",
        "protect: true",
    ),
    "diagnostics": Key(
        "Logs and metrics of hub, vault, storage and AI Services in a Log Analytics workspace, and "
        "Application Insights for the hub.",
        "a map of `retentionDays` (30 to 730); `{}` takes the default",
        "none; retentionDays 30",
        "diagnostics:\n  retentionDays: 90",
    ),
    "alerts": Key(
        "Who is told by e-mail what becomes of models behind AI Services in 15 minutes, and that a "
        "serverless endpoint came or went: see [alerts](#alerts).",
        "a map of `emails` (at least one), `errors` (calls that end with 429 or 5xx), `latency` "
        "(seconds to the end of an answer, on average) and `refusals` (by the content filter), "
        "each a whole number to be told above",
        "none; errors 10, latency 30, refusals 20",
        "alerts:\n  emails: [oncall@example.com]\n  errors: 10\n  latency: 30\n  refusals: 20",
    ),
    "requiredTags": Key(
        "Tags that `tags` must have: the rule of your company.",
        "a list of names",
        "none",
        "requiredTags: [owner]",
    ),
}

MOST_ALERTS = 5  # notifications of one budget (Azure's limit)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a month may cost, in the subscription's currency; thresholds are percent of that."""

    amount: float
    emails: tuple[str, ...]
    alerts: tuple[float, ...]
    forecast: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Where logs and metrics go."""

    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Who is told, and above how much in 15 minutes."""

    emails: tuple[str, ...]
    errors: int
    latency: int
    """Seconds."""
    refusals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What watches over an environment."""

    budget: Budget | None = None
    locks: bool = False
    protect: bool = False
    diagnostics: Diagnostics | None = None
    alerts: Alerts | None = None
    required_tags: tuple[str, ...] = ()


class Reader(Findings, Protocol):
    """Where the values are from."""

    def boolean(self, key: str, *, default: bool) -> bool:
        """A key that is true or false."""
        ...


def read(reader: Reader) -> Guards:
    """Read the keys of this subject."""
    return Guards(
        budget=_budget(reader),
        locks=reader.boolean("locks", default=False),
        protect=reader.boolean("protect", default=False),
        diagnostics=_diagnostics(reader),
        alerts=_alerts(reader),
        required_tags=_required_tags(reader),
    )


def check_tags(guards: Guards, tags: Mapping[str, str], to: Findings) -> None:
    """Find the required tags that are missing or empty; Azure compares their names without case."""
    given = {name.lower() for name, text in tags.items() if text.strip()}
    for name in guards.required_tags:
        if name.lower() not in given:
            to.find(f"tags.{name}", "missing, and `requiredTags` asks for it", f"Add {name}: …")


def _budget(reader: Reader) -> Budget | None:
    value = reader.value("budget", None)
    if value is None:
        return None
    values = MapReader("budget", value, ("amount", "emails", "alerts", "forecast"), reader)
    budget = Budget(
        amount=values.number("amount", "amount: 500"),
        emails=_emails(values, "platform@example.com"),
        alerts=values.numbers("alerts", (50, 80, 100), 1000),
        forecast=values.numbers("forecast", (100,), 1000),
    )
    if len(budget.alerts) + len(budget.forecast) > MOST_ALERTS:
        what = f"more than {MOST_ALERTS} together with `forecast`, which is Azure's limit"
        values.find("alerts", what, "Remove some: alerts: [50, 80, 100]")
    return budget


def _diagnostics(reader: Reader) -> Diagnostics | None:
    value = reader.value("diagnostics", None)
    if value is None:
        return None
    values = MapReader("diagnostics", value, ("retentionDays",), reader)
    return Diagnostics(retention_days=values.integer("retentionDays", 30, 730, 30))


def _alerts(reader: Reader) -> Alerts | None:
    value = reader.value("alerts", None)
    if value is None:
        return None
    known = ("emails", "errors", "latency", "refusals")
    values = MapReader("alerts", _without_idle(value, reader), known, reader)
    return Alerts(
        emails=_emails(values, "oncall@example.com"),
        errors=values.integer("errors", 1, 1_000_000, 10),
        latency=values.integer("latency", 1, 3600, 30),
        refusals=values.integer("refusals", 1, 1_000_000, 20),
    )


def _without_idle(value: object, to: Findings) -> object:
    """The alerts but one that everybody would like, and that Azure can't give."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, object]", value)
    if "idle" not in given:
        return given
    what = "Azure Monitor has no metric of a serverless endpoint, and none where nobody asks"
    step = "Leave it out: `foundry-tune monitor` tells idle hours and what they cost."
    to.find("alerts.idle", what, step)
    return {name: each for name, each in given.items() if name != "idle"}


def _emails(values: MapReader, example: str) -> tuple[str, ...]:
    return values.texts("emails", EMAIL, "an e-mail address", example, required=True)


def _required_tags(reader: Reader) -> tuple[str, ...]:
    value = reader.value("requiredTags", [])
    names = cast("list[object]", value) if isinstance(value, list) else [value]
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in names):
        reader.find("requiredTags", f"{value!r} isn't a list of names", "Write [owner, costCenter]")
        return ()
    return tuple(str(name) for name in names)
