"""The region's data plane: run details, metrics and the registry, by plain signed-in calls."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest

from emulator.server import Emulator
from emulator.services.machinelearningservices import metrics

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry, Trained

REGION = "https://eastus2.api.azureml.ms"


class DataPlane:
    """Calls with a token for Azure ML, as azure-core signs them."""

    def __init__(self, foundry: Foundry, audience: str = "https://ml.azure.com") -> None:
        self._project = foundry.project
        policy: BearerTokenCredentialPolicy[Any, Any] = BearerTokenCredentialPolicy(
            foundry.credential, f"{audience}/.default"
        )
        self._client: PipelineClient[Any, Any] = PipelineClient(REGION, policies=[policy])

    def __call__(self, method: str, service: str, rest: str, body: Any = None) -> tuple[int, Any]:
        url = f"{REGION}/{service}{self._project}/{rest}"
        response = self._client.send_request(HttpRequest(method, url, json=body))
        return response.status_code, response.json()

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def plane(foundry: Foundry) -> Iterator[DataPlane]:
    made = DataPlane(foundry)
    yield made
    made.close()


def test_details_carry_status_steps_and_the_log(plane: DataPlane, trained: Trained) -> None:
    status, run = plane("GET", "history/v1.0", f"runs/{trained.name}/details")
    assert status == 200
    assert run["status"] == "Completed"
    assert run["properties"]["totalSteps"] == "12"
    assert run["startTimeUtc"] < run["endTimeUtc"]
    assert run["parameters"]["num_train_epochs"] == "1"
    assert "sig=" in run["logFiles"]["user_logs/std_log.txt"]


def test_the_newest_value_of_every_metric(plane: DataPlane, trained: Trained) -> None:
    status, answer = plane("POST", "metric/v2.0", f"runs/{trained.name}/lastvalues", {})
    assert status == 200
    last = {metric["name"]: metric["value"][-1] for metric in answer["value"]}
    assert last["train_loss"]["step"] == 12
    assert last["train_loss"]["data"]["train_loss"] > 0
    assert {"validation_loss", "learning_rate", "effective_learning_rate", "grad_norm"} <= set(last)


def test_validation_is_measured_before_the_first_step_and_after_the_epoch(
    plane: DataPlane, trained: Trained
) -> None:
    body = {"metricName": "validation_loss"}
    _, answer = plane("POST", "metric/v2.0", f"runs/{trained.name}/full", body)
    assert [value["step"] for value in answer["value"]] == [0, 12]
    first, last = (value["data"]["validation_loss"] for value in answer["value"])
    assert last < first, "a model that trained predicts what it was not trained on better"


def test_a_long_history_comes_in_pages(
    emulator: Emulator, plane: DataPlane, foundry: Foundry, trained: Trained
) -> None:
    key = f"{foundry.project}/jobs/{trained.name}"
    with emulator.cloud.database.transaction():
        for step in range(1500):
            metrics.log(emulator.cloud, key, step, {"long": float(step)})
    steps: list[int] = []
    body: dict[str, Any] = {"metricName": "long"}
    while True:
        _, answer = plane("POST", "metric/v2.0", f"runs/{trained.name}/full", body)
        steps += [value["step"] for value in answer["value"]]
        if not answer["continuationToken"]:
            break
        body["continuationToken"] = answer["continuationToken"]
    assert steps == list(range(1500))


def test_the_metrics_that_there_are_can_be_listed(plane: DataPlane, trained: Trained) -> None:
    _, answer = plane("POST", "metric/v2.0", f"runs/{trained.name}/list", {})
    assert "train_loss" in [metric["metricKey"]["name"] for metric in answer["value"]]


def test_a_failed_job_says_why(
    plane: DataPlane, foundry: Foundry, tmp_path: Path, conversations: Path
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(conversations.read_text().splitlines(keepends=True)[:5]))
    name = f"fails-{uuid.uuid4().hex[:8]}"
    foundry.submit(name, foundry.job_body(foundry.upload(few), name))
    foundry.wait_for_job(name)
    _, run = plane("GET", "history/v1.0", f"runs/{name}/details")
    error = run["error"]["error"]
    assert error["code"] == "UserError"
    assert "fewer than 10 samples" in error["message"]


def test_a_run_of_nobody_is_not_found(plane: DataPlane) -> None:
    status, answer = plane("GET", "history/v1.0", "runs/nobody/details")
    assert status == 404
    assert "nobody" in answer["error"]["message"]


def test_the_data_plane_wants_a_token_for_its_own_audience(
    foundry: Foundry, trained: Trained
) -> None:
    wrong = DataPlane(foundry, "https://storage.azure.com")
    status, answer = wrong("GET", "history/v1.0", f"runs/{trained.name}/details")
    wrong.close()
    assert status == 401
    assert answer["error"]["code"] == "InvalidAuthenticationTokenAudience"
