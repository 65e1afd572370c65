"""The check lines of a plan: what was looked at in Azure, and what stands in the way."""

from collections.abc import Sequence

from jobs.plan.preflight import Check
from jobs.plan.report import LABEL_WIDTH
from jobs.terminal import output


def lines(checks: Sequence[Check]) -> list[str]:
    """The preflight's verdicts, failures with what to do about them."""
    colours = {"pass": "green", "fail": "red", "unverified": "yellow"}
    lines: list[str] = []
    for index, check in enumerate(checks):
        label = "Checks" if index == 0 else ""
        verdict = output.style(f"{check.status:<10}", colours[check.status])
        rule = f"    [{check.rule}]" if check.rule and check.status == "fail" else ""
        lines.append(f"{label:<{LABEL_WIDTH}}{verdict}  {check.message}{rule}")
        if check.status == "fail" and check.next_step:
            lines.append(f"{'':<{LABEL_WIDTH}}{'':<12}{check.next_step}")
    return lines


def as_dict(checks: Sequence[Check]) -> list[dict[str, object]]:
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
