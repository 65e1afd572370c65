"""How roles are evaluated: actions, notActions, dataActions, scopes and groups."""

from collections.abc import Iterator

import pytest

from emulator.state.access import Access
from emulator.state.clock import Clock
from emulator.state.database import Database
from emulator.state.errors import AzureError
from emulator.state.ids import parse_id
from emulator.state.roles import RoleDefinition, role_definitions

GROUP = "/subscriptions/s/resourceGroups/rg"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
AZURE_AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


@pytest.fixture
def access() -> Iterator[Access]:
    database = Database()
    yield Access(database, Clock())
    database.close()


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        (f"{WORKSPACES}/jobs/write", True),
        (f"{WORKSPACES}/serverlessEndpoints/write", True),
        (f"{WORKSPACES}/serverlessEndpoints/listKeys/action", True),
        (f"{WORKSPACES}/models/versions/delete", True),
        (f"{WORKSPACES}/read", True),
        (f"{WORKSPACES}/write", False),
        (f"{WORKSPACES}/delete", False),
        (f"{WORKSPACES}/listKeys/action", False),
        ("Microsoft.Authorization/roleAssignments/read", True),
        ("Microsoft.Authorization/roleAssignments/write", False),
        ("Microsoft.Network/register/action", False),
        ("MICROSOFT.MACHINELEARNINGSERVICES/WORKSPACES/JOBS/READ", True),
    ],
)
def test_azure_ai_developer_grants_what_azure_says(action: str, allowed: bool) -> None:
    assert role_definitions()[AZURE_AI_DEVELOPER].grants(action) is allowed


def test_a_not_action_takes_away_only_within_its_own_role() -> None:
    narrow = RoleDefinition(
        id="1",
        name="narrow",
        description="",
        actions=("A/*",),
        not_actions=("A/b/*",),
        data_actions=(),
        not_data_actions=(),
    )
    assert narrow.grants("A/c/read")
    assert not narrow.grants("A/b/read")


def test_owner_has_no_data_actions(access: Access) -> None:
    who = access.add_principal("User", "ada")
    access.assign(who.id, OWNER, GROUP)
    blob = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
    assert access.allows(who, blob, GROUP)
    assert not access.allows(who, blob, GROUP, data=True)
    access.assign(who.id, BLOB_READER, GROUP)
    assert access.allows(who, blob, f"{GROUP}/providers/Microsoft.Storage/x/y", data=True)


def test_a_scope_covers_what_is_below_it_only(access: Access) -> None:
    who = access.add_principal("User", "ada")
    access.assign(who.id, READER, GROUP.upper())
    assert access.allows(who, "X/read", GROUP)
    assert access.allows(who, "X/read", f"{GROUP}/providers/A/b/c")
    assert not access.allows(who, "X/read", f"{GROUP}2")
    assert not access.allows(who, "X/read", "/subscriptions/s")
    assert not access.allows(who, "X/write", GROUP)


def test_a_group_lends_its_roles_to_its_members(access: Access) -> None:
    who, other = access.add_principal("User", "ada"), access.add_principal("User", "bob")
    group = access.add_principal("Group", "team")
    access.add_member(group.id, who.id)
    access.assign(group.id, READER, GROUP)
    assert access.allows(who, "X/read", GROUP)
    assert not access.allows(other, "X/read", GROUP)


def test_what_is_taken_back_was_never_allowed() -> None:
    database = Database()
    access = Access(database, Clock())
    who = access.add_principal("User", "ada")
    assert not access.allows(who, "X/read", GROUP)

    def write_in_vain() -> None:
        with database.transaction():
            access.assign(who.id, READER, GROUP)
            late = access.add_principal("User", "bob", id="b0b")
            assert access.allows(who, "X/read", GROUP)
            assert access.principal("b0b") == late
            raise AzureError(409, "Conflict", "Not after all.")

    with pytest.raises(AzureError):
        write_in_vain()
    assert not access.allows(who, "X/read", GROUP)
    assert access.principal("b0b") is None
    access.assign(who.id, READER, GROUP)
    assert access.allows(who, "X/read", GROUP)
    database.clear()
    assert access.principal(who.id) is None
    assert not access.allows(who, "X/read", GROUP)
    database.close()


def test_every_change_is_seen_by_the_next_question(access: Access) -> None:
    who, team = access.add_principal("User", "ada"), access.add_principal("Group", "team")
    id = access.assign(team.id, READER, GROUP)
    assert not access.allows(who, "X/read", GROUP)
    access.add_member(team.id, who.id)
    assert access.allows(who, "X/read", GROUP)
    access.remove_member(team.id, who.id)
    assert not access.allows(who, "X/read", GROUP)
    access.add_member(team.id, who.id)
    access.unassign(id.lower())
    assert not access.allows(who, "X/read", GROUP)
    access.assign(who.id, READER, GROUP)
    assert access.allows(who, "X/read", GROUP)
    access.remove_below(parse_id("/subscriptions/s"))
    assert not access.allows(who, "X/read", GROUP)


def test_the_refusal_says_who_what_and_where(access: Access) -> None:
    who = access.add_principal("ServicePrincipal", "robot")
    with pytest.raises(AzureError, match="AuthorizationFailed") as refused:
        access.require(who, "X/write", GROUP)
    assert refused.value.status == 403
    assert f"'{who.client_id}' with object id '{who.id}'" in refused.value.message
    assert f"'X/write' over scope '{GROUP}'" in refused.value.message


def test_every_role_is_complete_and_named_once() -> None:
    roles = role_definitions()
    assert len({role.name for role in roles.values()}) == len(roles)
    for guid, role in roles.items():
        assert role.id == guid
        assert role.description
        assert role.actions or role.data_actions


def test_a_secret_is_compared_not_shown(access: Access) -> None:
    who = access.add_principal("ServicePrincipal", "robot", secret="s3cret")
    assert access.has_secret(who, "s3cret")
    assert not access.has_secret(who, "")
    assert "s3cret" not in repr(who)
    assert not access.has_secret(access.add_principal("ServicePrincipal", "none"), "")
