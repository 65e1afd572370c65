"""A hub and a project as Pulumi would make them, and the clients that talk to them."""

import json
import logging
import os
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RequestIdPolicy
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import ClientSecretCredential
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling
from azure.storage.blob import BlobClient

from emulator.rehearsal.identities import DEVELOPER
from emulator.server import Emulator

ARM = "https://management.azure.com"
MLS = "Microsoft.MachineLearningServices"
AZURE_AI_DEVELOPER = "64702f94-c441-49e6-a78b-ef80e0188fee"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
VERSION = "2024-10-01-preview"
TERMINAL = ("Completed", "Failed", "Canceled")


class Arm:
    """ARM through azure-mgmt-core: its policies, its poller, nothing of ours."""

    def __init__(self, credential: TokenCredential) -> None:
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            ARM,
            policies=[
                RequestIdPolicy(),
                ARMChallengeAuthenticationPolicy(credential, f"{ARM}/.default"),
            ],
        )

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: str = VERSION, **query: str
    ) -> tuple[int, Any]:
        """One call, as it is answered."""
        response = self.send(method, path, body, version=version, **query)
        return response.status_code, response.json() if response.content else None

    def send(
        self, method: str, path: str, body: Any = None, *, version: str = VERSION, **query: str
    ) -> HttpResponse:
        """One call, with all that its answer says."""
        request = HttpRequest(
            method, f"{ARM}{path}", params={"api-version": version, **query}, json=body
        )
        return self._client.send_request(request)

    def ok(self, method: str, path: str, body: Any = None, **options: str) -> Any:
        """One call that must work."""
        status, answer = self(method, path, body, **options)
        assert status < 300, answer
        return answer

    def wait(
        self, method: str, path: str, body: Any = None, *, version: str = VERSION, **query: str
    ) -> Any:
        """One long-running call, followed by azure-mgmt-core's own poller to its end."""
        request = HttpRequest(
            method, f"{ARM}{path}", params={"api-version": version, **query}, json=body
        )
        first = self._client._pipeline.run(request, stream=False)  # pyright: ignore[reportPrivateUsage]
        answer = first.http_response
        assert answer.status_code < 300, answer.text()
        poller: LROPoller[Any] = LROPoller(
            self._client, first, lambda response: _json(response.http_response), ARMPolling(0)
        )
        return poller.result(60)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _json(response: Any) -> Any:
    return response.json() if response.text() else None


