"""The stand-in provider as an engine calls it, against the emulator."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from minipulumi.azure_native.provider import AzureNativeProvider
from minipulumi.values import from_struct, to_struct


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
