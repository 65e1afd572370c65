"""What a recovery decides without Azure."""

from infra.recovery import RecoveryProvider, ignored

BODY = {"properties": {"friendlyName": "lab", "hubResourceId": "/made/hub"}}


def test_only_another_workspace_is_another_recovery() -> None:
    old = {"path": "/a", "body": BODY}
    same = RecoveryProvider().diff("/a", old, {"path": "/a", "body": {**BODY, "tags": {}}})
    assert not same.changes
    moved = RecoveryProvider().diff("/a", old, {"path": "/b", "body": BODY})
    assert (moved.changes, moved.replaces) == (True, ["path"])


def test_what_the_program_says_is_compared_but_while_it_is_adopted() -> None:
    usually = ignored(BODY, adopting=False)
    assert not {"hubResourceId", "friendlyName", "tags", "location"} & set(usually)
    assert {"hbiWorkspace", "storageAccount", "keyVault"} <= set(usually)
    assert set(usually) < set(ignored(BODY, adopting=True))
    assert {"hubResourceId", "friendlyName", "tags"} <= set(ignored(BODY, adopting=True))
