"""What a failed command says: on a terminal, and to a program that reads `--json`."""

import json
from typing import Any

import pytest

from tests.integration.minipulumi.conftest import World

PROGRAM = """
import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
one = resources.ResourceGroup("one", resource_group_name="rg-one", location="eastus2")
two = resources.ResourceGroup(
    "two", resource_group_name="rg-two", location=config.require("location"),
    tags={"owner": config.get("owner") or "platform"},
    opts=pulumi.ResourceOptions(depends_on=[one]))
pulumi.export("first", one.name)
pulumi.export("second", two.id)
"""
UP = "up --yes --skip-preview --json -s dev"
STACK = "urn:pulumi:dev::golden::pulumi:pulumi:Stack::golden-dev"
TWO = "urn:pulumi:dev::golden::azure-native:resources:ResourceGroup::two"


@pytest.fixture
def program(world: World) -> World:
    (world.project / "__main__.py").write_text(PROGRAM)
    assert world.run("stack init dev").code == 0
    assert world.run("config set location eastus2").code == 0
    return world


def test_a_failing_preview_of_a_deployed_stack_does_not_tell_of_removed_outputs(
    program: World,
) -> None:
    assert program.run("up --yes --skip-preview -s dev").code == 0
    assert program.run("config rm location").code == 0
    outcome = program.run("preview -s dev")
    assert outcome.code == 1
    assert "Missing required configuration variable 'golden:location'" in outcome.text
    assert "Outputs:" not in outcome.out
    assert "--outputs:--" not in program.run("preview --diff -s dev").text


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_failed_operation_is_an_event_of_its_own(program: World, verb: str) -> None:
    if verb != "create":
        assert program.run(UP).code == 0
        assert program.run("config set owner somebody").code == 0
    if verb == "delete":
        text = PROGRAM.split("two = ")[0] + 'config.require("location")\n'
        (program.project / "__main__.py").write_text(text)
    program.faults |= {f"fail_{verb}_of": ["two"], "message": "Status=409 no"}
    outcome = program.run(UP)
    assert outcome.code == 1
    events: list[dict[str, Any]] = [json.loads(line) for line in outcome.out]
    kinds = [next(key for key in event if key.endswith("Event")) for event in events]
    (failed,) = (event["resOpFailedEvent"] for event in events if "resOpFailedEvent" in event)
    assert (failed["metadata"]["op"], failed["metadata"]["urn"]) == (verb, TWO)
    # The provider said UNKNOWN: nobody knows what is left. The group and the stack were done.
    assert (failed["status"], failed["steps"]) == (2, 2)
    at = kinds.index("resOpFailedEvent")
    assert kinds[at - 1] == "diagnosticEvent"
    assert "Status=409 no" in events[at - 1]["diagnosticEvent"]["message"]
    summary = next(event["summaryEvent"] for event in events if "summaryEvent" in event)
    assert (summary["result"], summary["maybeCorrupt"]) == ("failed", True)


def test_a_resource_that_was_half_made_is_told_as_such(program: World) -> None:
    program.faults |= {"half_create": ["two"], "message": "no room left"}
    outcome = program.run(UP)
    assert outcome.code == 1
    events = [json.loads(line) for line in outcome.out]
    (failed,) = (event["resOpFailedEvent"] for event in events if "resOpFailedEvent" in event)
    assert failed["status"] == 1
