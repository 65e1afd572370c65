"""Runs the whole program under Pulumi's mocks: no engine, no Azure, in one process."""

# pulumi's runtime functions carry no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportMissingTypeArgument=false

import asyncio
import atexit
import json
import runpy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.rpc import UNKNOWN

PROGRAM = Path(__file__).parents[3] / "infra" / "__main__.py"
SUBSCRIPTION = "e0e0e0e0-0000-4000-8000-000000000002"
TENANT = "e0e0e0e0-0000-4000-8000-000000000001"
ALICE = "0a11ce00-0000-4000-8000-000000000001"
BUILD = "0b111d00-0000-4000-8000-000000000002"

CONFIG = {
    "location": "eastus2",
    "projects": json.dumps(["xbox", "surface"]),
    "developers": json.dumps(
        [
            {"name": "alice", "principalId": ALICE, "principalType": "User"},
            {"name": "build", "principalId": BUILD, "principalType": "ServicePrincipal"},
        ]
    ),
    "tags": json.dumps({"owner": "platform-team"}),
}


@dataclass
class Recording(mocks.Mocks):
    """What the program registered and exported."""

    inputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    types: dict[str, str] = field(default_factory=dict[str, str])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    unknown_outputs: set[str] = field(default_factory=set[str])
    secret_outputs: set[str] = field(default_factory=set[str])
    preview: bool = False

    def of_type(self, token: str) -> dict[str, dict[str, Any]]:
        """The inputs of every resource of one type, by its name in the program."""
        return {name: self.inputs[name] for name, type_ in self.types.items() if type_ == token}

    def call(self, args: mocks.MockCallArgs) -> Any:
        assert args.token == "azure-native:authorization:getClientConfig"
        return {
            "clientId": "platform",
            "objectId": "platform-object",
            "subscriptionId": SUBSCRIPTION,
            "tenantId": TENANT,
        }

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        assert args.name not in self.inputs, f"two resources are called {args.name}"
        self.inputs[args.name] = args.inputs
        self.types[args.name] = args.typ
        outputs = dict(args.inputs)
        if self.preview:
            # As a provider does: what only Azure can know is unknown.
            unknown = dict.fromkeys({"identity", "properties"} & outputs.keys(), UNKNOWN)
            return None, {**outputs, **unknown, "name": UNKNOWN}
        for key in ("resourceGroupName", "accountName", "vaultName", "workspaceName"):
            if key in outputs:
                outputs["name"] = outputs[key]
        if "identity" in outputs:
            principal = str(uuid.uuid5(uuid.NAMESPACE_DNS, args.name))
            outputs["identity"] = {**outputs["identity"], "principalId": principal}
        if args.typ.endswith(":Account"):
            endpoint = f"https://{outputs['name']}.cognitiveservices.azure.com/"
            outputs["properties"] = {**outputs["properties"], "endpoint": endpoint}
        if args.typ.endswith(":UserAssignedIdentity"):
            outputs["name"] = outputs["resourceName"]
            outputs["clientId"] = str(uuid.uuid5(uuid.NAMESPACE_URL, args.name))
            outputs["principalId"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, args.name))
        if args.typ.endswith(":Vault"):
            uri = f"https://{outputs['name']}.vault.azure.net/"
            outputs["properties"] = {**outputs["properties"], "vaultUri": uri}
        return f"/made/{args.name}", outputs


def run_program(config: Mapping[str, str], *, preview: bool = False) -> Recording:
    """Run `infra/__main__.py` with `config` (keys without the project's name)."""
    recording = Recording(preview=preview)
    _give_pulumi_a_loop()
    pulumi.runtime.set_mocks(recording, "foundry-tune", "dev", preview=preview)
    pulumi.runtime.set_all_config({f"foundry-tune:{key}": text for key, text in config.items()})

    def program() -> pulumi.Output[Any]:
        stack = pulumi.runtime.get_root_resource()
        assert stack is not None
        vars(stack)["outputs"].clear()  # what an earlier run exported
        runpy.run_path(str(PROGRAM), run_name="__main__")
        return pulumi.Output.all(
            *[_observe(recording, name, value) for name, value in vars(stack)["outputs"].items()]
        )

    pulumi.runtime.test(program)()
    return recording


@cache
def _give_pulumi_a_loop() -> None:
    """Pulumi asks for the thread's event loop; Python 3.12 and later warn where there is none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    atexit.register(loop.close)


def _observe(recording: Recording, name: str, value: Any) -> pulumi.Output[Any]:
    async def observe() -> None:
        output = pulumi.Output.from_input(value)
        if await output.is_secret():
            recording.secret_outputs.add(name)
        if await output.is_known():
            recording.outputs[name] = await output.future()
        else:
            recording.unknown_outputs.add(name)

    return pulumi.Output.from_input(observe())


def profile_config(profile: str) -> dict[str, str]:
    """What a profile's file says, as Pulumi gives it to the program."""
    text = (PROGRAM.parent / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)["config"]
    return {
        key.removeprefix("foundry-tune:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }


@pytest.fixture(scope="session")
def environment() -> Recording:
    """The program, run once with two projects and two developers."""
    return run_program(CONFIG)


@pytest.fixture(scope="session")
def run() -> Callable[..., Recording]:
    """Runs the program with a configuration of the test's own."""
    return run_program
