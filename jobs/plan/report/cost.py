"""The cost lines of a plan: training, hosting and the rest, and how they stand to the budget."""

from collections.abc import Sequence

from jobs.money.cost import COMPUTING, Cost
from jobs.money.price import NOTHING, Money, origin
from jobs.plan.report import LABEL_WIDTH
from jobs.terminal.findings import joined


def lines(costs: Sequence[Cost]) -> list[str]:
    """One line a fine-tuning; `foundry-tune cost` has the prices it rests on."""
    several = len(costs) > 1
    text = [_line(cost, named=several) for cost in costs]
    if origins := _origins(costs):
        rest = any(price.written is None for cost in costs for price in cost.prices)
        of_rest = "; the rest of the catalogue" if rest else ""
        text.append(f"prices of {joined(origins)}{of_rest}")
    return [
        f"{'Cost' if index == 0 else '':<{LABEL_WIDTH}}{line}" for index, line in enumerate(text)
    ]


def sentence(costs: Sequence[Cost], what: str = "training") -> str:
    """What jobs cost, for the question before them: `(0.30 – 0.35 USD)`."""
    total = NOTHING
    for cost in costs:
        for line in cost.lines:
            if line.what == what:
                total += line.money
    if total.high is None and total.low < 0.005:
        words = "published" if what == "training" else "wrote down, or for a time without a limit"
        return f"(at a price that nobody {words})"
    return f"({total})"


def as_dict(costs: Sequence[Cost]) -> list[dict[str, object]]:
    """The same as JSON carries it."""
    return [
        {
            "document": cost.reference,
            "currency": "USD",
            "lines": [
                {
                    "what": line.what,
                    "prices": [price.as_dict() for price in line.prices],
                    "low": line.money.low,
                    "high": line.money.high,
                }
                for line in cost.lines
            ],
            "low": cost.total.low,
            "high": cost.total.high,
            "budget_max_usd": cost.budget.max_usd if cost.budget else None,
            "verdict": cost.verdict,
        }
        for cost in costs
    ]


def _line(cost: Cost, *, named: bool) -> str:
    shown: list[str] = []
    for what in _SHOWN:
        found = [line.money for line in cost.lines if line.what == what]
        if found:
            trials = " (all trials)" if len(found) > 1 and what == "training" else ""
            shown.append(f"{what}{trials} {_words(cost, what, _together(found))}")
    rest = [line.money for line in cost.lines if line.what not in _SHOWN]
    if rest:
        shown.append(f"tests {cost_words(_together(rest))}")
    if cost.budget:
        rule = "    [FT-C013]" if cost.verdict == "over" else ""
        shown.append(f"budget {cost.budget.max_usd:g} USD: {cost.verdict}{rule}")
        if cost.uncovered:
            shown.append(f"not covered: {cost.uncovered}")
    text = "    ".join(shown)
    return f"{cost.reference}: {text}" if named else text


_SHOWN = ("training", "computing", "hosting", "judge")


def _words(cost: Cost, what: str, money: Money) -> str:
    """An amount; where the price is known and the time isn't, that."""
    lines = [line for line in cost.lines if line.what == what]
    if what == COMPUTING and money.high is None and all(p.usd for one in lines for p in one.prices):
        return "without an upper end (no limits.timeout)"
    return cost_words(money)


def _together(amounts: Sequence[Money]) -> Money:
    return sum(amounts, NOTHING)


def _origins(costs: Sequence[Cost]) -> list[str]:
    """Where specs and teams have the prices that are used: for each file the first place."""
    first: dict[str, str] = {}
    for cost in costs:
        for price in cost.prices:
            if price.written:
                file = price.written.place.rpartition(":")[0]
                first.setdefault(file, origin(price.written))
    return list(first.values())


def cost_words(money: Money) -> str:
    """An amount, or that nobody published its price: unknown is not nothing."""
    return "price unknown" if str(money) == "unknown" else str(money)
