"""An environment to work in, made by ARM calls in a moment: what `pulumi up` makes in seconds."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator
from infra import role_sets, roles
from infra.role_sets import RoleSet
from jobs.foundry.arm import Arm
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.session import Session, connect
from jobs.target.target import Target

ROOT = Path(__file__).parents[3]
GROUP = "rg-jobs"
PROJECT = "xbox"
AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@dataclass(frozen=True, slots=True)
class Place:
    """A project of a test's own, and the folder to run commands in."""

    emulator: Emulator
    subscription: str
    folder: Path
    commands: "Commands"

    @property
    def name(self) -> str:
        """What stories are called here: endpoint names are unique in a whole region."""
        return f"tiny-{self.subscription[:8]}"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}"

    @property
    def project_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{PROJECT}"

    @property
    def storage_id(self) -> str:
        account = f"st{self.subscription.replace('-', '')[-18:]}"
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/{account}"

    def target(self) -> Target:
        return Target(
            subscription_id=self.subscription,
            resource_group=GROUP,
            project=PROJECT,
            sources=dict.fromkeys(("subscription_id", "resource_group", "project"), "the test"),
        )

    def session(self) -> Session:
        return connect(self.target())

    def environment(self) -> dict[str, str]:
        """The environment of a `foundry-tune` child process in this project."""
        return os.environ | {
            "AZURE_RESOURCE_GROUP": GROUP,
            "AZURE_PROJECT": PROJECT,
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONPATH": str(ROOT),
        }

    def tune(self, *arguments: str, **environment: str | None) -> "Ran":
        """Run `foundry-tune` to its end, in a process of its own."""
        return self.start(*arguments, **environment).wait()

    def start(self, *arguments: str, **environment: str | None) -> "Running":
        """Start `foundry-tune`, to be watched, interrupted or killed; None unsets a variable."""
        given = self.environment() | environment
        kept = {name: value for name, value in given.items() if value is not None}
        return self.commands.start(self.folder, arguments, kept)

    def writes(self, after: int) -> list[str]:
        """What was changed since a call: everything but reads, sign-ins and questions."""
        return [
            f"{call['method']} {call['path']}"
            for call in self.emulator.control.calls(after=after)
            if call["method"] not in {"GET", "HEAD", "OPTIONS", "CONNECT"}
            and "/oauth2/" not in call["path"]
        ]

    def endpoint(self) -> Endpoint:
        """The endpoint that the name of the story leads to."""
        from jobs.look import inventory

        return inventory.find_endpoint(self.session(), self.name)

    def endpoints(self) -> list[str]:
        """The names of the project's endpoints, straight from the store."""
        kind = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints"
        return sorted(
            e.name for e in self.emulator.cloud.resources.of_type(kind, self.subscription)
        )

    def jobs(self) -> list[str]:
        """The names of the project's jobs, whoever looks."""
        from jobs.foundry import jobs

        return sorted(job.name for job in jobs.listed(self.session()))


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class Running:
    """A command on its way."""

    pid: int
    output: Path
    _end: Callable[[], int]

    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> "Ran":
        """Send a signal, and see what becomes of it."""
        os.kill(self.pid, how)
        return self.wait()

    def wait(self) -> "Ran":
        code = self._end()
        said = [(self.output / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        return Ran(code, *said)


class Commands:
    """Runs commands as forks of a process that has imported everything (`fork_server.py`)."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self._read()

    def start(self, folder: Path, arguments: Sequence[str], environment: dict[str, str]) -> Running:
        output = folder / ".output"
        output.mkdir(exist_ok=True)
        asked = {
            "arguments": list(arguments),
            "environment": environment,
            "folder": str(folder),
            "output": str(output),
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Running(self._read()["pid"], output, lambda: int(self._read()["code"]))

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        return json.loads(self._server.stdout.readline())


def somebody_who(place: Place, role_set: RoleSet) -> dict[str, str]:
    """A new principal with a set's roles in the project, as variables to sign in with."""
    arm, control = platform(place), place.emulator.control
    who, secret = control.add_principal(name=role_set)
    role = roles.READER
    if custom := role_sets.CUSTOM.get(role_set):
        role = role_sets.guid(place.group_id, role_set)
        properties = {
            "roleName": f"{role_set} {place.subscription}",
            "assignableScopes": [place.group_id],
            "permissions": [{"actions": list(custom.actions)}],
        }
        path = f"{place.group_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        arm.put(path, "2022-04-01", {"properties": properties}, "make the role")
    control.assign(who.id, role, place.project_id)
    if role_set in role_sets.DATA:
        control.assign(who.id, role_sets.DATA[role_set], place.storage_id)
    return {"AZURE_CLIENT_ID": who.client_id, "AZURE_CLIENT_SECRET": secret}


@pytest.fixture(scope="session")
def commands(emulator: Emulator) -> Iterator[Commands]:
    commands = Commands()
    yield commands
    commands.close()


@pytest.fixture
def place(emulator: Emulator, subscription: str, commands: Commands, tmp_path: Path) -> Place:
    """A project with its hub and storage, which the developer may use."""
    place = Place(emulator, subscription, tmp_path, commands)
    make_environment(place)
    return place


@pytest.fixture
def session(place: Place) -> Session:
    return place.session()


@pytest.fixture
def served(place: Place) -> Place:
    """A project with a story that was applied: tuned, served, proven."""
    applied = place.tune("apply", str(write_story(place)), "--yes")
    assert applied.code == 0, applied.said
    return place


def make_environment(place: Place, *, roles: Sequence[str] = ("developer", "blobs")) -> None:
    """The few resources that jobs need, put by the platform's identity."""
    arm = platform(place)
    location = {"location": "eastus2"}
    arm.put(place.group_id, "2024-03-01", dict(location), "make the group")
    provider = f"{place.group_id}/providers"
    body = {
        **location,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"allowSharedKeyAccess": False},
    }
    arm.put(place.storage_id, "2023-05-01", body, "make the storage account")
    vault = f"{provider}/Microsoft.KeyVault/vaults/kv{place.subscription.replace('-', '')[-18:]}"
    tenant = os.environ["ARM_TENANT_ID"]
    properties: dict[str, Any] = {
        "tenantId": tenant,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    arm.put(vault, "2023-07-01", {**location, "properties": properties}, "make the vault")
    hub = f"{provider}/Microsoft.MachineLearningServices/workspaces/hub-jobs"
    body = {
        **location,
        "kind": "Hub",
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "storageAccount": place.storage_id,
            "keyVault": vault,
            "systemDatastoresAuthMode": "identity",
        },
    }
    arm.put(hub, "2024-10-01", body, "make the hub")
    body = {
        **location,
        "kind": "Project",
        "identity": {"type": "SystemAssigned"},
        "properties": {"hubResourceId": hub},
    }
    made = arm.put(place.project_id, "2024-10-01", body, "make the project")
    control = place.emulator.control
    control.assign(made["identity"]["principalId"], BLOB_DATA_CONTRIBUTOR, place.storage_id)
    if "developer" in roles:
        control.assign(DEVELOPER[1], AI_DEVELOPER, place.group_id)
    if "blobs" in roles:
        control.assign(DEVELOPER[1], BLOB_DATA_CONTRIBUTOR, place.storage_id)


def platform(place: Place) -> Arm:
    """ARM as the platform team sees it."""
    return arm_of(os.environ["ARM_CLIENT_ID"], os.environ["ARM_CLIENT_SECRET"])


def arm_of(client_id: str, secret: str) -> Arm:
    """ARM as somebody sees it."""
    from azure.identity import ClientSecretCredential

    return Arm(ClientSecretCredential(os.environ["ARM_TENANT_ID"], client_id, secret))


QUESTIONS = (
    ("My controller keeps disconnecting.", "Let us pair it again. Hold the pair button."),
    ("The console is too loud.", "Dust the vents and move it away from the wall."),
    ("A game does not start.", "Restart the console and install the update."),
    ("I can not sign in.", "Reset your password and try once more."),
    ("The screen stays black.", "Check the HDMI cable and use another port."),
    ("How do I get a refund?", "Open your order history and choose refund."),
)


def write_story(
    place: Place,
    *,
    name: str = "",
    epochs: int = 1,
    rows: int = 21,
    endpoint: bool = True,
    extra: str = "",
) -> Path:
    """A story that trains in a moment: its data, and its spec; the spec's path is returned."""
    folder, name = place.folder, name or place.name
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"{question} ({index})"},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
        for index in range(rows)
        for question, answer in [QUESTIONS[index % len(QUESTIONS)]]
    ]
    for role, part in (("train", lines[:-6]), ("valid", lines[-6:-3]), ("test", lines[-3:])):
        content = "".join(f"{line}\n" for line in part)
        (folder / f"{name}-{role}.jsonl").write_text(content, encoding="utf-8")
    text = f"""\
type: finetuning
name: {name}
model: azureml://registries/azureml/models/Phi-4-mini-instruct
training_data: {name}-train.jsonl
validation_data: {name}-valid.jsonl
hyperparameters: {{batch_size_multiplier: 4, learning_rate: 2e-5, epochs: {epochs}}}
outputs: {{registered_model: {{name: {name}}}}}
"""
    if endpoint:
        text += f"""\
---
type: serverless_endpoint
name: {name}
model: ${{{{ finetuning.{name}.registered_model }}}}
smoke_tests:
  - prompt: My controller keeps disconnecting.
    expect: {{max_chars: 4000}}
    max_tokens: 8
{extra}"""
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def early_in_a_month(place: Place) -> Iterator[None]:
    """So that no month ends in the middle of a test; afterwards it is as late as it was."""
    clock = place.emulator.control.clock
    ahead = clock.timestamp() - time.monotonic()
    now = clock.now()
    if now.day > 20:
        first = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=1)
        clock.advance((first - now).total_seconds())
    yield
    clock.advance(ahead - (clock.timestamp() - time.monotonic()))
