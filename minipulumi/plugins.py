"""Provider plugins: found, started, called; in this process or over gRPC."""

# grpcio ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
import os
import shutil
import subprocess
import sys
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from minipulumi.errors import Refused
from minipulumi.project import Project, pulumi_home

_HERE = Path(__file__).parent
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]


class ProviderError(Exception):
    """What a provider answered instead of a result."""

    def __init__(self, message: str, code: grpc.StatusCode, trailers: dict[str, bytes]):
        super().__init__(message)
        self.code = code
        self.partial = _init_failed(trailers.get("grpc-status-details-bin"))


def _init_failed(details: bytes | None) -> provider_pb2.ErrorResourceInitFailed | None:
    """Reads the state of a half-made resource out of the error, if the provider sent it."""
    if not details:
        return None
    from google.rpc import status_pb2

    for detail in status_pb2.Status.FromString(details).details:
        failed = provider_pb2.ErrorResourceInitFailed()
        if detail.Unpack(failed):
            return failed
    return None


class LocalPlugin:
    """A provider class called directly, without a process or a socket."""

    def __init__(self, servicer: provider_pb2_grpc.ResourceProviderServicer):
        self._servicer = servicer

    def call(self, method: str, request: Any) -> Any:
        """Calls the servicer's method with a context that only carries errors."""
        context = _Context()
        try:
            return getattr(self._servicer, method)(request, context)
        except _Aborted:
            raise context.error() from None
        except NotImplementedError as error:
            context.code = grpc.StatusCode.UNIMPLEMENTED
            raise context.error() from error
        except Exception as error:
            context.details = context.details or f"{type(error).__name__}: {error}"
            raise context.error() from error

    def close(self) -> None:
        """Nothing to end."""


class _Aborted(Exception):  # noqa: N818
    pass


class _Context:
    """The part of grpc.ServicerContext that providers use."""

    def __init__(self):
        self.code, self.details = grpc.StatusCode.UNKNOWN, ""
        self.trailers: dict[str, bytes] = {}

    def error(self) -> ProviderError:
        return ProviderError(self.details, self.code, self.trailers)

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        self.code, self.details = code, details
        raise _Aborted

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailers: Any) -> None:
        self.trailers = dict(trailers)

    def is_active(self) -> bool:
        return True


class ProcessPlugin:
    """A provider in a process of its own."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str]):
        guarded = [sys.executable, "-S", str(_HERE / "guard.py"), str(os.getpid()), *command]
        self._process = subprocess.Popen(
            guarded, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout
        port = self._process.stdout.readline().strip()
        if not port.isdigit():
            self.close()
            text = f"could not read plugin [{command[0]}]: exit status {self._process.returncode}"
            raise ProviderError(text, grpc.StatusCode.UNAVAILABLE, {})
        address = f"127.0.0.1:{port.decode()}"
        self._channel = grpc.insecure_channel(
            address, options=[*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0)]
        )
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def call(self, method: str, request: Any) -> Any:
        """Calls the plugin over gRPC."""
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            failed: Any = error
            trailers = dict(failed.trailing_metadata() or ())
            raise ProviderError(failed.details() or str(error), failed.code(), trailers) from None

    def close(self) -> None:
        """Kills the process at once: it has been told to cancel, and owns nothing to save."""
        if channel := getattr(self, "_channel", None):
            channel.close()
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


Plugin = LocalPlugin | ProcessPlugin


class PluginHost:
    """Finds and starts plugins; every process starts from one thread that outlives them all.

    That thread matters: the kernel's "kill me when my parent dies" means the parent's *thread*.
    """

    def __init__(self, project: Project, spawner: Executor, engine: str, config: dict[str, str]):
        self._project, self._spawner, self._engine = project, spawner, engine
        self._config = config  # package → its settings as JSON
        self.running: list[Plugin] = []

    def start(self, package: str, version: str) -> tuple[Plugin, str]:
        """Starts the package's plugin; also gives the path if it came from PATH, to warn."""
        command, ambient = self._find(package, version)
        plugin: Plugin
        if command is None:
            from minipulumi.azure_native.provider import AzureNativeProvider

            plugin = LocalPlugin(AzureNativeProvider())
        else:
            environment = {
                **os.environ,
                "no_grpc_proxy": "127.0.0.1",
                "PULUMI_PROJECT": self._project.name,
                "PULUMI_CONFIG": self._config.get(package, "{}"),
                "PWD": str(self._project.program),
                **{
                    f"PULUMI_RUNTIME_{name.upper()}": value
                    for name, value in self._project.options.items()
                },
            }
            plugin = self._spawner.submit(
                ProcessPlugin, [*command, self._engine], self._project.program, environment
            ).result()
        self.running.append(plugin)
        return plugin, ambient

    def _find(self, package: str, version: str) -> tuple[list[str] | None, str]:
        binary = f"pulumi-resource-{package}"
        if folder := self._project.plugins.get(package):
            return [str(folder / binary)], ""
        if package == "pulumi-python":
            return [self._project.python, "-u", "-m", "pulumi.dynamic"], ""
        # The order of the real engine. Ours, which `foundry-emulator run` puts on PATH for a real
        # engine, is the same class that is called directly below.
        ambient = shutil.which(binary)
        if ambient and Path(ambient).resolve().parent != _HERE / "bin":
            return [ambient], ambient
        installed = pulumi_home() / "plugins" / f"resource-{package}-v{version}" / binary
        if version and installed.is_file():
            return [str(installed)], ""
        if package == "azure-native":
            return None, ""
        raise Refused(f"the provider package '{package}' (no plugin {binary} found)")
