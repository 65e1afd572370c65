"""Plugins, providers and policy packs: found, started, and called over gRPC."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import analyzer_pb2_grpc, provider_pb2, provider_pb2_grpc

from minipulumi.errors import Refused
from minipulumi.project import Project
from minipulumi.serving import MESSAGES, serve
from minipulumi.settings import Setting

_HERE = Path(__file__).parent

# What a failed call has left of its resource, by the real engine's numbers.
UNTOUCHED, PARTIAL, UNSURE = range(3)
_MID_AIR = (grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNKNOWN)


class ProviderError(Exception):
    """What a provider answered instead of a result."""

    def __init__(
        self,
        message: str,
        details: bytes | None = None,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
    ):
        super().__init__(message)
        self.partial = _init_failed(details)  # what was half made
        self.left = PARTIAL if self.partial else UNSURE if code in _MID_AIR else UNTOUCHED


def _init_failed(details: bytes | None) -> provider_pb2.ErrorResourceInitFailed | None:
    """Reads the state of a half-made resource out of the error, if the provider sent it."""
    from google.rpc import status_pb2

    for detail in status_pb2.Status.FromString(details or b"").details:
        failed = provider_pb2.ErrorResourceInitFailed()
        if detail.Unpack(failed):
            return failed
    return None


class Plugin:
    """A running plugin."""

    def __init__(
        self,
        port: int,
        end: Callable[[], object],
        stub: type[Any] = provider_pb2_grpc.ResourceProviderStub,
    ):
        options = [*MESSAGES, ("grpc.enable_http_proxy", 0)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
        self._stub = stub(self._channel)
        self._end = end

    def call(self, method: str, request: Any, *, optional: bool = False) -> Any:
        """Calls one of the plugin's methods; None if it lacks an optional one."""
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            failed: Any = error
            if optional and failed.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            details = dict(failed.trailing_metadata() or ()).get("grpc-status-details-bin")
            message = failed.details() or str(error)
            raise ProviderError(message, details, failed.code()) from None

    def close(self) -> None:
        """Ends the plugin at once: it has been told to cancel, and owns nothing to save."""
        self._channel.close()
        self._end()


class PluginHost:
    """Finds and starts plugins; every process starts from one thread that outlives them all.

    That thread matters: the kernel's "kill me when my parent dies" means the parent's *thread*.
    """

    def __init__(self, project: Project, settings: Mapping[str, Setting]):
        self._project, self._settings = project, settings
        self.engine = ""  # the address at which plugins and the program reach the engine
        self._spawner = ThreadPoolExecutor(1, "spawner")

    def start(self, package: str) -> tuple[Plugin, str]:
        """Starts the package's plugin; also gives the path if it came from PATH, to warn."""
        command, ambient = self.find(package)
        if command is None:
            from minipulumi.azure_native.provider import AzureNativeProvider

            return served(AzureNativeProvider()), ""
        settings = settings_of(package, self._settings)
        place = self._project.program
        environment = self._environment(place, settings)
        command.append(self.engine)
        return self._spawner.submit(_spawn, command, place, environment).result(), ambient

    def start_analyzer(self, folder: Path, *, stack: str, preview: bool) -> Plugin:
        """Starts a policy pack as the real engine does: it knows project, stack and settings."""
        environment = {
            **self._environment(folder, self._settings),
            "PULUMI_STACK": stack,
            "PULUMI_ORGANIZATION": "organization",
            "PULUMI_DRY_RUN": str(preview).lower(),
        }
        command = [sys.executable, "-u", "-m", "pulumi.policy", self.engine, str(folder)]
        stub = analyzer_pb2_grpc.AnalyzerStub
        return self._spawner.submit(_spawn, command, folder, environment, stub).result()

    def _environment(self, place: Path, settings: Mapping[str, Setting]) -> dict[str, str]:
        return {
            **os.environ,
            "no_grpc_proxy": "127.0.0.1",
            "PULUMI_PROJECT": self._project.name,
            "PULUMI_CONFIG": json.dumps({k: s.text for k, s in settings.items()}),
            "PWD": str(place),
        }

    def close(self) -> None:
        """Ends the thread; the plugins have to be closed before."""
        self._spawner.shutdown()

    def find(self, package: str) -> tuple[list[str] | None, str]:
        """The command of the package's plugin, None if it is ours; and its path if from PATH."""
        binary = f"pulumi-resource-{package}"
        if package == "pulumi-python":
            return [sys.executable, "-u", "-m", "pulumi.dynamic"], ""
        # The order of the real engine. Ours, which `foundry-emulator run` puts on PATH for a real
        # engine, is the same class that is served right here below.
        ambient = shutil.which(binary)
        if ambient and Path(ambient).resolve().parent != _HERE / "bin":
            return [ambient], ambient
        if package == "azure-native":
            return None, ""
        raise Refused(f"the provider package '{package}' (no plugin {binary} found)")


def settings_of(package: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings of one package, without its name in front."""
    prefix = f"{package}:"
    return {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}


def guarded(command: list[str]) -> list[str]:
    """The command for a process that can't outlive this one."""
    return [sys.executable, "-S", str(_HERE / "guard.py"), str(os.getpid()), *command]


def served(servicer: provider_pb2_grpc.ResourceProviderServicer) -> Plugin:
    """Serves a provider class from this process."""
    add_to = provider_pb2_grpc.add_ResourceProviderServicer_to_server
    server, port = serve(servicer, [add_to], ThreadPoolExecutor(32))
    return Plugin(port, lambda: server.stop(None))


def _spawn(
    command: list[str],
    cwd: Path,
    environment: dict[str, str],
    stub: type[Any] = provider_pb2_grpc.ResourceProviderStub,
) -> Plugin:
    process = subprocess.Popen(
        guarded(command), cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip

    def end() -> None:
        process.kill()
        process.communicate()

    assert process.stdout
    port = process.stdout.readline().strip()
    if port.isdigit():
        return Plugin(int(port), end, stub)
    end()
    raise ProviderError(f"could not read plugin [{command[0]}]: exit status {process.returncode}")
