"""Every name in the environment, derived from the configuration and the subscription alone.

Explicit names make the environment predictable in a review and recoverable by hand. Names that
are taken worldwide (storage account, key vault, AI Services) end in five letters of a hash of the
subscription, so that two teams that choose the same words don't collide.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass

# What every role assignment's name is derived under; changing it renames them all.
ROLE_ASSIGNMENTS = uuid.UUID("7d1e7a2c-3f0b-5b0e-9f8e-3d7a3b1d6c55")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What everything in one environment is called."""

    resource_group: str
    storage_account: str
    key_vault: str
    ai_services: str
    connection: str
    hub: str
    identity: str
    """What the names of the pipelines' identities start with."""
    logs: str
    insights: str


def names(workload: str, environment: str, subscription_id: str) -> Names:
    """Name the parts of `workload` in `environment`, unique to the subscription."""
    suffix = unique_suffix(subscription_id)
    return Names(
        resource_group=f"rg-{workload}-{environment}",
        storage_account=f"st{workload}{environment}{suffix}",
        key_vault=f"kv-{workload}-{environment}-{suffix}",
        ai_services=f"ais-{workload}-{environment}-{suffix}",
        connection="ai-services",
        hub=f"hub-{workload}-{environment}",
        identity=f"id-{workload}-{environment}",
        logs=f"log-{workload}-{environment}",
        insights=f"appi-{workload}-{environment}",
    )


def unique_suffix(subscription_id: str) -> str:
    """Five lower case letters and digits that stand for the subscription."""
    digest = hashlib.sha256(subscription_id.lower().encode()).digest()
    return base64.b32encode(digest).decode().lower()[:5]


def role_assignment_name(scope: str, principal_id: str, role: str, own: str = "") -> str:
    """The GUID of a role assignment: the same for the same three, so an `up` finds its own.

    `own` tells a stack's from another's on what was there already, which several may use.

    Left to itself azure-native draws a random one, and a lost state would then end in Azure's
    RoleAssignmentExists. Azure compares ids without regard to case, and so does this.
    """
    named = "|".join(filter(None, (scope, principal_id, role, own)))
    return str(uuid.uuid5(ROLE_ASSIGNMENTS, named.lower()))