@dataclass(frozen=True, kw_only=True)
class Foundry:
    """Ids and clients of one environment."""

    subscription: str
    group: str
    storage: str
    hub: str
    project: str
    project_guid: str
    platform: Arm
    developer: Arm
    credential: ClientSecretCredential

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def upload(self, file: Path) -> str:
        """Put a file where azure-ai-ml would, with the caller's own token; gives its path."""
        account = self.storage.rsplit("/", 1)[-1]
        path = f"LocalUpload/{uuid.uuid4().hex}/{file.name}"
        blob = BlobClient(
            f"https://{account}.blob.core.windows.net",
            f"azureml-blobstore-{self.project_guid}",
            path,
            credential=self.credential,
        )
        with blob, file.open("rb") as content:
            blob.upload_blob(content)
        return f"azureml://datastores/workspaceblobstore/paths/{path}"

    def job_body(
        self,
        training_data: str,
        output: str,
        *,
        model: str = "Phi-4-mini-instruct",
        epochs: str = "1",
        **details: Any,
    ) -> dict[str, Any]:
        """The body that azure-ai-ml sends for a chat-completion job."""
        return {
            "properties": {
                "jobType": "FineTuning",
                "experimentName": "xbox",
                "tags": {},
                "properties": {},
                "isArchived": False,
                "fineTuningDetails": {
                    "taskType": "chatCompletion",
                    "modelProvider": "Custom",
                    "model": {
                        "jobInputType": "mlflow_model",
                        "uri": f"azureml://registries/azureml/models/{model}",
                    },
                    "trainingData": {"jobInputType": "uri_file", "uri": training_data},
                    "hyperParameters": {"num_train_epochs": epochs, "learning_rate": "0.0003"},
                    **details,
                },
                "outputs": {
                    "registered_model": {"jobOutputType": "mlflow_model", "assetName": output}
                },
            }
        }

    def command_body(self, command: str, **properties: Any) -> dict[str, Any]:
        """The body that azure-ai-ml sends for a command job."""
        return {
            "properties": {
                "jobType": "Command",
                "command": command,
                "environmentId": "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
                "experimentName": "commands",
                "isArchived": False,
                "properties": {},
                **properties,
            }
        }

    def serve(self, name: str, scripts: Mapping[str, str], traffic: Mapping[str, int]) -> str:
        """Make an online endpoint with a deployment for each script; gives its id."""
        located: dict[str, Any] = {"location": "eastus2"}
        endpoint = f"{self.project}/onlineEndpoints/{name}"
        key = {**located, "properties": {"authMode": "Key"}}
        made = self.platform.wait("PUT", endpoint, key)
        account = self.storage.rsplit("/", 1)[-1]
        container = f"azureml-blobstore-{self.project_guid}"
        for deployment, script in scripts.items():
            folder = f"{container}/code-{uuid.uuid4().hex}"
            address = f"https://{account}.blob.core.windows.net/{folder}"
            with BlobClient.from_blob_url(f"{address}/score.py", self.credential) as blob:
                blob.upload_blob(script)
            code = f"{self.project}/codes/{name}-{deployment}/versions/1"
            self.developer.ok("PUT", code, {"properties": {"codeUri": address}})
            properties = {
                "instanceType": "Standard_DS3_v2",
                "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
                "environmentId": "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
            }
            sku = {"name": "Default", "capacity": 1}
            body = {**located, "sku": sku, "properties": properties}
            self.platform.wait("PUT", f"{endpoint}/deployments/{deployment}", body)
        split = made["properties"] | {"traffic": dict(traffic)}
        self.platform.wait("PUT", endpoint, {**located, "properties": split})
        return endpoint

    def submit(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        """PUT a job as the developer."""
        return self.developer("PUT", f"{self.project}/jobs/{name}", body)

    def job(self, name: str) -> Any:
        """A job as ARM shows it."""
        return self.developer.ok("GET", f"{self.project}/jobs/{name}")

    def wait_for_job(
        self, name: str, statuses: tuple[str, ...] = TERMINAL, seconds: float = 90
    ) -> Any:
        """The job once it has one of the statuses. It trains in real time, so this waits in it."""
        give_up = time.monotonic() + seconds
        while True:
            job = self.job(name)
            if job["properties"]["status"] in statuses:
                return job
            assert time.monotonic() < give_up, job["properties"]["status"]
            time.sleep(0.05)


@pytest.fixture(scope="session")
def credentials(emulator: Emulator) -> dict[str, ClientSecretCredential]:
    return {
        "platform": ClientSecretCredential(
            os.environ["ARM_TENANT_ID"],
            os.environ["ARM_CLIENT_ID"],
            os.environ["ARM_CLIENT_SECRET"],
        ),
        "developer": ClientSecretCredential(
            os.environ["AZURE_TENANT_ID"],
            os.environ["AZURE_CLIENT_ID"],
            os.environ["AZURE_CLIENT_SECRET"],
        ),
    }


MakeFoundry = Callable[..., Foundry]


@pytest.fixture(scope="session")
def another_foundry(
    emulator: Emulator, credentials: dict[str, ClientSecretCredential]
) -> MakeFoundry:
    """Make an environment of the test's own: `another_foundry(location=…, auth_mode=…)`."""

    def make(**options: Any) -> Foundry:
        subscription = emulator.control.add_subscription(registered=None)
        return make_foundry(subscription, credentials, **options)

    return make


@pytest.fixture(scope="session")
def foundry(
    emulator: Emulator, credentials: dict[str, ClientSecretCredential]
) -> Iterator[Foundry]:
    """A hub and a project in East US 2, with identity datastores and the roles they need."""
    made = make_foundry(emulator.control.add_subscription(registered=None), credentials)
    yield made
    made.platform.close()
    made.developer.close()


def make_foundry(
    subscription: str,
    credentials: dict[str, ClientSecretCredential],
    *,
    location: str = "eastus2",
    auth_mode: str = "identity",
) -> Foundry:
    arm = Arm(credentials["platform"])
    group = f"/subscriptions/{subscription}/resourceGroups/rg-foundry"
    arm.ok("PUT", group, {"location": location}, version="2021-04-01")
    suffix = uuid.uuid4().hex[:12]
    storage = f"{group}/providers/Microsoft.Storage/storageAccounts/st{suffix}"
    arm.wait(
        "PUT",
        storage,
        {"location": location, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
        version="2023-05-01",
    )
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/kv-{suffix}"
    properties = {
        "tenantId": os.environ["ARM_TENANT_ID"],
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }
    arm.wait("PUT", vault, {"location": location, "properties": properties}, version="2023-07-01")
    workspaces = f"{group}/providers/{MLS}/workspaces"
    common = {"location": location, "identity": {"type": "SystemAssigned"}}
    hub = arm.wait(
        "PUT",
        f"{workspaces}/hub-{suffix}",
        {
            **common,
            "kind": "Hub",
            "properties": {
                "storageAccount": storage,
                "keyVault": vault,
                "systemDatastoresAuthMode": auth_mode,
            },
        },
    )
    project = arm.wait(
        "PUT",
        f"{workspaces}/project-{suffix}",
        {**common, "kind": "Project", "properties": {"hubResourceId": hub["id"]}},
    )
    developer = DEVELOPER[1]
    _assign(arm, subscription, group, AZURE_AI_DEVELOPER, developer)
    for principal in (developer, project["identity"]["principalId"]):
        _assign(arm, subscription, storage, BLOB_DATA_CONTRIBUTOR, principal)
    return Foundry(
        subscription=subscription,
        group="rg-foundry",
        storage=storage,
        hub=hub["id"],
        project=project["id"],
        project_guid=project["properties"]["workspaceId"],
        platform=arm,
        developer=Arm(credentials["developer"]),
        credential=credentials["developer"],
    )


def _assign(arm: Arm, subscription: str, scope: str, role: str, principal: str) -> None:
    definition = (
        f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope} {role} {principal}")
    arm.ok(
        "PUT",
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        {
            "properties": {
                "roleDefinitionId": definition,
                "principalId": principal,
                "principalType": "ServicePrincipal",
            }
        },
        version="2022-04-01",
    )


@pytest.fixture
def has_ended() -> Callable[[int], bool]:
    """Whether a process that is nobody's child here ends, within seconds."""

    def watch(process: int) -> bool:
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            try:
                os.kill(process, 0)
                stat = Path(f"/proc/{process}/stat")
                # Ended, and not yet collected by its new parent: that may take as long as it likes.
                if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except (ProcessLookupError, FileNotFoundError):
                return True
            time.sleep(0.02)
        return False

    return watch


@pytest.fixture
def the_guides_day(emulator: Emulator) -> Iterator[None]:
    """A day before Phi-3 was deprecated; today again afterwards."""
    today = emulator.control.clock.now()
    emulator.control.clock.set(datetime(2025, 6, 1, tzinfo=UTC))
    yield
    emulator.control.clock.set(today)


@pytest.fixture(scope="session")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen short conversations: twelve train and three validate after the service's split."""
    file = tmp_path_factory.mktemp("data") / "train.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for number in range(15):
            messages = [
                {"role": "system", "content": "You are an Xbox support agent."},
                {"role": "user", "content": f"My Xbox shows error {number}."},
                {"role": "assistant", "content": "Please restart your Xbox."},
            ]
            lines.write(json.dumps({"messages": messages}) + "\n")
    return file


@pytest.fixture(scope="session")
def trained(foundry: Foundry, conversations: Path) -> "Trained":
    """One job that ran to its end, as raw calls: what later tests read, serve and delete."""
    uri = foundry.upload(conversations)
    name = f"xbox-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(uri, name))
    job = foundry.wait_for_job(name)
    assert job["properties"]["status"] == "Completed", job
    return Trained(name=name, data=uri, model=f"{foundry.project}/models/{name}/versions/1")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished job and the model it registered."""

    name: str
    data: str
    model: str


@pytest.fixture(scope="module")
def client(foundry: Foundry) -> Iterator[Any]:
    """The real azure-ai-ml, in the project."""
    logging.getLogger("azure").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import MLClient

        yield MLClient(
            foundry.credential,
            foundry.subscription,
            foundry.group,
            foundry.project.rsplit("/", 1)[-1],
            enable_telemetry=False,
        )
