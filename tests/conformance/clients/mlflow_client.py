"""mlflow and Azure ML's plug-in for it, at the tracking address that the project hands out."""

import os
import tempfile
from pathlib import Path

import mlflow
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential
from azure.mgmt.core import ARMPipelineClient
from checks import check
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

E = os.environ
ARM = "https://management.azure.com"
PROJECT = (
    f"{E['CONFORMANCE_GROUP']}/providers/Microsoft.MachineLearningServices/workspaces/"
    f"{E['CONFORMANCE_PROJECT']}"
)
JOB = E["CONFORMANCE_JOB"]


def main() -> None:
    """Reading a fine-tuning job, and a run of one's own."""
    with check("the project's tracking address is one of azureml-mlflow"):
        address = _tracking_address()
        assert address.startswith("azureml://eastus2.api.azureml.ms/mlflow/"), address
        mlflow.set_tracking_uri(address)
    client = MlflowClient()
    with check("runs/get shows a fine-tuning job, its status and its metrics"):
        run = client.get_run(JOB)
        assert run.info.status == "FINISHED", run.info
        assert run.info.end_time > run.info.start_time
        assert {"train_loss", "validation_loss"} <= set(run.data.metrics), run.data.metrics
    with check("metrics/get-history has every step once, in order"):
        steps = [one.step for one in client.get_metric_history(JOB, "train_loss")]
        assert len(steps) > 1 and steps == sorted(set(steps)), steps
    with check("experiments by name, by id, and in the list"):
        by_name = client.get_experiment_by_name("xbox")
        assert by_name is not None and by_name.lifecycle_stage == "active"
        assert client.get_experiment(by_name.experiment_id).name == "xbox"
        assert "xbox" in [one.name for one in client.search_experiments()]
        assert client.get_experiment_by_name("there is none") is None
    with check("search_runs finds the job by a metric, and not by a wrong one"):
        frame_free = {"output_format": "list", "experiment_names": ["xbox"]}
        loss = client.get_run(JOB).data.metrics["train_loss"]
        found = mlflow.search_runs(
            filter_string=f"metrics.train_loss <= {loss} and attributes.status = 'FINISHED'",
            order_by=["metrics.train_loss ASC"],
            **frame_free,
        )
        assert JOB in [run.info.run_id for run in found]
        none = mlflow.search_runs(filter_string=f"metrics.train_loss > {loss + 99}", **frame_free)
        assert none == []
    with check("a job's artifacts: listed and downloaded"):
        names = [one.path for one in client.list_artifacts(JOB)]
        assert "user_logs" in names, names
        log = mlflow.artifacts.download_artifacts(
            run_id=JOB, artifact_path="user_logs/std_log.txt", dst_path=tempfile.mkdtemp()
        )
        assert "train_loss" in Path(log).read_text(encoding="utf-8")
    _own_run(client)
    with check("a run that isn't there is RESOURCE_DOES_NOT_EXIST"):
        try:
            client.get_run("none")
        except MlflowException as refused:
            assert refused.error_code == "RESOURCE_DOES_NOT_EXIST", refused
        else:
            raise AssertionError("a run that isn't there was shown")
    with check("the model registry"):
        list(client.search_registered_models())


def _own_run(client: MlflowClient) -> None:
    with check("a run of one's own: experiment, parameters, metrics, tags, artifact, end"):
        mlflow.set_experiment("from a laptop")
        with mlflow.start_run(run_name="by hand") as run:
            mlflow.log_param("optimizer", "sgd")
            for step in range(3):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.set_tag("team", "xbox")
            mlflow.log_text("namaste", "notes/hello.txt")
        shown = client.get_run(run.info.run_id)
        assert shown.info.status == "FINISHED" and shown.info.run_name == "by hand"
        assert shown.data.params == {"optimizer": "sgd"}
        assert shown.data.tags["team"] == "xbox"
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [(one.step, one.value) for one in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
        text = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt")
        assert text == "namaste"


def _tracking_address() -> str:
    policy = BearerTokenCredentialPolicy(DefaultAzureCredential(), f"{ARM}/.default")
    with ARMPipelineClient(ARM, policies=[policy]) as arm:
        answer = arm.send_request(HttpRequest("GET", f"{ARM}{PROJECT}?api-version=2024-10-01"))
        answer.raise_for_status()
        return answer.json()["properties"]["mlFlowTrackingUri"]


if __name__ == "__main__":
    main()
