"""A rehearsal that ends in the middle of a job: nothing runs on, and the next start takes it up."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.operations import Operations
from emulator.arm.subscriptions import add_subscription
from emulator.front import Front
from emulator.http.messages import Request
from emulator.rehearsal.identities import new_identities
from emulator.services.machinelearningservices import metrics, online_serving, runner
from emulator.services.storage import blobs
from emulator.state.access import Principal

ARM = "management.azure.com"
GROUP = "resourceGroups/rg"
MLS = "providers/Microsoft.MachineLearningServices/workspaces"

ENDED = 128 + signal.SIGTERM


class Rehearsal:
    """One emulator process's life, without sockets."""

    def __init__(self, state: Path, *, command_jobs: bool = True) -> None:
        self.front = Front(state, command_jobs=command_jobs)
        self.cloud = self.front.cloud
        identities = new_identities()
        self.front.start(identities.seed)
        owner = self.cloud.access.principal(identities.platform.object_id)
        assert owner is not None
        self.owner: Principal = owner
        self.subscription = add_subscription(
            self.cloud, "e0e0e0e0-0000-4000-8000-0000000000ff", owner=owner, registered=None
        )
        self.group = f"/subscriptions/{self.subscription}/{GROUP}"
        self.project = f"{self.group}/{MLS}/project"

    def __call__(self, method: str, path: str, body: Any = None, version: str = "") -> Any:
        query = {"api-version": version or "2024-10-01-preview"}
        token = self.cloud.tokens.issue(self.owner, f"https://{ARM}")
        response, _ = self.front.handle(
            Request(
                cloud=self.cloud,
                method=method,
                host=ARM,
                path=path,
                raw_path=path,
                raw_query="",
                query=query,
                headers={"authorization": f"Bearer {token}"},
                body=json.dumps(body).encode() if body is not None else b"",
                id=str(uuid.uuid4()),
                correlation_id=str(uuid.uuid4()),
            )
        )
        assert isinstance(response.body, bytes)
        assert response.status < 300, response.body
        return json.loads(response.body) if response.body else None

    def build(self) -> None:
        """A hub and a project with keys, and data in its blob store."""
        location = {"location": "eastus2"}
        self("PUT", self.group, location, "2021-04-01")
        storage = f"{self.group}/providers/Microsoft.Storage/storageAccounts/strestart"
        body = {**location, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        self("PUT", storage, body, "2023-05-01")
        vault = f"{self.group}/providers/Microsoft.KeyVault/vaults/kv-restart"
        properties: dict[str, Any] = {
            "tenantId": self.cloud.tenant,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        }
        self("PUT", vault, {**location, "properties": properties}, "2023-07-01")
        hub = f"{self.group}/{MLS}/hub"
        properties = {"storageAccount": storage, "keyVault": vault}
        self("PUT", hub, {**location, "kind": "Hub", "properties": properties})
        properties = {"hubResourceId": hub}
        self("PUT", self.project, {**location, "kind": "Project", "properties": properties})

    def submit(self, name: str, conversations: Path, epochs: str) -> None:
        """Upload and PUT."""
        container = self("GET", f"{self.project}/datastores/workspaceblobstore")["properties"]
        blobs.write(
            self.cloud,
            "strestart",
            container["containerName"],
            "train.jsonl",
            conversations.read_bytes(),
        )
        details = {
            "taskType": "ChatCompletion",
            "modelProvider": "Custom",
            "model": {"uri": "azureml://registries/azureml/models/Phi-4-mini-instruct"},
            "trainingData": {"uri": "azureml://datastores/workspaceblobstore/paths/train.jsonl"},
            "hyperParameters": {"num_train_epochs": epochs},
        }
        properties = {"jobType": "FineTuning", "fineTuningDetails": details}
        self("PUT", f"{self.project}/jobs/{name}", {"properties": properties})

    def command(self, name: str, line: str) -> None:
        """PUT a command job."""
        environment = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
        properties = {"jobType": "Command", "command": line, "environmentId": environment}
        self("PUT", f"{self.project}/jobs/{name}", {"properties": properties})

    def deploy(self, script: str) -> str:
        """PUT an online endpoint and a deployment of a scoring script; gives the latter's id."""
        container = self("GET", f"{self.project}/datastores/workspaceblobstore")["properties"]
        name = container["containerName"]
        blobs.write(self.cloud, "strestart", name, "code/score.py", script.encode())
        code = f"{self.project}/codes/score/versions/1"
        address = f"https://strestart.blob.core.windows.net/{name}/code"
        self("PUT", code, {"properties": {"codeUri": address}})
        endpoint = f"{self.project}/onlineEndpoints/restarted"
        located: dict[str, Any] = {"location": "eastus2"}
        self("PUT", endpoint, {**located, "properties": {"authMode": "Key"}})
        properties = {
            "instanceType": "Standard_DS3_v2",
            "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
            "environmentId": "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        }
        body = {**located, "sku": {"name": "Default", "capacity": 1}, "properties": properties}
        self("PUT", f"{endpoint}/deployments/blue", body)
        return f"{endpoint}/deployments/blue"

    def ask(self, online: str) -> bytes:
        """What a deployment answers."""
        deployment = self.cloud.resources.get(online)
        assert deployment is not None
        return online_serving.of(self.cloud).ask(deployment, b"{}").content

    def trainer(self) -> "subprocess.Popen[Any]":
        """The one trainer at work: how it ended is seen nowhere but on the process itself."""
        (child,) = self.cloud.workers._children  # pyright: ignore[reportPrivateUsage]
        return child

    def wait(self, name: str, *statuses: str) -> Any:
        """The job once it has one of the statuses, not only to the service's clients."""
        give_up = time.monotonic() + 60
        while True:
            job = self.cloud.resources.get(f"{self.project}/jobs/{name}")
            assert job is not None
            if job.properties["status"] in statuses:
                return self("GET", f"{self.project}/jobs/{name}")
            assert time.monotonic() < give_up, job.properties["status"]
            time.sleep(0.02)


SCORE = """\
import pathlib, time

def init():
    pathlib.Path("{began}").touch()
    while not pathlib.Path("{goes_on}").exists():
        time.sleep(0.01)

def run(raw_data):
    return "served"
"""


def test_a_deployment_is_made_on_and_serves_again_after_a_restart(tmp_path: Path) -> None:
    began, goes_on = tmp_path / "began", tmp_path / "goes-on"
    first = Rehearsal(tmp_path / "state")
    first.build()
    online = first.deploy(SCORE.format(began=began, goes_on=goes_on))
    _until(began.exists)
    assert first("GET", online)["properties"]["provisioningState"] == "Creating"
    first.front.stop()

    goes_on.touch()
    second = Rehearsal(tmp_path / "state")
    _until(lambda: second("GET", online)["properties"]["provisioningState"] == "Succeeded")
    assert second.ask(online) == b'"served"'
    second.front.stop()

    third = Rehearsal(tmp_path / "state")
    assert third.ask(online) == b'"served"'
    third.front.stop()


def test_an_init_that_takes_longer_than_its_probe_allows_fails_the_deployment(
    tmp_path: Path,
) -> None:
    rehearsal = Rehearsal(tmp_path / "state")
    rehearsal.build()
    began = tmp_path / "began"
    online = rehearsal.deploy(SCORE.format(began=began, goes_on=tmp_path / "never"))
    _until(began.exists)
    rehearsal.cloud.clock.advance(300)
    assert rehearsal("GET", online)["properties"]["provisioningState"] == "Creating"
    rehearsal.cloud.clock.advance(20)
    _until(lambda: rehearsal("GET", online)["properties"]["provisioningState"] == "Failed")
    rehearsal.front.stop()


def _until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_job_that_was_running_is_trained_again_under_its_name(
    tmp_path: Path, conversations: Path
) -> None:
    first = Rehearsal(tmp_path)
    first.build()
    first.submit("long", conversations, "3")
    first.submit("waiting", conversations, "1")
    first.wait("long", "Running")
    trainer = first.trainer()
    first.front.stop()
    assert trainer.returncode == ENDED, "the trainer was not asked to end, but killed"

    second = Rehearsal(tmp_path)
    long = second.wait("long", "Completed", "Failed")
    assert long["properties"]["status"] == "Completed"
    assert second.wait("waiting", "Completed", "Failed")["properties"]["status"] == "Completed"
    key = f"{second.project}/jobs/long".lower()
    steps = [value.step for value in metrics.history(second.cloud, key, "train_loss")]
    assert steps == list(range(1, 37))
    second.front.stop()


def test_a_job_that_was_being_canceled_is_canceled(tmp_path: Path, conversations: Path) -> None:
    first = Rehearsal(tmp_path)
    first.build()
    first.submit("running", conversations, "10")
    first.submit("queued", conversations, "1")
    first.wait("running", "Running")
    first("POST", f"{first.project}/jobs/running/cancel")
    first("POST", f"{first.project}/jobs/queued/cancel")
    assert first.wait("queued", "Canceled")
    first.front.stop()

    second = Rehearsal(tmp_path)
    assert second.wait("running", "Canceled", "Completed")["properties"]["status"] == "Canceled"
    second.front.stop()


def test_a_command_that_was_running_is_ended_and_run_again_under_its_name(
    tmp_path: Path, has_ended: Callable[[int], bool]
) -> None:
    began = tmp_path / "began"
    line = f"if [ -e {began} ]; then exit 0; fi; sleep 600 & echo $! > {began}; wait"
    first = Rehearsal(tmp_path / "state")
    first.build()
    first.command("cmd", line)
    first.wait("cmd", "Running")
    while not (began.exists() and began.read_text().strip()):
        time.sleep(0.02)
    first.front.stop()
    assert has_ended(int(began.read_text()))

    second = Rehearsal(tmp_path / "state")
    assert second.wait("cmd", "Completed", "Failed")["properties"]["status"] == "Completed"
    second.front.stop()


def test_a_killed_emulator_takes_its_jobs_and_all_that_they_started_with_it(
    tmp_path: Path, has_ended: Callable[[int], bool]
) -> None:
    began = tmp_path / "began"
    line = f"sleep 600 & echo $! > {began}.part; mv {began}.part {began}; wait"
    life = (
        f"import pathlib, sys, {__name__} as ours; r = ours.Rehearsal(pathlib.Path(sys.argv[1]));"
        "r.build(); r.command('cmd', sys.argv[2]); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", life, str(tmp_path / "state"), line], stdin=subprocess.PIPE
    ) as emulator:
        while not began.exists():
            time.sleep(0.02)
        emulator.kill()
    assert has_ended(int(began.read_text()))


def test_a_run_that_takes_no_command_jobs_refuses_them_and_trains_all_the_same(
    tmp_path: Path, conversations: Path
) -> None:
    rehearsal = Rehearsal(tmp_path, command_jobs=False)
    rehearsal.build()
    with pytest.raises(AssertionError, match="started with --no-command-jobs"):
        rehearsal.command("cmd", "true")
    rehearsal.submit("trained", conversations, "1")
    rehearsal.front.stop()


def test_a_trainer_that_dies_fails_its_job_and_the_next_one_runs(
    tmp_path: Path, conversations: Path
) -> None:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.build()
    rehearsal.submit("dies", conversations, "10")
    rehearsal.submit("next", conversations, "1")
    rehearsal.wait("dies", "Running")
    rehearsal.trainer().kill()
    job = rehearsal.wait("dies", "Failed")
    error = rehearsal.cloud.resources.get(job["id"])
    assert error is not None
    assert "ended without a result" in error.private["error"]["error"]["message"]
    assert rehearsal.wait("next", "Completed", "Failed")["properties"]["status"] == "Completed"
    rehearsal.front.stop()


def test_deleting_the_project_ends_its_jobs(tmp_path: Path, conversations: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.build()
    rehearsal.submit("doomed", conversations, "10")
    rehearsal.wait("doomed", "Running")
    trainer = rehearsal.trainer()
    rehearsal("DELETE", rehearsal.project)
    rehearsal.cloud.part(Operations).settle()
    assert rehearsal.cloud.resources.get(rehearsal.project) is None
    assert trainer.wait(60) == ENDED
    rehearsal.front.stop()


def test_a_trainer_that_can_not_be_followed_is_ended(
    tmp_path: Path,
    conversations: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    followed: list[subprocess.Popen[Any]] = []

    def fail(*_: object) -> None:
        followed.append(rehearsal.trainer())
        raise OSError("the disk is full")

    rehearsal = Rehearsal(tmp_path)
    rehearsal.build()
    monkeypatch.setattr(metrics, "log", fail)
    rehearsal.submit("unfollowed", conversations, "10")
    rehearsal.wait("unfollowed", "Failed")
    assert [trainer.returncode is not None for trainer in followed] == [True]
    assert "the disk is full" in caplog.text
    rehearsal.front.stop()


def test_a_name_is_free_again_once_the_deleted_jobs_work_has_ended(
    tmp_path: Path, conversations: Path
) -> None:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.build()
    working = runner.of(rehearsal.cloud)._active  # pyright: ignore[reportPrivateUsage] # a window of milliseconds
    key = f"{rehearsal.project}/jobs/again".lower()
    working.add(key)
    with pytest.raises(AssertionError, match="its work is being ended"):
        rehearsal.submit("again", conversations, "1")
    working.remove(key)
    rehearsal.submit("again", conversations, "1")
    rehearsal.front.stop()
