"""Whatever a client sends, it is refused in Azure's envelope: no body and no method is a crash."""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from emulator.arm.operations import Operations
from emulator.arm.subscriptions import add_subscription
from emulator.front import Front
from emulator.http.messages import Request, Response
from emulator.rehearsal.identities import SUBSCRIPTION, new_identities
from emulator.state.ids import parse_path
from emulator.state.tenant import TENANT

ARM = "management.azure.com"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/acct"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault1"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/ais"
WORKSPACES = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces"
PROJECT = f"{WORKSPACES}/proj"
ONLINE = f"{PROJECT}/onlineEndpoints/online"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
PHI = "azureml://registries/azureml/models/Phi-4-mini-instruct"
REGION = "eastus2.api.azureml.ms"
METRICS = f"/metric/v2.0{PROJECT}/runs/job"

# (method, path, api-version, a valid body), in an order in which each works.
ARM_CALLS: list[tuple[str, str, str, Any]] = [
    ("PUT", GROUP, "2024-03-01", {"location": "eastus2", "tags": {"a": "b"}}),
    (
        "PUT", STORAGE, "2023-05-01",
        {
            "location": "eastus2", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
            "identity": {"type": "SystemAssigned"}, "properties": {"networkAcls": {}},
        },
    ),
    ("POST", f"{STORAGE}/regenerateKey", "2023-05-01", {"keyName": "key1"}),
    (
        "PUT", f"{STORAGE}/blobServices/default/containers/data", "2023-05-01",
        {"properties": {"metadata": {"a": "b"}}},
    ),
    (
        "PUT", VAULT, "2023-07-01",
        {
            "location": "eastus2",
            "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}},
        },
    ),
    (
        "PUT", ACCOUNT, "2025-06-01",
        {
            "location": "eastus2", "kind": "AIServices", "sku": {"name": "S0"},
            "properties": {"customSubDomainName": "ais"},
        },
    ),
    (
        "PUT", f"{WORKSPACES}/hub", "2025-06-01",
        {
            "location": "eastus2", "kind": "Hub", "sku": {"name": "Basic"},
            "properties": {"storageAccount": STORAGE, "keyVault": VAULT},
        },
    ),
    ("PATCH", f"{WORKSPACES}/hub", "2025-06-01", {"properties": {"friendlyName": "a hub"}}),
    (
        "PUT", PROJECT, "2025-06-01",
        {
            "location": "eastus2", "kind": "Project",
            "properties": {"hubResourceId": f"{WORKSPACES}/hub"},
        },
    ),
    (
        "PUT", f"{WORKSPACES}/hub/connections/c", "2024-04-01-preview",
        {
            "properties": {
                "category": "AIServices", "authType": "ApiKey", "target": "https://x",
                "credentials": {"key": "k"}, "metadata": {"ResourceId": "x"},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/datastores/store", "2024-10-01-preview",
        {
            "properties": {
                "datastoreType": "AzureBlob", "accountName": "acct", "containerName": "data",
                "credentials": {"credentialsType": "AccountKey"},
            }
        },
    ),
    ("POST", f"{PROJECT}/datastores/store/listSecrets", "2024-10-01-preview",
     {"expirableSecret": True, "expireAfterHours": 1}),
    (
        "PUT", f"{PROJECT}/data/d/versions/1", "2023-04-01-preview",
        {
            "properties": {
                "dataType": "uri_file", "dataUri": "azureml://datastores/store/paths/train.jsonl",
                "tags": {}, "properties": {},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/models/m/versions/1", "2023-08-01-preview",
        {
            "properties": {
                "modelType": "mlflow_model", "modelUri": "azureml://datastores/store/paths/m",
                "tags": {}, "properties": {},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/jobs/job", "2024-10-01-preview",
        {
            "properties": {
                "jobType": "FineTuning", "displayName": "x", "experimentName": "e",
                "tags": {"a": "b"}, "properties": {"p": "v"}, "resources": {"instanceTypes": []},
                "fineTuningDetails": {
                    "taskType": "chatCompletion", "modelProvider": "Custom",
                    "model": {"jobInputType": "mlflow_model", "uri": PHI},
                    "trainingData": {
                        "jobInputType": "uri_file",
                        "uri": "azureml://datastores/store/paths/train.jsonl",
                    },
                    "hyperParameters": {"num_train_epochs": "1"},
                },
                "outputs": {"registered_model": {"assetName": "m2"}},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/environments/env/versions/1", "2025-12-01",
        {"properties": {"image": "mcr.microsoft.com/a:1", "condaFile": "name: x", "tags": {}}},
    ),
    (
        "PUT", f"{PROJECT}/computes/cpu-cluster", "2025-12-01",
        {
            "location": "eastus2",
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "Standard_DS3_v2",
                    "scaleSettings": {"maxNodeCount": 2, "minNodeCount": 0},
                },
            },
        },
    ),
    ("POST", f"{PROJECT}/codes/c/versions/1/startPendingUpload", "2023-04-01",
     {"pendingUploadType": "TemporaryBlobReference"}),
    (
        "PUT", f"{PROJECT}/codes/c/versions/1", "2023-04-01",
        {
            "properties": {
                "codeUri": "https://acct.blob.core.windows.net/data/src",
                "properties": {"hash_sha256": "x"},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/jobs/cmd", "2025-01-01-preview",
        {
            "properties": {
                "jobType": "Command", "command": "python ${{inputs.n}} ${{outputs.out}}",
                "codeId": f"{PROJECT}/codes/c/versions/1",
                "computeId": f"{PROJECT}/computes/cpu-cluster",
                "environmentId": f"{PROJECT}/environments/env/versions/1",
                "environmentVariables": {"A": "b"}, "experimentName": "e",
                "inputs": {
                    "n": {"jobInputType": "literal", "value": "5"},
                    "data": {
                        "jobInputType": "uri_file", "mode": "Download",
                        "uri": "azureml://datastores/store/paths/train.jsonl",
                    },
                },
                "outputs": {
                    "out": {
                        "jobOutputType": "custom_model", "mode": "Upload", "assetName": "m3",
                        "assetVersion": "1", "description": "d",
                    }
                },
                "resources": {
                    "instanceCount": 1, "instanceType": "Standard_DS3_v2", "properties": {},
                },
                "limits": {"jobLimitsType": "Command", "timeout": "PT10M"},
                "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 1},
                "identity": {"identityType": "AMLToken"}, "queueSettings": {"jobTier": "Spot"},
            }
        },
    ),
    (
        "PUT", f"{PROJECT}/serverlessEndpoints/ep", "2024-10-01",
        {
            "location": "eastus2", "sku": {"name": "Consumption"},
            "properties": {
                "authMode": "Key", "contentSafety": {"contentSafetyStatus": "Enabled"},
                "modelSettings": {"modelId": PHI},
            },
        },
    ),
    ("PATCH", f"{PROJECT}/serverlessEndpoints/ep", "2024-10-01",
     {"tags": {}, "properties": {"contentSafety": {"contentSafetyStatus": "Enabled"}}}),
    (
        "PUT", ONLINE, "2025-12-01",
        {
            "location": "eastus2", "identity": {"type": "SystemAssigned"},
            "properties": {"authMode": "Key", "traffic": {}, "mirrorTraffic": {}, "properties": {}},
        },
    ),
    ("POST", f"{ONLINE}/regenerateKeys", "2025-12-01", {"keyType": "Primary", "keyValue": "x"}),
    (
        "PUT", f"{ONLINE}/deployments/blue", "2025-12-01",
        {
            "location": "eastus2", "sku": {"name": "Default", "capacity": 1},
            "properties": {
                "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2",
                "codeConfiguration": {
                    "codeId": f"{PROJECT}/codes/c/versions/1", "scoringScript": "score.py",
                },
                "environmentId": f"{PROJECT}/environments/env/versions/1",
                "environmentVariables": {"A": "b"},
                "requestSettings": {
                    "requestTimeout": "PT1S", "maxConcurrentRequestsPerInstance": 2,
                },
                "livenessProbe": {"period": "PT1S", "failureThreshold": 3},
                "scaleSettings": {"scaleType": "Default"},
            },
        },
    ),
    ("POST", f"{ONLINE}/deployments/blue/getLogs", "2025-12-01",
     {"containerType": "InferenceServer", "tail": 10}),
    ("PATCH", f"{ONLINE}/deployments/blue", "2025-12-01",
     {"tags": {"a": "b"}, "sku": {"name": "Default", "capacity": 2}}),
    (
        "PUT", f"{ROLES}/roleAssignments/11111111-1111-4111-8111-111111111111", "2022-04-01",
        {
            "properties": {
                "roleDefinitionId": f"{ROLES}/roleDefinitions/{BLOB_DATA_CONTRIBUTOR}",
                "principalId": "22222222-2222-4222-8222-222222222222", "principalType": "User",
            }
        },
    ),
]  # fmt: skip

TRACKING = f"/mlflow/v1.0{PROJECT}/api/2.0/mlflow"

DATA_PLANE_CALLS: list[tuple[str, str, Any]] = [
    (
        "POST",
        f"{TRACKING}/runs/log-metric",
        {"run_id": "cmd", "key": "loss", "value": 0.5, "timestamp": 0, "step": 1},
    ),
    (
        "POST",
        f"{TRACKING}/runs/log-batch",
        {
            "run_id": "cmd",
            "metrics": [{"key": "a", "value": 1, "step": 0}],
            "params": [{"key": "p", "value": "v"}],
            "tags": [{"key": "t", "value": "v"}],
        },
    ),
    ("POST", f"{TRACKING}/runs/log-parameter", {"run_id": "cmd", "key": "p", "value": "v"}),
    ("POST", f"{TRACKING}/runs/set-tag", {"run_id": "cmd", "key": "p", "value": "v"}),
    ("POST", f"{TRACKING}/runs/update", {"run_id": "cmd", "status": "RUNNING"}),
    (
        "POST",
        f"{TRACKING}/runs/create",
        {"experiment_id": "0", "run_name": "r", "tags": [{"key": "t", "value": "v"}]},
    ),
    (
        "POST",
        f"{TRACKING}/runs/search",
        {
            "experiment_ids": ["0"],
            "filter": "metrics.a > 1",
            "order_by": ["metrics.a"],
            "max_results": 1,
            "page_token": "1",
            "run_view_type": "ALL",
        },
    ),
    ("POST", f"{TRACKING}/experiments/create", {"name": "e"}),
    (
        "POST",
        f"{TRACKING}/experiments/search",
        {"filter": "name = 'e'", "order_by": ["name"], "max_results": 1, "view_type": "ALL"},
    ),
    (
        "POST",
        f"/history/v1.0{PROJECT}/experiments/e/runs/job/artifacts/batch/metadata",
        {"paths": [{"path": "a.txt"}]},
    ),
    (
        "POST",
        f"/artifact/v2.0{PROJECT}/artifacts/register",
        {
            "origin": "ExperimentRun",
            "container": "dcid.job",
            "path": "a.txt",
            "dataPath": {"dataStoreName": "workspaceblobstore", "relativePath": "a.txt"},
        },
    ),
    ("POST", f"/history/v1.0{PROJECT}/rundata", {"runId": "job", "selectJobSpecification": True}),
    ("PATCH", f"/history/v1.0{PROJECT}/runs/job", {"tags": {"a": "b"}, "properties": {"a": "b"}}),
    ("POST", f"{METRICS}/full", {"metricName": "train_loss", "continuationToken": "3"}),
    ("POST", f"/data/v1.0{PROJECT}/dataversion/batchGetResolvedUris", {"values": ["azureml:d:1"]}),
]

WRONG: list[Any] = [None, "x", -1, True, ["x"], {"x": 1}]

Call = Callable[..., Response]


@pytest.fixture(scope="module")
def call() -> Iterator[Call]:
    """A call by the Owner, on a cloud in which every valid call was made once."""
    logging.disable(logging.CRITICAL)  # what crashes is told below, not in the log
    front, identities = Front(), new_identities()
    cloud = front.cloud
    front.start(identities.seed)
    cloud.workers.stopping.set()  # nothing trains here
    owner = cloud.access.principal(identities.platform.object_id)
    assert owner is not None
    add_subscription(cloud, SUBSCRIPTION, owner=owner, registered=None)
    cloud.access.assign(owner.id, BLOB_DATA_CONTRIBUTOR, f"/subscriptions/{SUBSCRIPTION}")

    def send(
        method: str,
        path: str,
        body: bytes = b"",
        *,
        host: str = ARM,
        version: str = "",
        headers: dict[str, str] | None = None,
    ) -> Response:
        audience = "https://storage.azure.com" if "blob" in host else f"https://{ARM}"
        request = Request(
            cloud=cloud,
            method=method,
            host=host,
            path=path,
            raw_path=path,
            raw_query="",
            query={"api-version": version} if version else {},
            headers={"authorization": f"Bearer {tokens[audience]}"} | (headers or {}),
            body=body,
            id=str(uuid.uuid4()),
            correlation_id="c",
        )
        response, _ = front.handle(request)
        crash = front.calls[-1].get("crash")
        assert crash is None, f"{method} {path} {body[:300]!r} crashed:\n{crash}"
        return response

    tokens = {
        audience: cloud.tokens.issue(owner, audience)
        for audience in (f"https://{ARM}", "https://storage.azure.com")
    }
    for method, path, version, body in ARM_CALLS:
        response = send(method, path, json.dumps(body).encode(), version=version)
        assert response.status < 300, (path, response.body)
        # Nothing runs here, so nothing says by itself that a deployment is ready.
        cloud.part(Operations).end(parse_path(path).id)
        if path.endswith("containers/data"):
            written = send(
                "PUT",
                "/data/train.jsonl",
                b"{}",
                host="acct.blob.core.windows.net",
                headers={"x-ms-blob-type": "BlockBlob"},
            )
            assert written.status == 201, written.body
    yield send
    front.stop()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("method", "path", "version", "body"),
    ARM_CALLS,
    ids=[f"{method} {path.rsplit('/', 2)[-2]}" for method, path, _, _ in ARM_CALLS],
)
def test_no_part_of_a_body_crashes_arm(
    call: Call, method: str, path: str, version: str, body: Any
) -> None:
    for number, wrong in enumerate(_spoiled(body)):
        _expect_an_envelope(call(method, path, wrong, version=version))
        if method == "PUT" and not path.endswith("1" * 12):
            # The same as something new, which is then shown, listed and deleted.
            other = f"{path}{number}"
            _expect_an_envelope(call("PUT", other, wrong, version=version))
            for verb, address in (("GET", other), ("DELETE", other)):
                _expect_an_envelope(call(verb, address, version=version))


@pytest.mark.parametrize(("method", "path", "body"), DATA_PLANE_CALLS)
def test_no_part_of_a_body_crashes_the_data_plane(
    call: Call, method: str, path: str, body: Any
) -> None:
    for wrong in _spoiled(body):
        _expect_an_envelope(call(method, path, wrong, host=REGION))


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_there_is_refused(call: Call, method: str) -> None:
    for path, version in (
        (GROUP, "2024-03-01"),
        (STORAGE, "2023-05-01"),
        (f"{PROJECT}/jobs/job", "2024-10-01"),
    ):
        response = call(method, path, version=version)
        assert response.status == 405
        assert _error(response)["code"] == "MethodNotAllowed"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"null"])
def test_what_is_no_json_object_is_refused_in_arms_envelope(call: Call, body: bytes) -> None:
    response = call("PUT", f"{GROUP}2", body, version="2024-03-01")
    assert response.status == 400
    assert _error(response)["code"] == "InvalidRequestContent"


def test_a_null_says_as_little_as_nothing(call: Call) -> None:
    body = {"location": "eastus2", "tags": None, "properties": None}
    response = call("PUT", f"{GROUP}3", json.dumps(body).encode(), version="2024-03-01")
    assert response.status == 201


def test_the_refusal_names_what_must_be_an_object(call: Call) -> None:
    body = {"properties": {"outputs": {"registered_model": "m"}}}
    path = f"{PROJECT}/jobs/other"
    response = call("PUT", path, json.dumps(body).encode(), version="2024-10-01-preview")
    assert response.status == 400
    assert _error(response)["target"] == "properties.outputs.registered_model"


def _spoiled(body: Any) -> Iterator[bytes]:
    for path in _paths(body):
        for wrong in WRONG:
            yield json.dumps(_replaced(body, path, wrong)).encode()


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            yield from _paths(item, (*above, name))
    if isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _paths(item, (*above, index))


def _replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(body)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


def _expect_an_envelope(response: Response) -> None:
    if response.status >= 400:
        assert _error(response)["code"]
        assert _error(response)["message"]


def _error(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)["error"]
