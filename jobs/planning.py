"""Making a plan: everything `plan` shows and `apply` rests on, read from files and from Azure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from jobs import actual, preflight
from jobs.actual import Actual
from jobs.desired import Desired
from jobs.foundry import projects
from jobs.opening import Opened, desired_of
from jobs.plan import Plan, decide
from jobs.preflight import Check

if TYPE_CHECKING:
    from jobs.foundry.projects import Project
    from jobs.foundry.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan with all it was made from."""

    opened: Opened
    desired: Desired
    project: "Project"
    actual: Actual
    checks: tuple[Check, ...]
    plan: Plan
    today: date


def make(
    session: "Session", opened: Opened, *, on: date | None = None, retrain: bool = False
) -> Planned:
    """Read everything and decide; nothing is written."""
    desired = desired_of(opened)
    project = projects.get(session)
    found = actual.look(session, project, desired)
    # Azure's own date, not this machine's: a rehearsal of the past has it, a wrong clock doesn't.
    today = on or session.arm.today or datetime.now(tz=UTC).date()
    plan = decide(desired, found, retrain=retrain)
    checks = preflight.check(session, project, desired, today) if not plan.is_empty else []
    return Planned(
        opened=opened,
        desired=desired,
        project=project,
        actual=found,
        checks=tuple(checks),
        plan=plan,
        today=today,
    )
