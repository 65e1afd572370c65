"""What the project serves: each endpoint with the base model on whose dates its end depends."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.projects import Project
from jobs.look.inventory import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An endpoint and where its model comes from."""

    endpoint: Endpoint
    base_model: str
    """The registry's id of it; empty where the project doesn't tell."""
    is_tuned: bool


def served(found: Inventory, project: Project) -> Iterator[Served]:
    """Every endpoint of the project, foundry-tune's and others', by name."""
    models = {model.label: model for model in found.models}
    jobs = {job.name: job for job in found.jobs}
    for endpoint in sorted(found.endpoints, key=lambda endpoint: endpoint.name):
        if "/registries/" in endpoint.model_id:
            yield Served(endpoint=endpoint, base_model=endpoint.model_id, is_tuned=False)
            continue
        # The same name in another project is another model.
        own = f"/workspaces/{project.workspace_id}/".casefold() in endpoint.model_id.casefold()
        model = models.get(serves(endpoint)) if own else None
        job = jobs.get(model.job) if model else None
        base = (model.base_model if model else "") or (job.base_model if job else "")
        yield Served(endpoint=endpoint, base_model=base, is_tuned=True)
