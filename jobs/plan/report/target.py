"""The target line of a plan: where it would happen, and who said so."""

from jobs.catalog.catalog import region_name
from jobs.foundry.projects import Project
from jobs.plan.report import LABEL_WIDTH
from jobs.target.target import Target


def line(target: Target, project: Project) -> str:
    """Resource group, project and region, with the source of the choice."""
    region = region_name(project.location)
    place = f"{target.resource_group} / project {target.project} ({region})"
    return f"{'Target':<{LABEL_WIDTH}}{place:<54}  from {target.origin}"


def as_dict(target: Target, project: Project) -> dict[str, object]:
    """The same as JSON carries it."""
    return {
        "subscription_id": target.subscription_id,
        "resource_group": target.resource_group,
        "project": target.project,
        "location": project.location,
        "sources": dict(target.sources),
    }
