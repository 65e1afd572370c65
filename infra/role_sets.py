"""Who tunes, serves, calls, reads or watches: what each may do, and by which roles.

No built-in role tells tuning from serving, or calling from either: Azure AI Developer does all of
it, and Reader reads no key. So four of the sets are custom roles of the resource group, with the
actions that foundry-tune's verbs take (tests/integration/jobs/test_roles_and_verbs.py runs them).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from infra import roles

RoleSet = Literal["tunes", "serves", "calls", "reads", "watches"]
ROLE_SETS: tuple[RoleSet, ...] = get_args(RoleSet)

# What the GUIDs of custom roles are derived under; changing it makes them all anew.
_CUSTOM_ROLES = uuid.UUID("4b9f6c52-8d4f-5a55-8e0b-0b8d1f0c7e21")
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"

_WHO_AM_I = (
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleDefinitions/read",
)
"""What `plan` and `doctor` ask about oneself."""

_LOOK = (*_WHO_AM_I, f"{_WORKSPACES}/read", f"{_WORKSPACES}/*/read")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomRole:
    """A role that Azure has none for."""

    description: str
    actions: tuple[str, ...]


CUSTOM: Mapping[str, CustomRole] = {
    "tunes": CustomRole(
        description="Uploads data and code, submits and cancels jobs, registers and deletes "
        "models; makes no endpoint and reads no key.",
        actions=(
            *_LOOK,
            f"{_WORKSPACES}/data/write",
            f"{_WORKSPACES}/data/versions/write",
            # A command job's script is a version of a code asset; it may have an environment too.
            f"{_WORKSPACES}/codes/versions/write",
            f"{_WORKSPACES}/environments/versions/write",
            f"{_WORKSPACES}/jobs/write",
            f"{_WORKSPACES}/jobs/cancel/action",
            f"{_WORKSPACES}/experiments/runs/write",
            f"{_WORKSPACES}/models/write",
            f"{_WORKSPACES}/models/versions/write",
            f"{_WORKSPACES}/models/versions/delete",
        ),
    ),
    "serves": CustomRole(
        description="Makes and deletes endpoints, proves them, lets names follow them and reads "
        "their numbers; submits no job.",
        actions=(
            *_LOOK,
            f"{_WORKSPACES}/serverlessEndpoints/write",
            f"{_WORKSPACES}/serverlessEndpoints/delete",
            f"{_WORKSPACES}/serverlessEndpoints/listKeys/action",
            f"{_WORKSPACES}/onlineEndpoints/write",
            f"{_WORKSPACES}/onlineEndpoints/delete",
            f"{_WORKSPACES}/onlineEndpoints/listKeys/action",
            f"{_WORKSPACES}/onlineEndpoints/deployments/write",
            f"{_WORKSPACES}/onlineEndpoints/deployments/delete",
            f"{_WORKSPACES}/onlineEndpoints/deployments/getLogs/action",
            # A deployment's script is a version of a code asset; it may have an environment too.
            f"{_WORKSPACES}/codes/versions/write",
            f"{_WORKSPACES}/environments/versions/write",
            f"{_WORKSPACES}/connections/write",
            f"{_WORKSPACES}/connections/delete",
            # The answers of evaluations are kept as versions of a data asset.
            f"{_WORKSPACES}/data/write",
            f"{_WORKSPACES}/data/versions/write",
            "Microsoft.Insights/metrics/read",
            "Microsoft.Insights/metricDefinitions/read",
        ),
    ),
    "calls": CustomRole(
        description="Finds an endpoint by its name and asks it; sees no job, model or data.",
        actions=(
            *_WHO_AM_I,
            f"{_WORKSPACES}/read",
            f"{_WORKSPACES}/connections/read",
            f"{_WORKSPACES}/serverlessEndpoints/read",
            f"{_WORKSPACES}/serverlessEndpoints/listKeys/action",
            f"{_WORKSPACES}/onlineEndpoints/read",
            f"{_WORKSPACES}/onlineEndpoints/listKeys/action",
            f"{_WORKSPACES}/onlineEndpoints/score/action",
        ),
    ),
    "watches": CustomRole(
        description="Takes down what is over its time or its cap; asks no endpoint, moves no name, "
        "submits no job and reads no key.",
        actions=(
            *_LOOK,
            # It marks an endpoint before it deletes it, so that nobody lets a name follow what
            # goes; Azure has one right for a tag and for all of an endpoint.
            f"{_WORKSPACES}/serverlessEndpoints/write",
            f"{_WORKSPACES}/serverlessEndpoints/delete",
            # It takes the traffic from a deployment before it deletes it.
            f"{_WORKSPACES}/onlineEndpoints/write",
            f"{_WORKSPACES}/onlineEndpoints/deployments/delete",
            f"{_WORKSPACES}/connections/delete",
            # What endpoints have used is remembered as versions of a data asset.
            f"{_WORKSPACES}/data/write",
            f"{_WORKSPACES}/data/versions/write",
            "Microsoft.Insights/metrics/read",
            "Microsoft.Insights/metricDefinitions/read",
        ),
    ),
}

ALWAYS: tuple[RoleSet, ...] = ("tunes", "serves", "calls")
"""The custom roles of every stack that tells people apart. A later one is made once it is wanted:
what `up` may hand on changes with it, and that only an Owner can change."""

DATA: Mapping[str, str] = {
    "tunes": roles.BLOB_DATA_CONTRIBUTOR,
    "serves": roles.BLOB_DATA_CONTRIBUTOR,
    "reads": roles.BLOB_DATA_READER,
}
"""The role on the storage account that goes with a set: training data, and kept answers."""


def guid(group_id: str, role_set: str) -> str:
    """The GUID of a custom role: the same for the same resource group, whatever its case."""
    return str(uuid.uuid5(_CUSTOM_ROLES, f"{group_id}|{role_set}".lower()))
