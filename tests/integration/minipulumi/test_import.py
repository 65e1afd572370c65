"""`import_`: what exists already becomes the program's, if it is as the program says."""

import json
import re

import pytest

from tests.integration.minipulumi.conftest import World

ID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-one"
PROGRAM = """
import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
resources.ResourceGroup(
    "one", resource_group_name="rg-one", location="eastus2", tags={{"owner": "{owner}"}},
    opts=pulumi.ResourceOptions({opts}))
"""
ADOPT = f"import_='{ID}'"


def write(world: World, opts: str, owner: str = "platform") -> None:
    (world.project / "__main__.py").write_text(PROGRAM.format(opts=opts, owner=owner))


@pytest.fixture
def orphan(world: World) -> World:
    """A group that Azure has and no state knows."""
    write(world, "")
    for command in ("stack init dev", "up --yes --skip-preview", "stack rm --yes --force"):
        assert world.run(command).code == 0
    assert world.run("stack init dev").code == 0
    return world


def test_an_orphan_is_adopted_and_from_then_on_kept(orphan: World) -> None:
    write(orphan, ADOPT)
    outcome = orphan.run("up --yes -s dev")
    assert outcome.code == 0, outcome.text
    imported = r"^ =  azure-native:resources:ResourceGroup one imported \("
    assert re.search(imported, outcome.text, re.M)
    assert "    = 1 to import" in outcome.out
    assert "    = 1 imported" in outcome.out
    assert {call["method"] for call in outcome.calls}.isdisjoint({"Create", "Update"})
    (entry,) = (e for e in orphan.state("dev")["resources"] if e["urn"].endswith("::one"))
    assert (entry["id"], entry["importID"]) == (ID, ID)
    assert orphan.run("preview --expect-no-changes -s dev").code == 0, "with the option left"
    write(orphan, "")
    assert orphan.run("preview --expect-no-changes -s dev").code == 0, "and taken away"
    assert orphan.run("destroy --yes --skip-preview -s dev").code == 0
    assert ID not in orphan.store


def test_what_differs_is_named_and_not_adopted(orphan: World) -> None:
    write(orphan, ADOPT, owner="somebody")
    told = "inputs to import do not match the existing resource (tags)"
    preview = orphan.run("preview -s dev")
    assert preview.code == 0
    assert f"{told}; importing this resource will fail" in preview.text
    outcome = orphan.run("up --yes --skip-preview -s dev")
    assert outcome.code == 1
    assert f"error: {told}" in outcome.text
    assert not [e for e in orphan.state("dev").get("resources", []) if e["urn"].endswith("::one")]
    write(orphan, f"{ADOPT}, ignore_changes=['tags']", owner="somebody")
    assert orphan.run("up --yes --skip-preview -s dev").code == 0
    assert orphan.store[ID]["inputs"]["tags"] == {"owner": "platform"}


def test_what_is_not_there_is_told(world: World) -> None:
    write(world, ADOPT)
    assert world.run("stack init dev").code == 0
    for command in ("preview -s dev", "up --yes --skip-preview -s dev"):
        outcome = world.run(command)
        assert outcome.code == 1
        assert f"resource '{ID}' does not exist" in outcome.text


def test_adopting_in_place_of_what_the_state_has_is_refused(world: World) -> None:
    write(world, "")
    assert world.run("stack init dev").code == 0
    assert world.run("up --yes --skip-preview -s dev").code == 0
    before = json.dumps(world.state("dev")["resources"])
    write(world, ADOPT.replace("rg-one", "rg-two"))
    outcome = world.run("up --yes --skip-preview -s dev")
    assert outcome.code == 2
    assert "'import' over what the state has already (resource 'one')" in outcome.err[-1]
    assert json.dumps(world.state("dev")["resources"]) == before
