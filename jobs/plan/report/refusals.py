"""What stands in the way of an apply, each with its rule: the reasons of a plan's exit code."""

from collections.abc import Iterator
from typing import NamedTuple

from jobs.plan.plan import Plan
from jobs.plan.preflight import failed


class Obstacle(NamedTuple):
    """One thing that stands in the way."""

    rule: str
    """Its stable id, explained by `foundry-tune explain`; empty where none is told."""
    message: str
    """One sentence, or what was looked at and found."""
    next_step: str


def refusals(plan: Plan) -> list[Obstacle]:
    """Everything that stands in the way; none of a plan that ends with 0, or 2 for changes."""
    return [*_checks(plan), *_uploads(plan), *_blocked(plan), *_budgets(plan)]


def as_dict(plan: Plan) -> list[dict[str, str]]:
    """The same as JSON carries it."""
    return [one._asdict() for one in refusals(plan)]


def _checks(plan: Plan) -> Iterator[Obstacle]:
    for check in failed(plan.checks):
        yield Obstacle(check.rule, check.message, check.next_step)


def _uploads(plan: Plan) -> Iterator[Obstacle]:
    for label in sorted(plan.spoiled):
        yield Obstacle(
            "FT-R012",
            f"data '{label}' isn't uploaded as its name says.",
            "Upload it anew: foundry-tune apply SPEC --verify-data",
        )


def _blocked(plan: Plan) -> Iterator[Obstacle]:
    for action in plan.blocked:
        yield Obstacle(action.rule, action.sentence, action.next_step)


def _budgets(plan: Plan) -> Iterator[Obstacle]:
    for cost in plan.specs.costs if plan.spends else ():
        if cost.budget and cost.verdict == "over":
            yield Obstacle(
                "FT-C013",
                f"{cost.reference} costs {cost.total}, and its budget is "
                f"{cost.budget.max_usd:g} USD.",
                "Fewer epochs, less data, or a larger budget.max_usd.",
            )
