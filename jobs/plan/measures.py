"""Deciding what an evaluation comes to in a plan: held, passed already, or in need of something."""

from jobs.plan.desired import Measuring
from jobs.plan.steps import Action, MeasureStep, Step


def measure_step(measuring: Measuring, needs: tuple[Step, ...], *, passed: bool) -> MeasureStep:
    """An evaluation's step; `passed` as things are, which it isn't held again for."""
    name = measuring.name
    action = Action(kind="unchanged", type="evaluation", name=name)
    blocked = next((need for need in needs if need.action.kind == "blocked"), None)
    if blocked is not None:
        note, rule = f"needs the {blocked.action.type}", blocked.action.rule
        action = Action(kind="blocked", type="evaluation", name=name, note=note, rule=rule)
    elif not passed:
        action = Action(kind="create", type="evaluation", name=name, note=_held_to(measuring))
    return MeasureStep(action=action, needs=needs, measuring=measuring)


def _held_to(measuring: Measuring) -> str:
    gates = ", ".join(f"{metric} {gate}" for metric, gate in measuring.spec.gates.items())
    note = gates or "no gates"
    return f"{note}; {measuring.judge.words}" if measuring.judge else note
