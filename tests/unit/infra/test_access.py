"""What a stack with `access` and `identities` asks Azure for: roles, assignments, trust."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from infra import role_sets, roles
from infra.access import IDENTITY_ROLES
from tests.unit.infra.conftest import CONFIG, SUBSCRIPTION, Recording
from tests.unit.infra.test_access_settings import PULL_REQUESTS, TEAM, TEAM_ID

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-foundry-dev"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
RELEASE = {
    "name": "release",
    "may": "up",
    "github": "contoso/phi",
    "for": ["environment:prod", "branch:main"],
}


@pytest.fixture(scope="module")
def stack(run: Callable[..., Recording]) -> Recording:
    access = {
        "tunes": [{**TEAM, "project": "xbox"}, {**TEAM, "project": "surface"}],
        "reads": [TEAM],
        "Key Vault Secrets User": [TEAM],
    }
    return run(
        {
            **CONFIG,
            "access": json.dumps(access),
            "identities": json.dumps([PULL_REQUESTS, RELEASE]),
        }
    )


def test_what_a_set_is_made_of_lies_on_its_project_and_the_storage_once(stack: Recording) -> None:
    tunes = role_sets.guid(GROUP_ID, "tunes")
    theirs = [
        (each["scope"], each["roleDefinitionId"].rpartition("/")[2])
        for name, each in stack.of_type(ASSIGNMENT).items()
        if name.startswith("access-") and each["principalId"] == TEAM_ID
    ]
    assert sorted(theirs) == sorted(
        [
            ("/made/project-xbox", tunes),
            ("/made/project-surface", tunes),
            ("/made/storage", roles.BLOB_DATA_CONTRIBUTOR),
            ("/made/storage", roles.BLOB_DATA_READER),
            ("/made/group", roles.READER),
            ("/made/group", roles.BUILT_IN["Key Vault Secrets User"]),
        ]
    )


def test_nothing_is_granted_above_the_resource_group(stack: Recording) -> None:
    scopes = {each["scope"] for each in stack.of_type(ASSIGNMENT).values()}
    assert all(scope.startswith("/made/") for scope in scopes), "every scope is of this stack"


def test_the_custom_roles_stay_in_the_group_with_names_of_their_own(stack: Recording) -> None:
    made = stack.of_type("azure-native:authorization:RoleDefinition")
    assert sorted(made) == ["role-calls", "role-serves", "role-tunes"]
    for role_set in role_sets.ALWAYS:
        role = made[f"role-{role_set}"]
        assert role["scope"] == "/made/group"
        assert role["assignableScopes"] == ["/made/group"]
        assert uuid.UUID(role["roleDefinitionId"]).version == 5
        assert role["roleDefinitionId"] == role_sets.guid(GROUP_ID.upper(), role_set)
        assert role["roleName"].startswith(f"foundry-tune {role_set} (rg-foundry-dev ")
        (permissions,) = role["permissions"]
        assert not permissions["dataActions"]
        assert not any(action.startswith("*") for action in permissions["actions"])


def test_an_identity_trusts_its_subjects_one_after_the_other(stack: Recording) -> None:
    identities = stack.of_type("azure-native:managedidentity:UserAssignedIdentity")
    assert identities["identity-release"]["resourceName"] == "id-foundry-dev-release"
    made = stack.of_type("azure-native:managedidentity:FederatedIdentityCredential")
    assert {each["subject"]: each["issuer"] for each in made.values()} == dict.fromkeys(
        (
            "repo:contoso/phi:pull_request",
            "repo:contoso/phi:environment:prod",
            "repo:contoso/phi:ref:refs/heads/main",
        ),
        "https://token.actions.githubusercontent.com",
    )
    assert all(each["audiences"] == ["api://AzureADTokenExchange"] for each in made.values())


def test_only_up_hands_on_roles_and_only_those_of_the_stack(stack: Recording) -> None:
    made = stack.of_type(ASSIGNMENT)
    conditions = {name: each["condition"] for name, each in made.items() if each.get("condition")}
    (name,) = conditions
    assert name == f"identity-release-group-{roles.RBAC_ADMINISTRATOR}"
    condition = conditions[name]
    assert made[name]["conditionVersion"] == "2.0"
    for role in (*roles.PRIVILEGED, roles.CONTRIBUTOR):
        assert role not in condition
    for role_set in role_sets.ALWAYS:
        assert role_sets.guid(GROUP_ID, role_set) in condition
    # What `up` may hand on stays as it is until somebody watches: only an Owner can change it.
    assert role_sets.guid(GROUP_ID, "watches") not in condition
    assert roles.BUILT_IN["Key Vault Secrets User"] in condition


def test_every_role_of_an_assignment_may_be_handed_on_by_up(stack: Recording) -> None:
    (condition,) = {
        each["condition"] for each in stack.of_type(ASSIGNMENT).values() if each.get("condition")
    }
    own = {role for _, role in IDENTITY_ROLES["up"]}
    for name, each in stack.of_type(ASSIGNMENT).items():
        role = each["roleDefinitionId"].rpartition("/")[2]
        assert role in condition or role in own, name


def test_who_watches_has_one_role_that_is_made_for_it(run: Callable[..., Recording]) -> None:
    night = {**RELEASE, "name": "night", "may": "watch", "for": ["environment:prod-watch"]}
    made = run({**CONFIG, "identities": json.dumps([night, RELEASE])})
    watches = role_sets.guid(GROUP_ID, "watches")
    given = [one for name, one in made.of_type(ASSIGNMENT).items() if "identity-night-" in name]
    assert [one["scope"] for one in given] == ["/made/group"]
    assert given[0]["roleDefinitionId"].endswith(watches)
    role = made.of_type("azure-native:authorization:RoleDefinition")["role-watches"]
    actions: list[str] = role["permissions"][0]["actions"]
    writes = {one.rpartition("/workspaces/")[2] for one in actions if not one.endswith("/read")}
    assert writes == {
        *("serverlessEndpoints/write", "serverlessEndpoints/delete", "connections/delete"),
        *("onlineEndpoints/write", "onlineEndpoints/deployments/delete"),
        *("data/write", "data/versions/write"),
    }
    (condition,) = {
        one["condition"] for one in made.of_type(ASSIGNMENT).values() if one.get("condition")
    }
    assert watches in condition, "up hands it on"


def test_a_stack_without_them_makes_no_role_and_no_identity(environment: Recording) -> None:
    types = set(environment.types.values())
    assert not any("RoleDefinition" in each or "managedidentity" in each for each in types)
    assert "identityClientIds" not in environment.outputs


def test_an_identitys_client_id_is_told_and_nothing_secret(stack: Recording) -> None:
    told: dict[str, Any] = stack.outputs["identityClientIds"]
    assert sorted(told) == ["pull-requests", "release"]
    assert stack.secret_outputs == set()
    assert "Microsoft.ManagedIdentity" in stack.outputs["registeredProviders"]
