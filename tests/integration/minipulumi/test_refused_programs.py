"""What a program asks for and minipulumi doesn't cover is refused before anything is changed."""

from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import resource_pb2_grpc

from minipulumi.deployment import Deployment
from tests.integration.minipulumi.conftest import World

PROGRAM = """
import pulumi
from pulumi import ResourceOptions
from pulumi_azure_native import resources

first = resources.ResourceGroup("first", resource_group_name="rg-1", location="eastus2")
{more}
"""
SECOND = (
    'resources.ResourceGroup("second", resource_group_name="rg-2", location="eastus2",'
    " opts=ResourceOptions({option}))"
)
OPTIONS = {
    "retain_on_delete=True": "retainOnDelete (resource 'second')",
    "replace_on_changes=['tags']": "replaceOnChanges (resource 'second')",
    "deleted_with=first": "deletedWith (resource 'second')",
    "custom_timeouts=pulumi.CustomTimeouts(create='1m')": "customTimeouts (resource 'second')",
    "plugin_download_url='https://x'": "pluginDownloadURL (resource 'second')",
    "hide_diffs=['tags']": "hideDiffs (resource 'second')",
    "ignore_changes=['tags.*']": "ignoreChanges with wildcards (resource 'second')",
}
PROGRAMS = {
    "pulumi.StackReference('organization/other/dev')": "ReadResource ('organization/other/dev')",
    "resources.ResourceGroup.get('found', '/subscriptions/1')": "ReadResource ('found')",
    "pulumi.runtime.register_stack_transform(lambda args: None)": "RegisterStackTransform ('')",
    "pulumi.CustomResource('a:b:C', 'asset', {'it': pulumi.StringAsset('x')})": (
        "assets, archives and output values (resource 'asset')"
    ),
    "pulumi.CustomResource('a:b:C', 'other', {})": "the provider package 'a'",
}
CASES = {SECOND.format(option=o): named for o, named in OPTIONS.items()} | PROGRAMS


@pytest.mark.parametrize("more", CASES, ids=list(CASES.values()))
@pytest.mark.parametrize("flags", ["", "--skip-preview"])
def test_refused_by_name_with_nothing_changed(world: World, more: str, flags: str) -> None:
    (world.project / "__main__.py").write_text(PROGRAM.format(more=more))
    assert world.run("stack init dev").code == 0
    before = world.state_file("dev").read_bytes()
    outcome = world.run(f"up --yes {flags} -s dev")
    assert outcome.code == 2, outcome.text
    assert outcome.err[-1].startswith(f"error: minipulumi doesn't cover {CASES[more]}")
    assert world.store == {}
    assert world.state_file("dev").read_bytes() == before


def test_a_call_that_comes_while_everything_is_being_closed_holds_up_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, codes = Deployment.close, list[grpc.StatusCode | None]()

    def closed_and_called(deployment: Deployment) -> None:
        close(deployment)
        with grpc.insecure_channel(deployment.host.engine) as channel:
            monitor = cast("Any", resource_pb2_grpc.ResourceMonitorStub(channel))
            codes.append(monitor.GetDeploymentInfo.future(empty_pb2.Empty(), timeout=30).code())

    monkeypatch.setattr(Deployment, "close", closed_and_called)
    (world.project / "__main__.py").write_text(PROGRAM.format(more=""))
    assert world.run("stack init dev").code == 0
    outcome = world.run("preview -s dev")
    assert outcome.code == 0, outcome.text
    assert codes == [grpc.StatusCode.OK]
