"""minipulumi against the program alone: 500 resource groups, an instant Python provider.

"The program alone" is the same program under `pulumi.runtime` mocks, in the same run. The anchor,
measured with the real engine on two cores: preview 12.0 s and up 26.1 s, where the program alone
takes 7.2 s: ratios 1.7 and 3.6.
"""

import json
import os
import sys
from pathlib import Path

from benchmarks.measure import Result, process

REPOSITORY = Path(__file__).parents[1]
COUNT = 500
OPERATIONS = {
    "preview": (["preview"], 1.5),
    "up": (["up", "--yes"], 2.2),
    "up, nothing changed": (["up", "--yes"], 1.6),
}

_PROGRAM = """
from pulumi_azure_native import resources
for i in range({count}):
    resources.ResourceGroup(f"group-{{i}}", resource_group_name=f"rg-{{i}}", location="eastus2")
"""

_ALONE = """
import asyncio, runpy, pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return args.name, args.inputs

    def call(self, args):
        return {}

asyncio.set_event_loop(asyncio.new_event_loop())
pulumi.runtime.set_mocks(Mocks(), "bench", "dev", preview=False)

async def program():
    runpy.run_path("__main__.py", run_name="__main__")
    await pulumi.runtime.stack.wait_for_rpcs()

asyncio.get_event_loop().run_until_complete(program())
"""

_PROVIDER = """#!{python} -u
import sys
from concurrent import futures
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as pb, provider_pb2_grpc as rpc

class Instant(rpc.ResourceProviderServicer):
    def Handshake(self, request, context): return pb.ProviderHandshakeResponse(accept_secrets=True)
    def GetPluginInfo(self, request, context): return plugin_pb2.PluginInfo(version="3.29.0")
    def CheckConfig(self, request, context): return pb.CheckResponse(inputs=request.news)
    def DiffConfig(self, request, context):
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
    def Configure(self, request, context):
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True)
    def Check(self, request, context): return pb.CheckResponse(inputs=request.news)
    def Diff(self, request, context):
        same = request.old_inputs == request.news
        return pb.DiffResponse(changes=1 if same else 2)
    def Create(self, request, context):
        name = request.properties["resourceGroupName"]
        id = "" if request.preview else f"/resourceGroups/{{name}}"
        return pb.CreateResponse(id=id, properties=request.properties)
    def Delete(self, request, context): return empty_pb2.Empty()
    def Cancel(self, request, context): return empty_pb2.Empty()

server = grpc.server(futures.ThreadPoolExecutor(8))
rpc.add_ResourceProviderServicer_to_server(Instant(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


def run(folder: Path) -> list[Result]:
    """The three operations, as ratios to the program alone."""
    environment = _prepare(folder, COUNT)
    project = folder / "project"
    alone, _ = process([sys.executable, "-c", _ALONE], cwd=project, environment=environment)
    pulumi = [sys.executable, str(REPOSITORY / "minipulumi" / "bin" / "pulumi")]
    process([*pulumi, "stack", "init", "dev"], cwd=project, environment=environment)
    rows: list[Result] = []
    for what, (words, limit) in OPERATIONS.items():
        seconds, _ = process([*pulumi, *words], cwd=project, environment=environment)
        subject = f"minipulumi {what}, {COUNT} groups / the program alone"
        note = f"{seconds:.1f} s / {alone:.1f} s"
        rows.append(Result(subject, seconds / alone, limit, "x", note=note))
    state = folder / "state" / ".pulumi" / "stacks" / "bench" / "dev.json"
    latest = json.loads(state.read_text(encoding="utf-8"))["checkpoint"]["latest"]
    assert len(latest["resources"]) == COUNT + 2
    return rows


def _prepare(folder: Path, count: int) -> dict[str, str]:
    (folder / "project").mkdir()
    (folder / "project" / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (folder / "project" / "__main__.py").write_text(_PROGRAM.format(count=count))
    plugin = folder / "plugin" / "pulumi-resource-azure-native"
    plugin.parent.mkdir()
    plugin.write_text(_PROVIDER.format(python=sys.executable))
    plugin.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{plugin.parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
    }
