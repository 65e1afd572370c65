"""Command jobs run for real: azure-ai-ml submits, streams, downloads and cancels them."""

# azure-ai-ml's own annotations are partly unknown; everything here goes through them.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.rest import HttpRequest

from emulator.server import Emulator

if TYPE_CHECKING:
    from tests.integration.emulator.machinelearningservices.conftest import Foundry

pytestmark = pytest.mark.filterwarnings("ignore")

TRAIN = """\
import json, os, pathlib, sys, urllib.request

data, folder, model, report = map(pathlib.Path, sys.argv[1:5])
assert data.read_text() == (folder / data.name).read_text()
print("rows", len(data.read_text().splitlines()), "rate", sys.argv[5], flush=True)
print("greeting", os.environ["GREETING"])
print("credentials", sorted(name for name in os.environ if name.startswith(("AZURE_", "ARM_"))))


def log(**body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-batch",
        json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], **body}).encode(),
        {"authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


for step in range(1, 4):
    log(metrics=[{"key": "loss", "value": 1 / step, "timestamp": 0, "step": step}])
log(params=[{"key": "optimizer", "value": "sgd"}])
(model / "weights").mkdir()
(model / "weights" / "w.txt").write_text("1 2 3")
report.write_text("accuracy 1.0")
pathlib.Path("outputs").mkdir()
pathlib.Path("outputs/plot.txt").write_text("***")
"""

