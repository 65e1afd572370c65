"""What a service folder plugs in: its `__init__.py` names one `Service` as `SERVICE`."""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.arm.types import ResourceType
from emulator.http.routing import Plane, Route
from emulator.state.cloud import Cloud


def _nothing(cloud: Cloud) -> None:
    del cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Types, routes, hosts and tables of one of Azure's services."""

    name: str
    types: tuple[ResourceType, ...] = ()
    """Rows of the type table (management.azure.com)."""
    routes: tuple[Route, ...] = ()
    """Routes on management.azure.com that the type table can't say; they win over it."""
    planes: tuple[Plane, ...] = ()
    """Other host names."""
    namespaces: tuple[str, ...] = ()
    """Resource providers it knows beside those of its types."""
    schema: str = ""
    """SQL that creates its own tables."""
    start: Callable[[Cloud], None] = _nothing
    """Runs when the emulator starts: take up the background work that was left."""
    reset: Callable[[Cloud], None] = _nothing
    """Runs after everything was forgotten: what the service keeps outside the database."""
