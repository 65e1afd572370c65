"""An environment to work in, made by ARM calls in a moment: what `pulumi up` makes in seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.identities import DEVELOPER
from emulator.server import Emulator
from jobs.foundry.arm import Arm
from jobs.foundry.session import Session, connect
from jobs.target import Target

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

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}"

    @property
    def project_id(self) -> str:
        return (
            f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{PROJECT}"
        )

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

    def tune(self, *arguments: str, **environment: str) -> "Ran":
        """Run `foundry-tune` as a user does, in a process of its own."""
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("foundry-tune")), *arguments],
            cwd=self.folder,
            env=self.environment() | environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def writes(self, after: int) -> list[str]:
        """What was changed since a call: everything but reads, sign-ins and questions."""
        return [
            f"{call['method']} {call['path']}"
            for call in self.emulator.control.calls(after=after)
            if call["method"] not in {"GET", "HEAD", "OPTIONS", "CONNECT"}
            and "/oauth2/" not in call["path"]
        ]

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


@pytest.fixture
def place(emulator: Emulator, subscription: str, tmp_path: Path) -> Iterator[Place]:
    """A project with its hub and storage, which the developer may use."""
    place = Place(emulator, subscription, tmp_path)
    make_environment(place)
    yield place


@pytest.fixture
def session(place: Place) -> Session:
    return place.session()


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
    from azure.identity import ClientSecretCredential

    return Arm(
        ClientSecretCredential(
            os.environ["ARM_TENANT_ID"],
            os.environ["ARM_CLIENT_ID"],
            os.environ["ARM_CLIENT_SECRET"],
        )
    )


QUESTIONS = (
    ("My controller keeps disconnecting.", "Let us pair it again. Hold the pair button."),
    ("The console is too loud.", "Dust the vents and move it away from the wall."),
    ("A game does not start.", "Restart the console and install the update."),
    ("I can not sign in.", "Reset your password and try once more."),
    ("The screen stays black.", "Check the HDMI cable and use another port."),
    ("How do I get a refund?", "Open your order history and choose refund."),
)


def write_story(
    folder: Path,
    *,
    name: str = "tiny",
    epochs: int = 1,
    rows: int = 18,
    endpoint: bool = True,
    extra: str = "",
) -> Path:
    """A story that trains in a moment: its data, and its spec; the spec's path is returned."""
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
    (folder / f"{name}-train.jsonl").write_text("\n".join(lines[:-3]) + "\n", encoding="utf-8")
    (folder / f"{name}-valid.jsonl").write_text("\n".join(lines[-3:]) + "\n", encoding="utf-8")
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
