"""The stand-in provider as an engine calls it, and whole stacks, against the emulator."""

import shutil
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from emulator.rehearsal import inventory
from emulator.server import Emulator
from minipulumi.azure_native.provider import AzureNativeProvider
from minipulumi.values import from_struct, to_struct

ROOT = Path(__file__).parents[3]
Pulumi = Callable[..., subprocess.CompletedProcess[str]]


class AbortedError(Exception):
    """A call that the provider ended with an error."""


class Context:
    """What gRPC gives a method, as far as the provider uses it."""

    def __init__(self) -> None:
        self.trailers: dict[str, bytes] = {}

    def set_trailing_metadata(self, trailers: list[tuple[str, bytes]]) -> None:
        self.trailers = dict(trailers)

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        assert code is not grpc.StatusCode.OK
        raise AbortedError(details)


@dataclass(frozen=True, slots=True)
class Made:
    """A resource as it would be in the state."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Engine:
    """Calls the provider in the order in which Pulumi's engine does."""

    provider: AzureNativeProvider
    subscription: str

    def check(self, token: str, inputs: Mapping[str, Any]) -> struct_pb2.Struct:
        news = to_struct(inputs)
        request = provider_pb2.CheckRequest(urn=urn_of(token), news=news)
        answer = self.provider.Check(request, Context())
        assert not answer.failures, answer.failures
        return answer.inputs

    def create(self, token: str, inputs: Mapping[str, Any]) -> Made:
        checked = self.check(token, inputs)
        request = provider_pb2.CreateRequest(urn=urn_of(token), properties=checked)
        answer = self.provider.Create(request, Context())
        return Made(urn_of(token), answer.id, from_struct(checked), from_struct(answer.properties))

    def read(self, made: Made) -> Any:
        request = provider_pb2.ReadRequest(
            id=made.id,
            urn=made.urn,
            properties=to_struct(made.outputs),
            inputs=to_struct(made.inputs),
        )
        return self.provider.Read(request, Context())

    def diff(self, made: Made, news: Mapping[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(
            id=made.id,
            urn=made.urn,
            olds=to_struct(made.outputs),
            old_inputs=to_struct(made.inputs),
            news=to_struct(news),
        )
        return self.provider.Diff(request, Context())

    def update(self, made: Made, news: Mapping[str, Any]) -> Made:
        request = provider_pb2.UpdateRequest(
            id=made.id,
            urn=made.urn,
            olds=to_struct(made.outputs),
            old_inputs=to_struct(made.inputs),
            news=to_struct(news),
        )
        answer = self.provider.Update(request, Context())
        return Made(made.urn, made.id, dict(news), from_struct(answer.properties))

    def delete(self, made: Made) -> None:
        request = provider_pb2.DeleteRequest(
            id=made.id, urn=made.urn, properties=to_struct(made.outputs)
        )
        self.provider.Delete(request, Context())


def urn_of(token: str) -> str:
    return f"urn:pulumi:dev::foundry-tune::{token}::it"


@pytest.fixture
def engine(subscription: str) -> Engine:
    """A configured provider in a subscription of its own."""
    provider = AzureNativeProvider()
    provider.Configure(provider_pb2.ConfigureRequest(), Context())
    return Engine(provider, subscription)


@pytest.fixture
def group(engine: Engine) -> Made:
    """A resource group to make things in."""
    inputs = {"resourceGroupName": "rg-test", "location": "eastus2"}
    return engine.create("azure-native:resources:ResourceGroup", inputs)


@pytest.fixture
def unique() -> str:
    """Ten letters for a name that is taken worldwide."""
    return uuid.uuid4().hex[:10]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout as far as `pulumi` looks at it, so that nothing is written into this one."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    return tmp_path


@pytest.fixture
def subscription_id(emulator: Emulator) -> str:
    """A subscription in which nothing is registered, as a new one is."""
    return emulator.control.add_subscription(registered=())


@pytest.fixture
def pulumi(emulator: Emulator, project: Path, subscription_id: str, tmp_path: Path) -> Pulumi:
    """Runs `pulumi` with the environment that `foundry-emulator run` gives."""
    return runner(emulator.environment(subscription=subscription_id), project, tmp_path)


def runner(
    environment: Mapping[str, str], project: Path, root: Path, program: str = "pulumi"
) -> Pulumi:
    """Runs a `pulumi`, or the one that the environment finds, with its state below `root`."""
    state = root / "state"
    state.mkdir(exist_ok=True)
    own = {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_HOME": str(root / "home")}
    found = shutil.which(program, path=environment["PATH"])
    assert found

    def run(*arguments: str, code: int = 0, stack: str = "dev") -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [found, *arguments, "--stack", stack, "--non-interactive"],
            cwd=project,
            env={**environment, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result

    return run


def in_the_bin(emulator: Emulator, subscription_id: str) -> list[str]:
    """The ids of what Azure keeps of a subscription's deleted vaults, accounts and workspaces."""
    deleted: list[str] = inventory.take(emulator.cloud)["deleted"]
    return [id for id in deleted if id.startswith(f"/subscriptions/{subscription_id}/")]
