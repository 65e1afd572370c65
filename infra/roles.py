"""How a role is named in an assignment, and under which condition it may be handed on."""

from policy.roles import (
    AI_DEVELOPER,
    BLOB_DATA_CONTRIBUTOR,
    BLOB_DATA_READER,
    BUILT_IN,
    COGNITIVE_SERVICES_USER,
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_OFFICER,
    MONITORING_READER,
    PRIVILEGED,
    RBAC_ADMINISTRATOR,
    READER,
)

__all__ = [
    "AI_DEVELOPER",
    "BLOB_DATA_CONTRIBUTOR",
    "BLOB_DATA_READER",
    "BUILT_IN",
    "COGNITIVE_SERVICES_USER",
    "CONTRIBUTOR",
    "KEY_VAULT_SECRETS_OFFICER",
    "MONITORING_READER",
    "PRIVILEGED",
    "RBAC_ADMINISTRATOR",
    "READER",
    "definition_id",
    "only_these",
]


def definition_id(subscription_id: str, role: str) -> str:
    """The ARM id by which an assignment names a role."""
    return (
        f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )


def only_these(assignable: list[str]) -> str:
    """The condition under which somebody may hand on these roles (GUIDs), and no others.

    As Microsoft writes it for "constrain roles" (delegate-role-assignments-examples).
    """
    listed = ", ".join(sorted(assignable))
    return " AND ".join(
        f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}})) OR "
        f"({source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] "
        f"ForAnyOfAnyValues:GuidEquals {{{listed}}}))"
        for verb, source in (("write", "@Request"), ("delete", "@Resource"))
    )
