"""One operation on one resource, as planned and as shown."""

from dataclasses import dataclass, field

from minipulumi.providers import Diff
from minipulumi.resources import Resource


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to a resource."""

    op: str  # same create update delete replace create-replacement delete-replaced import refresh
    old: Resource | None
    new: Resource | None
    diff: Diff | None = None
    keys: list[str] = field(default_factory=list[str])  # the properties to name in a row

    @property
    def resource(self) -> Resource:
        """The resource after the step, or before it if nothing is left."""
        resource = self.new or self.old
        assert resource
        return resource
