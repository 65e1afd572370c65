"""The whole answer of `plan`: target, data, checks, cost and actions."""

from jobs.errors import QualityError
from jobs.plan.deployments import UndeployStep
from jobs.plan.plan import Plan
from jobs.plan.preflight import failed
from jobs.plan.report import actions, checks, cost, data, refusals, target, uploads
from jobs.target.target import Target
from jobs.terminal import output


def lines(plan: Plan, place: Target, *, command: str = "") -> list[str]:
    """The plan as people read it; `command` is what would do it."""
    specs = plan.specs
    text = [target.line(place, plan.project)]
    text += data.lines(plan.desired.trainings, specs.data, specs.findings)
    text += uploads.lines(plan)
    text += checks.lines(plan.checks)
    if not plan.is_empty:
        text += cost.lines(specs.costs)
    text += ["", *actions.lines(plan)]
    text.append(actions.count_line(plan, command))
    return text


def as_dict(plan: Plan, place: Target) -> dict[str, object]:
    """The plan as JSON carries it."""
    specs = plan.specs
    return {
        "target": target.as_dict(place, plan.project),
        "date": plan.today.isoformat(),
        "data": data.as_dict(specs.data),
        "uploads": uploads.as_dict(plan),
        "findings": [finding.as_dict() for finding in specs.findings],
        "costs": cost.as_dict(specs.costs),
        "checks": checks.as_dict(plan.checks),
        "actions": actions.as_dict(plan),
        "refusals": refusals.as_dict(plan),
        "is_empty": plan.is_empty,
    }


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """0, or what somebody must look at first; 2 for changes where they are asked for."""
    if failed(plan.checks) or plan.spoiled:
        return 4
    if plan.blocked:
        return QualityError.exit_code if plan.refused else 4
    if plan.spends and any(one.verdict == "over" for one in plan.specs.costs):
        return 5
    return 2 if detailed and not plan.is_empty else 0


def question(plan: Plan) -> str:
    """What apply is about to spend, in a sentence to say yes to."""
    parts: list[str] = []
    if plan.trains:
        alone = len(plan.starts_training) == 1 and not plan.later
        models = "a model" if alone else "models"
        parts.append(f"trains {models} {cost.sentence(plan.specs.costs)}")
    if running := plan.starts_running:
        jobs = "a command job" if len(running) == 1 else f"{len(running)} command jobs"
        parts.append(f"runs {jobs} {cost.sentence(plan.specs.costs, 'computing')}")
    if plan.opens_endpoints:
        parts.append("opens an endpoint billed by the hour")
    if plan.deploys:
        machines = ", ".join(one.machines for one in plan.deploys)
        parts.append(f"starts {machines}, billed by the hour until taken down")
    if gone := sum(step.action.kind == "delete" for step in plan.steps):
        undeployed = any(isinstance(step, UndeployStep) for step in plan.steps)
        what = "deployment" if undeployed and not plan.desired.servings else "endpoint"
        parts.append(f"deletes {gone} {what}{'s' if gone > 1 else ''} of earlier revisions")
    if not parts:
        parts.append("changes what is there")
    return output.printable(f"This {' and '.join(parts)}.", 200)
