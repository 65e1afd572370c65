"""The same provider as a plugin of a real engine: a process that speaks gRPC."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from emulator.server import Emulator
from minipulumi.values import from_struct, to_struct

PLUGIN = Path(__file__).parents[3] / "minipulumi" / "bin" / "pulumi-resource-azure-native"
GROUP = "urn:pulumi:dev::foundry-tune::azure-native:resources:ResourceGroup::group"


@pytest.fixture
def process(emulator: Emulator, subscription: str) -> Iterator[subprocess.Popen[str]]:
    """A plugin's process, started as the engine does: in the program's folder, by its name."""
    process = subprocess.Popen(
        [PLUGIN, "127.0.0.1:1"],
        cwd=PLUGIN.parents[2] / "infra",
        env=emulator.environment(subscription=subscription),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process, process.stdout:
        yield process
        process.kill()


@pytest.fixture
def plugin(process: subprocess.Popen[str]) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """The same, ready to be called."""
    assert process.stdout
    port = int(process.stdout.readline())
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


def test_the_plugin_makes_a_resource_and_refuses_what_it_does_not_know(
    plugin: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "3.29.0"
    assert plugin.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True)).acceptSecrets
    inputs = to_struct({"resourceGroupName": "rg-plugin", "location": "eastus2"})
    created = plugin.Create(provider_pb2.CreateRequest(urn=GROUP, properties=inputs))
    assert created.id.endswith("/resourceGroups/rg-plugin")
    assert from_struct(created.properties)["name"] == "rg-plugin"
    with pytest.raises(grpc.RpcError) as error:
        plugin.Create(provider_pb2.CreateRequest(urn=GROUP, properties=inputs))
    assert f"cannot create already existing resource '{created.id}'" in str(error.value)
    with pytest.raises(grpc.RpcError, match="has no schema to give"):
        plugin.GetSchema(provider_pb2.GetSchemaRequest())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "waiting for Azure"])
def test_the_plugin_ends_within_a_second_of_the_engines_signal(
    emulator: Emulator,
    process: subprocess.Popen[str],
    plugin: provider_pb2_grpc.ResourceProviderStub,
    number: int,
    busy: bool,
) -> None:
    plugin.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
    if busy:
        patience = {"status": 429, "code": "TooManyRequests", "headers": {"retry-after": "60"}}
        match = {"method": "GET", "path": "rg-plugin", "count": 1}
        mark = emulator.control.last_call()
        emulator.control.faults.add({"match": match, "do": patience})
        inputs = to_struct({"resourceGroupName": "rg-plugin", "location": "eastus2"})
        under_way = plugin.Create.future(provider_pb2.CreateRequest(urn=GROUP, properties=inputs))
        while not emulator.control.calls(after=mark, host="management.azure.com"):
            assert not under_way.done()
    started = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - started < 1
