"""What an emulator holds after a day's calls, and after a training."""

import json
import random
import time
from pathlib import Path
from typing import Any

import requests

from benchmarks.emulator import HOST, VERSION, ask, token
from benchmarks.measure import Result
from emulator.server import Emulator
from emulator.services.storage import blobs

CALLS = 200_000
_WARM = 20_000
"""Calls until the log and what is kept of the newest have their length."""

_STORAGE = "Microsoft.Storage/storageAccounts"
_VAULT = "Microsoft.KeyVault/vaults"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_LEARNING = "2025-04-01-preview"


def run(folder: Path) -> list[Result]:
    """Memory that 200,000 calls leave, three reads to a write; and what a training leaves."""
    with Emulator(folder / "state") as emulator:
        assert emulator.address is not None
        subscription = emulator.control.add_subscription(registered=None)
        groups = f"/subscriptions/{subscription}/resourceGroups"
        door = {
            "host": HOST,
            "ca": str(emulator.address.ca_file),
            "proxy": int(emulator.address.proxy.rsplit(":", 1)[-1]),
            "headers": {"authorization": f"Bearer {token(emulator)}"},
            "path": f"{groups}/rg-{{n}}?{VERSION}",
        }
        write = {**door, "method": "PUT", "body": {"location": "eastus2"}}
        read = {**door, "method": "GET"}

        def call(count: int) -> None:
            ask(write, calls=count // 4)
            ask(read, calls=count - count // 4)

        call(_WARM)
        before = _resident()
        for _ in range(10):
            call(CALLS // 10)
        grown = _resident() - before
        azure = _Azure(emulator, subscription)
        azure.train("warm")
        before = _resident()
        azure.train("again")
        left = _resident() - before
    return [
        Result(f"memory after {CALLS:,} calls more", grown, 5, "MB"),
        Result(
            "memory after one more training", left, 5, "MB", note="it trains in its own process"
        ),
    ]


class _Azure:
    """A project to train in, made and asked as any client does."""

    def __init__(self, emulator: Emulator, subscription: str) -> None:
        self._emulator = emulator
        self._group = f"/subscriptions/{subscription}/resourceGroups/rg-steady"
        self._account = f"st{subscription.replace('-', '')[:20]}"
        storage = f"{self._group}/providers/{_STORAGE}/{self._account}"
        vault = f"{self._group}/providers/{_VAULT}/kv-steady"
        self._project = f"{self._group}/providers/{_WORKSPACES}/project"
        hub = f"{self._group}/providers/{_WORKSPACES}/hub"
        here: dict[str, Any] = {"location": "eastus2"}
        mine: dict[str, Any] = {**here, "identity": {"type": "SystemAssigned"}}
        self._put(self._group, here, version="2024-03-01")
        account = {**here, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        self._put(storage, account, version="2023-05-01")
        of_vault = {
            "tenantId": emulator.cloud.tenant,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        }
        self._put(vault, {**here, "properties": of_vault}, version="2023-07-01")
        of_hub = {"storageAccount": storage, "keyVault": vault}
        self._put(hub, {**mine, "kind": "Hub", "properties": of_hub})
        self._put(self._project, {**mine, "kind": "Project", "properties": {"hubResourceId": hub}})

    def train(self, name: str) -> None:
        """Fine-tune on a small file, to the end."""
        container = f"azureml-blobstore-{self._get(self._project)['properties']['workspaceId']}"
        path = f"{name}/train.jsonl"
        blobs.write(self._emulator.cloud, self._account, container, path, _conversations())
        data = f"azureml://datastores/workspaceblobstore/paths/{path}"
        job = f"{self._project}/jobs/{name}"
        self._put(
            job,
            {
                "properties": {
                    "jobType": "FineTuning",
                    "experimentName": "steady",
                    "fineTuningDetails": {
                        "taskType": "chatCompletion",
                        "modelProvider": "Custom",
                        "model": {
                            "jobInputType": "mlflow_model",
                            "uri": "azureml://registries/azureml/models/Phi-4-mini-instruct",
                        },
                        "trainingData": {"jobInputType": "uri_file", "uri": data},
                        "hyperParameters": {"num_train_epochs": "1", "learning_rate": "0.0003"},
                    },
                    "outputs": {
                        "registered_model": {"jobOutputType": "mlflow_model", "assetName": name}
                    },
                }
            },
        )
        while (status := self._get(job)["properties"]["status"]) not in ("Completed", "Failed"):
            time.sleep(0.2)
        if status != "Completed":
            raise RuntimeError(f"the training {status.lower()}")

    def _put(self, path: str, body: dict[str, Any], *, version: str = _LEARNING) -> None:
        self._send("PUT", path, version, body)

    def _get(self, path: str) -> Any:
        return self._send("GET", path, _LEARNING)

    def _send(self, method: str, path: str, version: str, body: Any = None) -> Any:
        address = self._emulator.address
        assert address is not None
        answer = requests.request(
            method,
            f"https://{HOST}{path}",
            params={"api-version": version},
            json=body,
            headers={"authorization": f"Bearer {token(self._emulator)}"},
            proxies={"https": address.proxy},
            verify=str(address.ca_file),
            timeout=60,
        )
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        return answer.json() if answer.content else None


def _conversations() -> bytes:
    words = "console update queue party friend store badge capture stream".split()  # noqa: SIM905
    draw = random.Random(7)

    def said(role: str) -> dict[str, str]:
        return {"role": role, "content": " ".join(draw.choices(words, k=12))}

    lines = ({"messages": [said("user"), said("assistant")]} for _ in range(64))
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def _resident() -> float:
    """What this process, the server's, holds (MB)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
