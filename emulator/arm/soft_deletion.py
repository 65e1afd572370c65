"""What a deleted resource leaves behind: a record from which it can be restored for a while."""

from dataclasses import dataclass

from emulator.state.cloud import Cloud
from emulator.state.ids import ResourceId, parse_id
from emulator.state.json_text import Json
from emulator.state.store import Resource

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Remains:
    """A soft-deleted resource: as it was, when it was deleted, and when Azure purges it."""

    resource: Resource
    deleted_at: float
    purged_at: float


class SoftDeletion:
    """The soft-deleted resources of one type, by id."""

    def __init__(self, collection: str) -> None:
        self._collection = collection

    def keep(self, cloud: Cloud, resource: Resource, days: float) -> None:
        """Remember a resource that was deleted."""
        now = cloud.clock.timestamp()
        cloud.database.documents(self._collection).put(
            resource.id.key,
            {
                "id": resource.id.text,
                "type": resource.type,
                "body": resource.body,
                "private": resource.private,
                "created_at": resource.created_at,
                "created_by": resource.created_by,
                "deleted_at": now,
                "purged_at": now + days * _DAY,
            },
        )

    def find(self, cloud: Cloud, id: ResourceId) -> Remains | None:
        """What a resource left, if it is not purged yet."""
        document = cloud.database.documents(self._collection).get(id.key)
        return self._read(cloud, document) if document else None

    def named(self, cloud: Cloud, name: str) -> Remains | None:
        """What a resource with a name left, wherever it was."""
        for remains in self.all(cloud):
            if remains.resource.name.lower() == name.lower():
                return remains
        return None

    def all(self, cloud: Cloud, subscription: str = "") -> list[Remains]:
        """Everything that was left in a subscription, or anywhere."""
        prefix = f"/subscriptions/{subscription.lower()}/" if subscription else ""
        items = cloud.database.documents(self._collection).items(prefix)
        found = [self._read(cloud, document) for _, document in items]
        return [remains for remains in found if remains is not None]

    def purge(self, cloud: Cloud, id: ResourceId) -> None:
        """Forget a resource for good (also when it is restored)."""
        cloud.database.documents(self._collection).delete(id.key)

    def _read(self, cloud: Cloud, document: Json) -> Remains | None:
        if document["purged_at"] <= cloud.clock.timestamp():
            return None
        resource = Resource(
            id=parse_id(document["id"]),
            type=document["type"],
            body=document["body"],
            private=document["private"],
            created_at=document["created_at"],
            changed_at=document["deleted_at"],
            created_by=document["created_by"],
        )
        return Remains(resource, document["deleted_at"], document["purged_at"])
