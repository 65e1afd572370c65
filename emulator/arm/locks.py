"""What management locks keep from being deleted or written.

A lock holds for its scope and all below it. A delete is refused as well when something below is
locked, as the deletion of a resource group with a locked resource in it. Data (blobs) isn't held.
"""

from emulator.state.cloud import Cloud
from emulator.state.errors import AzureError
from emulator.state.ids import ResourceId
from emulator.state.store import Resource

LOCK = "Microsoft.Authorization/locks"
CAN_NOT_DELETE = "CanNotDelete"
READ_ONLY = "ReadOnly"


def refuse_locked(cloud: Cloud, id: ResourceId, *, deletes: bool, whole: bool = True) -> None:
    """Refuse a write to, or the deletion of, what a lock holds (409 ScopeLocked).

    `whole`: what is deleted is the scope with all in it, and not only a role assignment on it.
    """
    if LOCK.lower() in id.type.lower():
        return
    held = [lock for lock in cloud.resources.of_type(LOCK, id.subscription) if _holds(lock, id)]
    if deletes and whole:
        held += [lock for lock in cloud.resources.below(id, LOCK) if lock not in held]
    if not deletes:
        held = [lock for lock in held if lock.properties["level"] == READ_ONLY]
    if not held:
        return
    scopes = ", ".join(sorted({f"'{lock.id.parent.text}'" for lock in held if lock.id.parent}))
    verb = "delete" if deletes else "write"
    raise AzureError(
        409,
        "ScopeLocked",
        f"The scope '{id.text}' cannot perform {verb} operation because following scope(s) are "
        f"locked: {scopes}. Please remove the lock and try again.",
    )


def _holds(lock: Resource, id: ResourceId) -> bool:
    return lock.id.parent is not None and id.within(lock.id.parent)
