"""The action lines of a plan: what happens, resource by resource and field by field."""

from jobs.money.cost import rung_cost
from jobs.money.price import Money
from jobs.plan.plan import Plan
from jobs.plan.report.cost import cost_words
from jobs.plan.report.trials import cost_of, money_as_dict, pricing_of
from jobs.plan.steps import SYMBOLS, Action, LaterStep, Step, TrialStep
from jobs.terminal import output


def lines(plan: Plan) -> list[str]:
    """What happens, resource by resource and field by field."""
    actions = plan.actions
    types = max((len(action.type) for action in actions), default=0)
    names = max((len(action.name) for action in actions if len(action.name) <= 40), default=0)
    lines: list[str] = []
    for step in plan.steps:
        action, money = step.action, _cost(step, plan)
        symbol = f"{SYMBOLS[action.kind]:<3}"
        head = f"  {symbol} {action.type:<{types}}  {action.name:<{names}}"
        note = f"{action.note}; {cost_words(money)}" if money else action.note
        rule = f"    [{action.rule}]" if action.kind == "blocked" and action.next_step else ""
        lines.append(output.style(f"{head}  {note}{rule}".rstrip(), _colour(action)))
        lines += _change_lines(action)
        if action.kind == "blocked" and action.next_step:
            lines.append(f"       {action.next_step}")
    return lines


def count_line(plan: Plan, command: str = "") -> str:
    """How many of each, and the command that would do it."""
    if plan.is_empty:
        return "Nothing to do: Azure is as the spec says."
    counts = (
        f"{plan.count('create')} to create, {plan.count('update', 'replace')} to change, "
        f"{plan.count('delete')} to delete"
    )
    counts += f", {plan.evaluations} to evaluate." if plan.evaluations else "."
    if plan.blocked:
        return f"{counts}    {plan.count('blocked')} blocked."
    return f"{counts}\n    {command}" if command else counts


def as_dict(plan: Plan) -> list[dict[str, object]]:
    """The actions as JSON carries them."""
    return [
        {
            "action": action.kind,
            "type": action.type,
            "name": action.name,
            "note": action.note,
            "changes": [
                {"field": change.field, "before": change.before, "after": change.after}
                for change in action.changes
            ],
            **({"next_step": action.next_step} if action.next_step else {}),
            **({"rule": action.rule} if action.rule else {}),
            **({"cost": money_as_dict(money)} if (money := _cost(step, plan)) else {}),
        }
        for step in plan.steps
        for action in [step.action]
    ]


def _cost(step: Step, plan: Plan) -> Money | None:
    """What a trial that isn't there yet, or a rung of them, will cost at most."""
    if isinstance(step, TrialStep) and step.job is None:
        return cost_of(step, plan.specs)
    if isinstance(step, LaterStep) and step.rung and step.training:
        spec, specs = step.training.spec, plan.specs
        data = specs.data.get(spec.reference)
        return rung_cost(spec, step.rung, pricing_of(spec, specs), data).money
    return None


def _change_lines(action: Action) -> list[str]:
    width = max((len(change.field) for change in action.changes), default=0)
    return [
        f"         {change.field:<{width}}   {change.before or '(none)'} -> "
        f"{change.after or '(none)'}"
        for change in action.changes
    ]


def _colour(action: Action) -> str:
    return {
        "create": "green",
        "update": "yellow",
        "replace": "yellow",
        "unchanged": "dim",
        "delete": "red",
        "blocked": "red",
    }[action.kind]
