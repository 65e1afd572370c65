"""Custom roles of a resource group, and the condition that constrains who hands roles on."""

import uuid
from typing import Any

from emulator.server import Emulator

VERSION = "2022-04-01"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"
TAGS = "Microsoft.Resources/tags/read"


def test_a_custom_role_of_a_group_grants_what_it_says_there_and_goes_when_nobody_has_it(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    role = str(uuid.uuid4())
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = _role(
        group, f"Group reader {role}", "Microsoft.Resources/subscriptions/resourceGroups/read"
    )
    made = arm.ok("PUT", path, body, version=VERSION)
    assert made["properties"]["type"] == "CustomRole"
    assert made["properties"]["assignableScopes"] == [group]
    assert developer.refused("GET", group)[0] == 403
    assignment = _assign(arm, group, role, emulator.identities.developer.object_id)
    assert developer.ok("GET", group)["id"] == group
    assert developer.refused("PUT", group, {"location": "eastus2"})[0] == 403
    status, error = arm.refused("DELETE", path, version=VERSION)
    assert (status, error["code"]) == (400, "RoleDefinitionHasAssignments")
    # Another set of actions is another right at once.
    arm.ok("PUT", path, _role(group, f"Group reader {role}", TAGS), version=VERSION)
    assert developer.refused("GET", group)[0] == 403
    arm.ok("DELETE", assignment, version=VERSION)
    arm.ok("DELETE", path, version=VERSION)
    assert arm.refused("GET", path, version=VERSION)[0] == 404


def test_a_custom_role_has_a_name_of_its_own_and_stays_in_its_scopes(
    emulator: Emulator, arm: Any, group: str
) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    definitions = f"{group}/providers/Microsoft.Authorization/roleDefinitions"
    arm.ok("PUT", f"{definitions}/{first}", _role(group, f"R {first}", TAGS), version=VERSION)
    again = _role(group, f"R {first}", TAGS)
    status, error = arm.refused("PUT", f"{definitions}/{second}", again, version=VERSION)
    assert (status, error["code"]) == (409, "RoleDefinitionWithSameNameExists")
    other = f"{group}-other"
    arm.ok("PUT", other, {"location": "eastus2"})
    status, error = arm.refused(
        "PUT",
        f"{other}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
        _body(first, emulator.identities.developer.object_id),
        version=VERSION,
    )
    assert (status, error["code"]) == (400, "RoleDefinitionDoesNotExist")


def test_who_may_hand_on_roles_under_a_condition_hands_on_no_other(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    who = emulator.identities.developer.object_id
    condition = _condition(MONITORING_READER, READER)
    _assign(arm, group, RBAC_ADMINISTRATOR, who, condition)
    allowed = _assign(developer, group, READER, who)
    status, error = developer.refused("PUT", _path(group), _body(OWNER, who), version=VERSION)
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    theirs = _assign(arm, group, OWNER, "e0e0e0e0-0000-4000-8000-000000000031")
    assert developer.refused("DELETE", theirs, version=VERSION)[0] == 403
    developer.ok("DELETE", allowed, version=VERSION)
    status, error = arm.refused(
        "PUT", _path(group), _body(OWNER, who, "@Request[x] StringEquals 'y'"), version=VERSION
    )
    assert (status, error["code"]) == (501, "NotEmulated")


def _role(group: str, name: str, *actions: str) -> dict[str, Any]:
    permissions: dict[str, Any] = {
        "actions": actions,
        "notActions": [],
        "dataActions": [],
        "notDataActions": [],
    }
    return {
        "properties": {
            "roleName": name,
            "type": "CustomRole",
            "assignableScopes": [group],
            "permissions": [permissions],
        }
    }


def _condition(*roles: str) -> str:
    return " AND ".join(
        f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}})) OR "
        f"({source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] "
        f"ForAnyOfAnyValues:GuidEquals {{{', '.join(roles)}}}))"
        for verb, source in (("write", "@Request"), ("delete", "@Resource"))
    )


def _path(scope: str) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"


def _body(role: str, principal: str, condition: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
    }
    if condition:
        body |= {"condition": condition, "conditionVersion": "2.0"}
    return {"properties": body}


def _assign(client: Any, scope: str, role: str, principal: str, condition: str = "") -> str:
    path = _path(scope)
    client.ok("PUT", path, _body(role, principal, condition), version=VERSION)
    return path
