"""Removing a resource, with everything below it."""

from emulator.arm.types import TypeTable
from emulator.state.cloud import Cloud
from emulator.state.store import Resource


def remove(cloud: Cloud, resource: Resource) -> None:
    """Remove a resource and everything below it, with what their types do afterwards."""
    types = cloud.part(TypeTable)
    with cloud.database.transaction():
        for gone in [*cloud.resources.below(resource.id), resource]:
            cloud.resources.delete(gone.id)
            row = types.get(gone.type)
            if row is None:
                continue
            if row.identity:
                cloud.access.remove_managed_identity(gone.id)
            row.after_delete(cloud, gone)
        cloud.access.remove_below(resource.id)