JOB = """\
type: command
name: {name}
code: src
command: >-
  python train.py ${{{{inputs.data}}}} ${{{{inputs.folder}}}}
  ${{{{outputs.model}}}} ${{{{outputs.report}}}} ${{{{inputs.rate}}}}
environment: {{image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04, conda_file: conda.yaml}}
environment_variables: {{GREETING: namaste}}
inputs:
  data: {{type: uri_file, path: data/rows.txt}}
  folder: {{type: uri_folder, path: data, mode: download}}
  rate: 0.5
outputs:
  model: {{type: custom_model, name: {name}-model}}
  report: {{type: uri_file}}
resources: {{instance_type: Standard_DS3_v2}}
limits: {{timeout: 600}}
experiment_name: commands
tags: {{team: xbox}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("job")
    for name, text in (
        ("src/train.py", TRAIN),
        ("data/rows.txt", "one\ntwo\nthree\n"),
        ("conda.yaml", "dependencies: [python=3.11, numpy]\n"),
    ):
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def completed(client: Any, folder: Path) -> str:
    """A job from a YAML file, run to its end: its name."""
    from azure.ai.ml import load_job

    name = f"cmd-{uuid.uuid4().hex[:8]}"
    (folder / "job.yaml").write_text(JOB.format(name=name), encoding="utf-8")
    made = client.jobs.create_or_update(load_job(folder / "job.yaml"))
    assert made.status in ("Queued", "Preparing", "Running")
    client.jobs.stream(name)
    job = client.jobs.get(name)
    assert job.status == "Completed", client.jobs.get(name)
    assert (job.tags, job.compute) == ({"team": "xbox"}, None)
    return name


def test_a_command_job_from_yaml_runs_and_its_outputs_are_downloaded(
    client: Any, completed: str, tmp_path: Path
) -> None:
    client.jobs.download(completed, download_path=tmp_path, all=True)
    outputs, artifacts = tmp_path / "named-outputs", tmp_path / "artifacts"
    assert (outputs / "model" / "weights" / "w.txt").read_text() == "1 2 3"
    [report] = [path for path in (outputs / "report").rglob("*") if path.is_file()]
    assert report.read_text() == "accuracy 1.0"
    assert (artifacts / "outputs" / "plot.txt").read_text() == "***"
    log = (artifacts / "user_logs" / "std_log.txt").read_text()
    assert "rows 3 rate 0.5\ngreeting namaste\n" in log
    assert "credentials []" in log, "nothing of anybody's signs the job in"


def test_its_named_output_is_a_model_version_and_the_other_an_anonymous_asset(
    client: Any, completed: str
) -> None:
    model = client.models.get(f"{completed}-model", label="latest")
    assert (model.type, model.version, model.job_name) == ("custom_model", "1", completed)
    data = client.data.get(f"azureml_{completed}_output_data_report", label="latest")
    assert data.type == "uri_file"
    assert client.jobs.get(completed).outputs["model"].path == model.path


def test_a_model_that_a_job_wrote_is_read_by_the_next_one(foundry: Foundry, completed: str) -> None:
    inputs = {
        "model": {"jobInputType": "custom_model", "uri": f"azureml:{completed}-model@latest"},
        "same": {
            "jobInputType": "uri_folder",
            "uri": f"azureml://jobs/{completed}/outputs/model/paths/weights",
        },
    }
    name = f"next-{uuid.uuid4().hex[:8]}"
    command = "cmp ${{inputs.model}}/weights/w.txt ${{inputs.same}}/w.txt"
    _submit(foundry, name, command, inputs=inputs)
    assert foundry.wait_for_job(name)["properties"]["status"] == "Completed"


def test_metrics_that_it_posts_are_read_by_the_generated_run_history_client(
    foundry: Foundry, client: Any, completed: str
) -> None:
    from azure.ai.ml._restclient.runhistory import RunHistoryClient
    from azure.ai.ml._restclient.runhistory import models as shapes

    with RunHistoryClient(
        credential=foundry.credential, endpoint="https://eastus2.api.azureml.ms"
    ) as runs:
        where = (foundry.subscription, foundry.group, foundry.project.rsplit("/", 1)[-1])
        request = shapes.RetrieveFullFidelityMetricRequest(metric_name="loss")
        found: Any = runs.metrics.get_full_fidelity_metric(*where, completed, request)
        assert [float(value.data["loss"]) for value in found.value] == [1, 1 / 2, 1 / 3]
    assert _details(client, completed).parameters["optimizer"] == "sgd"


def test_the_example_job_classifies_messages_and_registers_its_model(
    client: Any, foundry: Foundry, tmp_path: Path
) -> None:
    from azure.ai.ml import load_job

    job = load_job(Path(__file__).parents[4] / "jobs" / "specs" / "classify-intents.yaml")
    job.name = f"intents-{uuid.uuid4().hex[:8]}"
    client.jobs.create_or_update(job)
    assert foundry.wait_for_job(job.name)["properties"]["status"] == "Completed"
    client.jobs.download(job.name, download_path=tmp_path, all=True)
    card = json.loads(next(tmp_path.rglob("card.json")).read_text(encoding="utf-8"))
    log = next(tmp_path.rglob("std_log.txt")).read_text(encoding="utf-8")
    assert f"accuracy {card['accuracy']:.3f}" in log
    assert card["accuracy"] >= 0.85
    assert client.models.get("classify-intents", label="latest").job_name == job.name
    metrics = _details(client, job.name)
    assert metrics.parameters["epochs"] == "200"


def test_the_same_code_and_environment_come_up_once(
    client: Any, folder: Path, completed: str, emulator: Emulator
) -> None:
    from azure.ai.ml import load_job

    mark = emulator.control.last_call()
    again = load_job(folder / "job.yaml")
    again.name = f"{completed}-again"
    made = client.jobs.create_or_update(again)
    assert made.code == client.jobs.get(completed).code
    calls = [call["path"] for call in emulator.control.calls(after=mark)]
    assert not any("startPendingUpload" in path for path in calls)


def test_a_job_that_fails_says_the_last_lines_of_its_own_log(client: Any, foundry: Foundry) -> None:
    from azure.ai.ml.exceptions import JobException

    name = f"fail-{uuid.uuid4().hex[:8]}"
    _submit(foundry, name, "echo begun; python -c 'raise ValueError(\"no such label: 7\")'")
    foundry.wait_for_job(name)
    with pytest.raises(JobException, match="no such label: 7") as failed:
        client.jobs.stream(name)
    said = str(failed.value)
    assert "Execution failed. User process 'bash' exited with status code 1." in said
    assert "user_logs/std_log.txt" in said
    assert client.jobs.get(name).status == "Failed"


def test_cancel_ends_every_process_of_the_job(
    client: Any, foundry: Foundry, has_ended: Callable[[int], bool]
) -> None:
    name = f"cancel-{uuid.uuid4().hex[:8]}"
    command = "sleep 600 & echo child $!; trap '' TERM; while :; do sleep 1; done"
    _submit(foundry, name, command)
    child = int(_wait_for_log(client, foundry, name, r"child (\d+)"))
    os.kill(child, 0)
    client.jobs.begin_cancel(name).result()
    assert foundry.wait_for_job(name)["properties"]["status"] == "Canceled"
    assert has_ended(child)


def test_a_job_past_its_limit_on_the_virtual_clock_is_canceled(
    client: Any, foundry: Foundry, emulator: Emulator
) -> None:
    name = f"late-{uuid.uuid4().hex[:8]}"
    limits = {"jobLimitsType": "Command", "timeout": "PT1H30M"}
    ticks = "for i in $(seq 6000); do echo tick $i; sleep 0.1; done"
    _submit(foundry, name, ticks, limits=limits)
    seen = int(_wait_for_log(client, foundry, name, r"tick (\d+)\n"))
    clock = emulator.control.clock
    clock.advance(80 * 60)
    _wait_for_log(client, foundry, name, f"tick ({seen + 15})\n")
    assert foundry.job(name)["properties"]["status"] == "Running"
    clock.advance(20 * 60)
    job = foundry.wait_for_job(name)
    clock.advance(-100 * 60)
    assert job["properties"]["status"] == "Canceled"
    details = _details(client, name)
    assert "longer than its limit of PT1H30M" in details.warnings[0].message


def test_a_cluster_is_made_named_by_a_job_and_deleted(client: Any, foundry: Foundry) -> None:
    from azure.ai.ml.entities import AmlCompute
    from azure.core.exceptions import ResourceNotFoundError

    made = client.compute.begin_create_or_update(
        AmlCompute(name="cpu-cluster", size="Standard_DS3_v2", max_instances=2)
    ).result()
    assert (made.size, made.max_instances, made.provisioning_state) == (
        "Standard_DS3_v2",
        2,
        "Succeeded",
    )
    assert [one.name for one in client.compute.list()] == ["cpu-cluster"]
    name = f"named-{uuid.uuid4().hex[:8]}"
    _submit(foundry, name, "true", computeId=f"{foundry.project}/computes/cpu-cluster")
    assert foundry.wait_for_job(name)["properties"]["status"] == "Completed"
    assert client.jobs.get(name).compute == "cpu-cluster"
    client.compute.begin_delete("cpu-cluster").wait()
    with pytest.raises(ResourceNotFoundError):
        client.compute.get("cpu-cluster")


def test_an_environment_is_kept_as_it_is_and_a_new_definition_is_a_new_version(
    client: Any,
) -> None:
    from azure.ai.ml.entities import Environment

    first, second = (
        client.environments.create_or_update(Environment(name="sklearn", image=image))
        for image in ("mcr.microsoft.com/a:1", "mcr.microsoft.com/a:2")
    )
    assert (first.version, second.version) == ("1", "2")
    assert client.environments.get("sklearn", label="latest").image == "mcr.microsoft.com/a:2"
    assert client.environments.get("sklearn", "1").image == "mcr.microsoft.com/a:1"


def test_the_same_put_changes_nothing_and_another_command_is_refused(foundry: Foundry) -> None:
    name = f"same-{uuid.uuid4().hex[:8]}"
    _submit(foundry, name, "true")
    foundry.wait_for_job(name)
    status, again = foundry.submit(name, foundry.command_body("true", tags={"a": "b"}))
    assert (status, again["properties"]["status"]) == (200, "Completed")
    status, refused = foundry.submit(name, foundry.command_body("false"))
    assert status == 400
    assert "the existing job's Command cannot be changed" in refused["error"]["message"]


def test_the_token_of_a_job_opens_its_own_run_and_nothing_else(
    client: Any, foundry: Foundry, completed: str
) -> None:
    name = f"token-{uuid.uuid4().hex[:8]}"
    _submit(foundry, name, 'echo "$MLFLOW_TRACKING_TOKEN $MLFLOW_TRACKING_URI"; sleep 600')
    token, root = _wait_for_log(client, foundry, name, r"(\S+ https://\S+)").split()

    def post(run: str, path: str = "runs/log-metric") -> int:
        body = {"run_id": run, "key": "a", "value": 1, "timestamp": 0, "step": 0}
        request = HttpRequest(
            "POST",
            f"{root}/api/2.0/mlflow/{path}",
            headers={"authorization": f"Bearer {token}"},
            json=body,
        )
        return _anonymous(request)

    try:
        assert post(name) == 200
        assert post(completed) == 401
        assert post(name, "runs/create") == 501
    finally:
        client.jobs.begin_cancel(name).result()
    foundry.wait_for_job(name)
    assert post(name) == 401, "closed with the job"


def _anonymous(request: HttpRequest) -> int:
    from azure.core import PipelineClient

    pipeline: Any = PipelineClient("https://eastus2.api.azureml.ms", policies=[])
    with pipeline:
        return pipeline.send_request(request).status_code


def _submit(foundry: Foundry, name: str, command: str, **properties: Any) -> None:
    status, answer = foundry.submit(name, foundry.command_body(command, **properties))
    assert status == 201, json.dumps(answer)


def _details(client: Any, name: str) -> Any:
    return client.jobs._runs_operations.get_run_details(name)


def _wait_for_log(client: Any, foundry: Foundry, name: str, pattern: str) -> str:
    """What the pattern finds in the log of a job at work; like the job, it takes real time."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        for url in (_details(client, name).log_files or {}).values():
            found = re.search(pattern, client.jobs._requests_pipeline.get(url).text())
            if found:
                return found[1]
        time.sleep(0.05)
    raise AssertionError(foundry.job(name)["properties"])
