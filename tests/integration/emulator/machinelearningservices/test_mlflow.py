"""MLflow at the project's tracking address: jobs are read, runs of one's own are kept.

mlflow's own client takes seconds to be imported, so it does the talking in the long stories; here
the same calls are made by azure-core. With Azure ML's plug-in: `make conformance`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobClient

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry, Trained

REGION = "https://eastus2.api.azureml.ms"
API = "api/2.0/mlflow"


class Tracking:
    """Calls below a project's address in the region."""

    def __init__(self, foundry: Foundry, credential: ClientSecretCredential) -> None:
        self._project = foundry.project
        policy: BearerTokenCredentialPolicy[Any, Any] = BearerTokenCredentialPolicy(
            credential, "https://management.azure.com/.default"
        )
        self._client: PipelineClient[Any, Any] = PipelineClient(REGION, policies=[policy])

    def send(
        self,
        method: str,
        address: str,
        body: Any = None,
        *,
        service: str = "mlflow/v2.0",
        **query: str,
    ) -> tuple[int, Any]:
        url = f"{REGION}/{service}{self._project}/{address}"
        response = self._client.send_request(HttpRequest(method, url, json=body, params=query))
        return response.status_code, response.json()

    def ok(self, method: str, address: str, body: Any = None, **options: str) -> Any:
        status, answer = self.send(method, address, body, **options)
        assert status == 200, answer
        return answer

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def tracking(foundry: Foundry) -> Iterator[Tracking]:
    made = Tracking(foundry, foundry.credential)
    yield made
    made.close()


@pytest.fixture(scope="module")
def experiment(tracking: Tracking, trained: Trained) -> str:
    found = tracking.ok("GET", f"{API}/experiments/get-by-name", experiment_name="xbox")
    return found["experiment"]["experiment_id"]


def test_a_fine_tuning_job_is_a_run_with_metrics_and_parameters(
    tracking: Tracking, trained: Trained, experiment: str
) -> None:
    run = tracking.ok("GET", f"{API}/runs/get", run_id=trained.name)["run"]
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["experiment_id"] == experiment
    assert run["info"]["start_time"] <= run["info"]["end_time"]
    assert {"key": "num_train_epochs", "value": "1"} in run["data"]["params"]
    last = {one["key"]: one["value"] for one in run["data"]["metrics"]}
    history = tracking.ok(
        "GET", f"{API}/metrics/get-history", run_id=trained.name, metric_key="train_loss"
    )["metrics"]
    assert [one["step"] for one in history] == list(range(1, 13))
    assert history[-1]["value"] == last["train_loss"]


