"""Conditions of role assignments: the one form that is known, and no other."""

import pytest

from emulator.state import conditions
from infra.roles import BLOB_DATA_READER, READER, only_these

NAMED = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"

WRITE = "Microsoft.Authorization/roleAssignments/write"
DELETE = "Microsoft.Authorization/roleAssignments/delete"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
# As the portal writes it: in lines.
PORTAL = f"""
(
 (
  !(ActionMatches{{'Microsoft.Authorization/roleAssignments/write'}})
 )
 OR
 (
  {NAMED} ForAnyOfAnyValues:GuidEquals {{{READER}}}
 )
)
"""


def test_only_the_roles_that_it_names_are_let_through() -> None:
    condition = only_these([READER, BLOB_DATA_READER])
    assert conditions.is_known(condition)
    for action in (WRITE, DELETE):
        assert conditions.allow(condition, action, READER.upper())
        assert not conditions.allow(condition, action, OWNER)
    assert conditions.allow("", WRITE, OWNER), "no condition lets everything through"


def test_the_portals_form_constrains_what_it_speaks_of_and_nothing_else() -> None:
    assert conditions.is_known(PORTAL)
    assert not conditions.allow(PORTAL, WRITE, OWNER)
    assert conditions.allow(PORTAL, DELETE, OWNER)


@pytest.mark.parametrize(
    "condition",
    [
        "@Request[x] StringEquals 'y'",
        f"{PORTAL} OR {PORTAL}",
        PORTAL.replace("GuidEquals", "GuidNotEquals"),
        PORTAL.replace("@Request", "@Resource"),
        f"!{PORTAL}",
    ],
)
def test_what_means_anything_else_is_not_known(condition: str) -> None:
    assert not conditions.is_known(condition)
