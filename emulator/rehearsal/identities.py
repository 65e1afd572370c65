"""Who exists in a fresh emulator. The ids are fixed; the secrets are new in every run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.state.tenant import TENANT

if TYPE_CHECKING:
    from emulator.state.cloud import Cloud

_PREFIX = "e0e0e0e0-0000-4000-8000-0000000000"

SUBSCRIPTION = f"{_PREFIX}02"
PLATFORM = (f"{_PREFIX}10", f"{_PREFIX}11")
"""Client id and object id of the platform team's identity: Owner of the subscription."""
DEVELOPER = (f"{_PREFIX}20", f"{_PREFIX}21")
"""Client id and object id of a developer's identity: no role until `pulumi up` assigns one."""
USER = f"{_PREFIX}31"
"""A person: somebody to assign roles to; people can't sign in here."""
GROUP = f"{_PREFIX}41"
"""A group with the developer in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a service principal signs in with."""

    tenant: str
    client_id: str
    object_id: str
    secret: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credential(client_id={self.client_id!r}, object_id={self.object_id!r})"


@dataclass(frozen=True, slots=True)
class Identities:
    """The credentials of one emulator run."""

    platform: Credential
    developer: Credential

    def seed(self, cloud: Cloud) -> None:
        """Write everybody into the directory, and make the subscription."""
        from emulator.arm.subscriptions import add_subscription  # ARM, which a shell need not load

        access = cloud.access
        for name, credential in (("platform", self.platform), ("developer", self.developer)):
            access.add_principal(
                "ServicePrincipal",
                name,
                id=credential.object_id,
                client_id=credential.client_id,
                secret=credential.secret,
            )
        access.add_principal("User", "Ada", id=USER)
        access.add_principal("Group", "Developers", id=GROUP)
        access.add_member(GROUP, self.developer.object_id)
        owner = access.principal(self.platform.object_id)
        if cloud.resources.get(f"/subscriptions/{SUBSCRIPTION}") is None:
            add_subscription(cloud, SUBSCRIPTION, owner=owner)


def new_identities() -> Identities:
    """Fresh secrets for the fixed identities."""
    return identities(platform=secrets.token_urlsafe(24), developer=secrets.token_urlsafe(24))


def identities(*, platform: str, developer: str) -> Identities:
    """The fixed identities with secrets of an earlier run."""
    return Identities(_credential(PLATFORM, platform), _credential(DEVELOPER, developer))


def _credential(ids: tuple[str, str], secret: str) -> Credential:
    return Credential(tenant=TENANT, client_id=ids[0], object_id=ids[1], secret=secret)