def test_experiments_are_found_by_name_by_id_and_in_the_list(
    tracking: Tracking, experiment: str
) -> None:
    assert uuid.UUID(experiment)
    by_id = tracking.ok("GET", f"{API}/experiments/get", experiment_id=experiment)
    assert by_id["experiment"]["name"] == "xbox"
    listed = tracking.ok(
        "POST", f"{API}/experiments/search", {"filter": "name = 'xbox'", "max_results": 10}
    )
    assert [one["experiment_id"] for one in listed["experiments"]] == [experiment]
    status, refused = tracking.send(
        "GET", f"{API}/experiments/get-by-name", experiment_name="there is none"
    )
    assert (status, refused["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    default = tracking.ok("GET", f"{API}/experiments/get", experiment_id="0")
    assert default["experiment"]["name"] == "Default"


def test_runs_are_searched_by_metric_in_order_and_page_by_page(
    tracking: Tracking, trained: Trained
) -> None:
    name = f"search-{uuid.uuid4().hex[:8]}"
    id = tracking.ok("POST", f"{API}/experiments/create", {"name": name})["experiment_id"]
    for number in range(3):
        run = tracking.ok(
            "POST", f"{API}/runs/create", {"experiment_id": id, "run_name": f"run {number}"}
        )["run"]["info"]["run_id"]
        value = {"run_id": run, "key": "loss", "value": number / 10, "timestamp": 0, "step": 0}
        tracking.ok("POST", f"{API}/runs/log-metric", value)

    def search(**asked: Any) -> tuple[list[str], str]:
        found = tracking.ok("POST", f"{API}/runs/search", {"experiment_ids": [id], **asked})
        names = [run["info"]["run_name"] for run in found["runs"]]
        return names, found.get("next_page_token", "")

    assert search(filter="metrics.loss > 0.05", order_by=["metrics.loss DESC"]) == (
        ["run 2", "run 1"],
        "",
    )
    first, token = search(order_by=["metrics.loss"], max_results=2)
    assert first == ["run 0", "run 1"]
    assert search(order_by=["metrics.loss"], max_results=2, page_token=token) == (["run 2"], "")
    status, refused = tracking.send(
        "POST", f"{API}/runs/search", {"experiment_ids": [id], "filter": "metrics.loss IN (1)"}
    )
    assert (status, refused["error"]["code"]) == (501, "NotEmulated")
    status, refused = tracking.send("POST", f"{API}/experiments/create", {"name": name.upper()})
    assert (status, refused["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


def test_a_run_of_ones_own_is_kept_ended_and_no_job(tracking: Tracking, foundry: Foundry) -> None:
    made = tracking.ok(
        "POST",
        f"{API}/runs/create",
        {"experiment_id": "0", "tags": [{"key": "mlflow.user", "value": "ada"}]},
    )
    id = made["run"]["info"]["run_id"]
    tracking.ok("POST", f"{API}/runs/log-parameter", {"run_id": id, "key": "a", "value": "b"})
    tracking.ok(
        "POST", f"{API}/runs/update", {"run_id": id, "status": "FINISHED", "run_name": "by hand"}
    )
    shown = tracking.ok("GET", f"{API}/runs/get", run_id=id)["run"]
    assert (shown["info"]["status"], shown["info"]["run_name"]) == ("FINISHED", "by hand")
    assert shown["data"]["params"] == [{"key": "a", "value": "b"}]
    assert {"key": "mlflow.user", "value": "ada"} in shown["data"]["tags"]
    status, refused = tracking.send(
        "POST", f"{API}/runs/update", {"run_id": id, "status": "ASLEEP"}
    )
    assert (status, refused["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    jobs = foundry.developer.ok("GET", f"{foundry.project}/jobs")["value"]
    assert id not in [job["name"] for job in jobs]
    assert foundry.developer("GET", f"{foundry.project}/jobs/{id}")[0] == 404


def test_artifacts_of_a_run_are_brought_up_listed_and_read(
    tracking: Tracking, trained: Trained
) -> None:
    run = tracking.ok("POST", f"{API}/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    artifacts = f"experiments/Default/runs/{run}/artifacts"
    place = tracking.ok(
        "POST",
        f"{artifacts}/batch/metadata",
        {"paths": [{"path": "notes/a.txt"}]},
        service="history/v1.0",
    )["artifactContentInformation"]["notes/a.txt"]["contentUri"]
    with BlobClient.from_blob_url(place) as blob:
        blob.upload_blob(b"namaste")
    listed = tracking.ok("GET", artifacts, service="history/v1.0")["value"]
    assert [one["path"] for one in listed] == ["notes/a.txt"]
    found = tracking.ok(
        "GET", f"{artifacts}/contentinfo", service="history/v1.0", path="notes/a.txt"
    )
    with BlobClient.from_blob_url(found["contentUri"]) as blob:
        assert blob.download_blob().readall() == b"namaste"
    status, _ = tracking.send(
        "GET", f"{artifacts}/contentinfo", service="history/v1.0", path="none.txt"
    )
    assert status == 404
    of_the_job = tracking.ok(
        "GET", f"experiments/xbox/runs/{trained.name}/artifacts", service="history/v1.0"
    )["value"]
    assert "user_logs/std_log.txt" in [one["path"] for one in of_the_job]


def test_who_has_no_role_on_the_project_sees_no_run(
    foundry: Foundry, emulator: Emulator, trained: Trained
) -> None:
    stranger, secret = emulator.control.add_principal("ServicePrincipal", "stranger")
    credential = ClientSecretCredential(os.environ["AZURE_TENANT_ID"], stranger.client_id, secret)
    with credential:
        tracking = Tracking(foundry, credential)
        status, refused = tracking.send("GET", f"{API}/runs/get", run_id=trained.name)
        tracking.close()
    assert (status, refused["error_code"]) == (403, "PERMISSION_DENIED")
    assert refused["error"]["code"] == "AuthorizationFailed"


@pytest.mark.rehearsal
@pytest.mark.filterwarnings("ignore")
def test_mlflows_own_client_reads_the_job_and_keeps_a_run(
    foundry: Foundry, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = foundry.credential.get_token("https://ml.azure.com/.default").token
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{REGION}/mlflow/v2.0{foundry.project}")
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow_: Any = mlflow
    client: Any = mlflow_.MlflowClient()
    assert client.get_run(trained.name).data.metrics["train_loss"] > 0
    assert len(client.get_metric_history(trained.name, "train_loss")) == 12
    found = mlflow_.search_runs(
        experiment_names=["xbox"],
        filter_string="metrics.train_loss > 0 and attributes.status = 'FINISHED'",
        output_format="list",
    )
    assert trained.name in [run.info.run_id for run in found]
    mlflow_.set_experiment("from a laptop")
    with mlflow_.start_run(run_name="by hand") as run:
        for step, value in enumerate((1.0, 0.5)):
            mlflow_.log_metric("loss", value, step=step)
        mlflow_.log_params({"optimizer": "sgd"})
        mlflow_.set_tag("team", "xbox")
    shown = client.get_run(run.info.run_id)
    assert (shown.info.status, shown.data.params) == ("FINISHED", {"optimizer": "sgd"})
    assert shown.data.tags["team"] == "xbox"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(0, 1.0), (1, 0.5)]
    with pytest.raises(MlflowException) as refused:
        client.get_run("none")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "MLFLOW_RUN_ID" not in os.environ
