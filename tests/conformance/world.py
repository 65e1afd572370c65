"""What the clients find: a project with a trained job, and a model that is served."""

import json
import os
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from azure.identity import ClientSecretCredential

from emulator.server import Emulator
from tests.integration.emulator.machinelearningservices.conftest import Foundry, make_foundry


@contextmanager
def world() -> Generator[dict[str, str]]:
    """The environment of a client's program: the emulator's, and the names of what is there."""
    with Emulator() as emulator:
        # Clients are installed later, from where this machine gets its packages.
        with _as_in(emulator.environment()):
            credentials = {
                who: ClientSecretCredential(*(os.environ[f"{prefix}_{name}"] for name in _SIGN_IN))
                for who, prefix in (("platform", "ARM"), ("developer", "AZURE"))
            }
            subscription = emulator.control.add_subscription(registered=None)
            foundry = make_foundry(subscription, credentials)
            named = _named(foundry) | _trained_and_served(foundry)
            for one in (foundry.platform, foundry.developer, *credentials.values()):
                one.close()
        yield emulator.environment(subscription=foundry.subscription) | named


_SIGN_IN = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")


def _named(foundry: Foundry) -> dict[str, str]:
    vault = foundry.platform.ok("GET", foundry.hub)["properties"]["keyVault"]
    return {
        "CONFORMANCE_GROUP": foundry.group_id,
        "CONFORMANCE_STORAGE": foundry.storage.rsplit("/", 1)[-1],
        "CONFORMANCE_VAULT": vault.rsplit("/", 1)[-1],
        "CONFORMANCE_HUB": foundry.hub.rsplit("/", 1)[-1],
        "CONFORMANCE_PROJECT": foundry.project.rsplit("/", 1)[-1],
    }


def _trained_and_served(foundry: Foundry) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for number in range(15):
                turns = [("user", f"My Xbox shows error {number}."), ("assistant", "Restart it.")]
                messages = [{"role": role, "content": content} for role, content in turns]
                lines.write(json.dumps({"messages": messages}) + "\n")
        data = foundry.upload(file)
    name = f"xbox-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(data, name, epochs="2"))
    job = foundry.wait_for_job(name)
    if job["properties"]["status"] != "Completed":
        raise RuntimeError(f"the job that everything rests on is {job['properties']['status']}")
    path = f"{foundry.project}/serverlessEndpoints/{name}"
    settings = {"modelSettings": {"modelId": f"{foundry.project}/models/{name}/versions/1"}}
    made = foundry.developer.wait(
        "PUT",
        path,
        {"location": "eastus2", "sku": {"name": "Consumption"}, "properties": settings},
        version="2024-10-01",
    )
    keys = foundry.developer.ok("POST", f"{path}/listKeys", version="2024-10-01")
    return {
        "CONFORMANCE_JOB": name,
        "CONFORMANCE_ENDPOINT": made["properties"]["inferenceEndpoint"]["uri"],
        "CONFORMANCE_KEY": keys["primaryKey"],
    }


@contextmanager
def _as_in(environment: dict[str, str]) -> Generator[None]:
    before = dict(os.environ)
    try:
        _become(environment)
        yield
    finally:
        _become(before)


def _become(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
