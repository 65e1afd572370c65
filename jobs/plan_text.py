"""A plan as people read it and as JSON carries it: the same facts in both."""

from collections.abc import Sequence

from jobs import output
from jobs.plan import SYMBOLS, Action, Plan
from jobs.preflight import Check
from jobs.target import Target

_LABEL = 9
REGIONS = {
    "eastus": "East US",
    "eastus2": "East US 2",
    "northcentralus": "North Central US",
    "southcentralus": "South Central US",
    "swedencentral": "Sweden Central",
    "westus": "West US",
    "westus3": "West US 3",
}


def target_line(target: Target, location: str) -> str:
    """Where it would happen, and who said so."""
    place = (
        f"{target.resource_group} / project {target.project} ({REGIONS.get(location, location)})"
    )
    return f"{'Target':<{_LABEL}}{place:<54}  from {target.origin}"


def check_lines(checks: Sequence[Check]) -> list[str]:
    """The preflight's verdicts, failures with what to do about them."""
    colours = {"pass": "green", "fail": "red", "unverified": "yellow"}
    lines: list[str] = []
    for index, check in enumerate(checks):
        label = "Checks" if index == 0 else ""
        verdict = output.style(f"{check.status:<10}", colours[check.status])
        rule = f"    [{check.rule}]" if check.rule and check.status == "fail" else ""
        lines.append(f"{label:<{_LABEL}}{verdict}  {check.message}{rule}")
        if check.status == "fail" and check.next_step:
            lines.append(f"{'':<{_LABEL}}{'':<12}{check.next_step}")
    return lines


def action_lines(plan: Plan) -> list[str]:
    """What happens, resource by resource and field by field."""
    actions = plan.actions
    types = max((len(action.type) for action in actions), default=0)
    names = max((len(action.name) for action in actions if len(action.name) <= 40), default=0)
    lines: list[str] = []
    for action in actions:
        symbol = f"{SYMBOLS[action.kind]:<3}"
        head = f"  {symbol} {action.type:<{types}}  {action.name:<{names}}"
        lines.append(output.style(f"{head}  {action.note}".rstrip(), _colour(action)))
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
        }
        for action in plan.actions
    ]


def checks_as_dict(checks: Sequence[Check]) -> list[dict[str, object]]:
    """The preflight as JSON carries it."""
    return [
        {
            "status": check.status,
            "subject": check.subject,
            "message": check.message,
            **({"next_step": check.next_step} if check.next_step else {}),
            **({"rule": check.rule} if check.rule else {}),
        }
        for check in checks
    ]


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
