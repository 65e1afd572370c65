"""The whole answer of `plan`: target, data, checks, cost and actions, as text and as JSON."""

from jobs import output, plan_cost, plan_data, plan_text
from jobs.planning import Planned
from jobs.preflight import failed
from jobs.target import Target


def lines(planned: Planned, target: Target, *, command: bool = True) -> list[str]:
    """The plan as people read it, with the command that would do it."""
    text = [plan_text.target_line(target, planned.project.location)]
    text += plan_data.lines(planned.desired.trainings, planned.opened.data, planned.opened.findings)
    if not planned.plan.is_empty:
        text += plan_text.check_lines(planned.checks)
        text += plan_cost.lines(planned.opened.costs)
    text += ["", *plan_text.action_lines(planned.plan)]
    apply = f"foundry-tune apply {' '.join(planned.opened.files)}" if command else ""
    text.append(plan_text.count_line(planned.plan, apply))
    return text


def as_dict(planned: Planned, target: Target) -> dict[str, object]:
    """The plan as JSON carries it."""
    return {
        "target": {
            "subscription_id": target.subscription_id,
            "resource_group": target.resource_group,
            "project": target.project,
            "location": planned.project.location,
            "sources": dict(target.sources),
        },
        "date": planned.today.isoformat(),
        "data": plan_data.as_dict(planned.opened.data),
        "findings": [finding.as_dict() for finding in planned.opened.findings],
        "costs": plan_cost.as_dict(planned.opened.costs),
        "checks": plan_text.checks_as_dict(planned.checks),
        "actions": plan_text.as_dict(planned.plan),
        "is_empty": planned.plan.is_empty,
    }


def exit_code(planned: Planned, *, detailed: bool) -> int:
    """0, or what would stop an apply; 2 for changes where they are asked for."""
    if failed(planned.checks) or planned.plan.blocked:
        return 4
    if spends(planned) and any(cost.verdict == "over" for cost in planned.opened.costs):
        return 5
    return 2 if detailed and not planned.plan.is_empty else 0


def spends(planned: Planned) -> bool:
    """Whether applying would start to cost something."""
    return bool(planned.plan.starts_training or planned.plan.opens_endpoints)


def summary(planned: Planned) -> str:
    """What apply is about to spend, in a sentence to say yes to."""
    parts: list[str] = []
    if planned.plan.starts_training:
        models = "a model" if len(planned.plan.starts_training) == 1 else "models"
        parts.append(f"trains {models} {plan_cost.sentence(planned.opened.costs)}")
    if planned.plan.opens_endpoints:
        parts.append("opens an endpoint billed by the hour")
    if not parts:
        parts.append("changes what is there")
    return output.printable(f"This {' and '.join(parts)}.", 200)
