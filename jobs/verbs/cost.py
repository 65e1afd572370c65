"""What a spec would cost: training, hosting, smoke tests and evaluation, each with its price row.

Tokens are counted with the model's tokenizer where the spec (or --tokenizer) names it, and are an
interval where it does not. A price is the spec's own (budget.prices), else the team's (the nearest
prices.yaml), else the catalogue's; one that nobody published is unknown, and never taken for 0.
Exit code 5 if a budget is exceeded, or can't be held because a price is unknown.
"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jobs.options import add_date, add_output, add_specs

if TYPE_CHECKING:
    from jobs.money.cost import Cost


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command line."""
    add_specs(parser)
    add_output(parser)
    add_date(parser)
    parser.add_argument("--tokenizer", metavar="FILE", help="the model's tokenizer.json")


def run(arguments: Namespace) -> int:
    """Estimate, show, and hold the budget."""
    from jobs.errors import InvalidInputError
    from jobs.money.cost import hold
    from jobs.read.examine import examine
    from jobs.read.paths import spec_paths
    from jobs.terminal.output import emit_structured, tell

    specs = examine(
        spec_paths(arguments),
        on=arguments.date,
        overrides=arguments.overrides,
        near=False,
        tokenizer=arguments.tokenizer,
    )
    broken = [f for f in specs.findings if f.severity == "error" and f.rule[3] == "S"]
    if broken:
        raise InvalidInputError(
            "There is no cost without a right spec and price list.", findings=broken
        )
    costs = specs.costs
    if arguments.output == "table":
        tell("\n".join(line for cost in costs for line in _lines(cost)) or "Nothing that costs.")
    else:
        emit_structured({"costs": [_record(cost) for cost in costs]}, arguments.output)
    hold(costs)
    return 0


def _lines(cost: "Cost") -> list[str]:
    from jobs.terminal.output import style, table

    rows = [(line.what, str(line.money), line.quantity) for line in cost.lines]
    total = f"total  {cost.total}"
    if cost.budget:
        total += f"    budget {cost.budget.max_usd:,.2f} USD: {cost.verdict}"
    return [
        style(cost.reference, "bold"),
        table(rows, indent="  "),
        *(f"    {price.words}" for price in cost.prices),
        f"  {total}",
        *([f"  not covered by the budget: {cost.uncovered}"] if cost.uncovered else []),
    ]


def _record(cost: "Cost") -> dict[str, object]:
    return {
        "document": cost.reference,
        "currency": "USD",
        "lines": [
            {
                "what": line.what,
                "document": line.reference,
                "quantity": line.quantity,
                "prices": [price.as_dict() for price in line.prices],
                "low": round(line.money.low, 6),
                "high": None if line.money.high is None else round(line.money.high, 6),
            }
            for line in cost.lines
        ],
        "low": round(cost.total.low, 6),
        "high": None if cost.total.high is None else round(cost.total.high, 6),
        "budget_max_usd": cost.budget.max_usd if cost.budget else None,
        "verdict": cost.verdict,
        "not_covered": list(dict.fromkeys(line.what for line in cost.unknown)),
    }
