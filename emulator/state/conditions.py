"""Conditions of role assignments: which roles somebody may hand on (constrained delegation).

Of the language of conditions this is the one form that Microsoft's pages and the portal write for
"constrain roles" (azure-docs, role-based-access-control/delegate-role-assignments-examples.md).
"""

import re
from functools import cache

_ACTIONS = {"write": "@Request", "delete": "@Resource"}
_CLAUSE = re.compile(
    r"\(\s*\(\s*!\(ActionMatches\{'Microsoft\.Authorization/roleAssignments/(?P<verb>write|delete)'\}"
    r"\)\s*\)\s*OR\s*\(\s*(?P<source>@Request|@Resource)\[Microsoft\.Authorization/roleAssignments:"
    r"RoleDefinitionId\]\s+ForAnyOfAnyValues:GuidEquals\s*\{(?P<roles>[0-9a-f,\s-]+)\}\s*\)\s*\)",
    re.IGNORECASE,
)


def is_known(condition: str) -> bool:
    """Whether the emulator can evaluate a condition; it refuses every other one by name."""
    return bool(_clauses(condition))


def allow(condition: str, action: str, role: str) -> bool:
    """Whether a condition lets the assignment of a role (a GUID) be written or deleted."""
    if not condition:
        return True
    return all(
        role.lower() in roles
        for verb, roles in _clauses(condition)
        if action.lower() == f"microsoft.authorization/roleassignments/{verb}"
    )


@cache
def _clauses(condition: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Per verb the roles; empty where the condition says anything else."""
    found = list(_CLAUSE.finditer(condition))
    rest = _CLAUSE.sub("", condition)
    if re.sub(r"\bAND\b|\s", "", rest, flags=re.IGNORECASE):
        return ()
    if any(clause["source"] != _ACTIONS[clause["verb"].lower()] for clause in found):
        return ()
    return tuple(
        (
            clause["verb"].lower(),
            frozenset(re.split(r"[,\s]+", clause["roles"].strip().lower())),
        )
        for clause in found
    )
