"""Role-based access: what each identity may and may not do, and how assignments behave."""

import uuid
from typing import Any

from emulator.rehearsal.identities import GROUP, USER
from emulator.server import Emulator

VERSION = "2022-04-01"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
AZURE_AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"


def test_a_developer_without_a_role_is_refused_with_arms_words(
    emulator: Emulator, developer: Any, group: str
) -> None:
    status, error = developer.refused("GET", group)
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    oid = emulator.identities.developer.object_id
    action = "Microsoft.Resources/subscriptions/resourceGroups/read"
    assert (
        f"with object id '{oid}' does not have authorization to perform action" in error["message"]
    )
    assert f"'{action}' over scope '{group}'" in error["message"]


def test_a_role_on_the_group_opens_the_group_and_nothing_beside_it(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    arm.ok("PUT", f"{group}-2", {"location": "eastus2"})
    _assign(arm, group, READER, emulator.identities.developer.object_id)
    assert developer.ok("GET", group)["id"] == group
    assert developer.refused("GET", f"{group}-2")[0] == 403, "scopes end at segment boundaries"
    assert developer.refused("PUT", group, {"location": "eastus2"})[0] == 403
    listed = developer.ok("GET", group.rpartition("/")[0])["value"]
    assert [one["id"] for one in listed] == [group]


def test_azure_ai_developer_may_work_in_a_workspace_but_not_make_the_environment(
    emulator: Emulator, arm: Any, developer: Any, group: str, subscription: str
) -> None:
    _assign(arm, group, AZURE_AI_DEVELOPER, emulator.identities.developer.object_id)
    allowed = [
        ("GET", f"{group}/providers/Microsoft.Authorization/roleAssignments"),
    ]
    refused = [
        ("PUT", f"{group}/providers/Microsoft.Storage/storageAccounts/stno"),
        ("POST", f"/subscriptions/{subscription}/providers/Microsoft.Network/register"),
        ("PUT", _assignment_id(group)),
    ]
    for method, path in allowed:
        assert developer.send(method, path, version=VERSION).status_code == 200
    for method, path in refused:
        version = {"stno": "2024-01-01", "register": "2021-04-01"}.get(
            path.rpartition("/")[2], VERSION
        )
        status, error = developer.refused(method, path, {}, version=version)
        assert (status, error["code"]) == (403, "AuthorizationFailed"), path


def test_a_contributor_may_not_assign_roles(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    _assign(arm, group, CONTRIBUTOR, emulator.identities.developer.object_id)
    developer.ok("PATCH", group, {"tags": {"by": "developer"}})
    status, error = developer.refused(
        "PUT", _assignment_id(group), _body(READER, USER), version=VERSION
    )
    assert (status, error["code"]) == (403, "AuthorizationFailed")


def test_a_group_gives_its_members_what_it_has(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    assert developer.send("GET", group).status_code == 403
    _assign(arm, group, READER, GROUP, "Group")
    assert developer.send("GET", group).status_code == 200


def test_a_group_in_a_group_gives_its_members_what_the_outer_one_has(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    outer, inner = str(uuid.uuid4()), str(uuid.uuid4())
    me = emulator.identities.developer.object_id
    emulator.control.change_group(inner, "inner", add=[me])
    emulator.control.change_group(outer, "outer", add=[inner])
    emulator.control.change_group(inner, add=[outer])  # a circle, as nothing keeps Entra from
    _assign(arm, group, READER, outer, "Group")
    assert developer.send("GET", group).status_code == 200
    listed = f"{group}/providers/Microsoft.Authorization/roleAssignments?$filter="
    through = arm.ok("GET", f"{listed}atScope() and assignedTo('{me}')", version=VERSION)["value"]
    assert outer in [each["properties"]["principalId"] for each in through]
    own = arm.ok("GET", f"{listed}principalId eq '{me}'", version=VERSION)["value"]
    assert outer not in [each["properties"]["principalId"] for each in own]
    emulator.control.change_group(inner, remove=[me])
    assert developer.send("GET", group).status_code == 403


def test_an_assignment_is_idempotent_by_name_and_unique_by_content(
    emulator: Emulator, arm: Any, group: str
) -> None:
    id, body = _assignment_id(group), _body(READER, USER, "User")
    assert arm.send("PUT", id, body, version=VERSION).status_code == 201
    assert arm.send("PUT", id, body, version=VERSION).status_code == 200
    shown = arm.ok("GET", id, version=VERSION)
    assert shown["properties"]["principalId"] == USER
    assert shown["properties"]["scope"] == group
    status, error = arm.refused("PUT", _assignment_id(group), body, version=VERSION)
    assert (status, error["code"]) == (409, "RoleAssignmentExists")
    listed = arm.ok(
        "GET", f"{group}/providers/Microsoft.Authorization/roleAssignments", version=VERSION
    )
    assert id in [assignment["id"] for assignment in listed["value"]]
    assert arm.send("DELETE", id, version=VERSION).status_code == 200
    assert arm.send("DELETE", id, version=VERSION).status_code == 204
    assert arm.refused("GET", id, version=VERSION)[1]["code"] == "RoleAssignmentNotFound"


def test_an_assignment_names_an_existing_role_and_principal(arm: Any, group: str) -> None:
    nobody = str(uuid.uuid4())
    code = arm.refused("PUT", _assignment_id(group), _body(nobody, USER), version=VERSION)[1][
        "code"
    ]
    assert code == "RoleDefinitionDoesNotExist"
    body = _body(READER, nobody)
    status, error = arm.refused("PUT", _assignment_id(group), body, version=VERSION)
    assert (status, error["code"]) == (400, "PrincipalNotFound")
    body = _body(READER, nobody, "ServicePrincipal")
    assert arm.send("PUT", _assignment_id(group), body, version=VERSION).status_code == 201
    code = arm.refused("PUT", _assignment_id(group), _body(READER, USER, "Group"), version=VERSION)[
        1
    ]["code"]
    assert code == "UnmatchedPrincipalType"
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments/not-a-guid"
    code = arm.refused("PUT", path, _body(READER, USER), version=VERSION)[1]["code"]
    assert code == "InvalidRoleAssignmentId"


def test_assignments_go_with_the_scope_they_are_on(
    emulator: Emulator, arm: Any, developer: Any, group: str
) -> None:
    _assign(arm, group, READER, emulator.identities.developer.object_id)
    arm.begin("DELETE", group).result()
    arm.ok("PUT", group, {"location": "eastus2"})
    assert developer.send("GET", group).status_code == 403


def test_role_definitions_are_found_by_name_and_carry_their_actions(arm: Any, group: str) -> None:
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions"
    found = arm.ok("GET", f"{path}?$filter=roleName eq 'Azure AI Developer'", version=VERSION)
    (role,) = found["value"]
    assert role["name"] == AZURE_AI_DEVELOPER
    not_actions = role["properties"]["permissions"][0]["notActions"]
    assert "Microsoft.MachineLearningServices/workspaces/write" in not_actions
    assert arm.refused("PUT", f"{path}/{AZURE_AI_DEVELOPER}", {}, version=VERSION)[0] == 403


def _assign(
    arm: Any, scope: str, role: str, principal: str, kind: str = "ServicePrincipal"
) -> None:
    arm.ok("PUT", _assignment_id(scope), _body(role, principal, kind), version=VERSION)


def _assignment_id(scope: str) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"


def _body(role: str, principal: str, kind: str = "") -> dict[str, Any]:
    properties: dict[str, Any] = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
    }
    if kind:
        properties["principalType"] = kind
    return {"properties": properties}
