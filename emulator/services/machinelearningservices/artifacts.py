"""What a job leaves behind in the blobs: its log, and the model it registers."""

import json
import time
from pathlib import Path
from typing import Any

from emulator.services.machinelearningservices import assets, blobs, datastores, workspaces
from emulator.state.clock import isoformat
from emulator.state.cloud import Cloud
from emulator.state.store import Resource

OUTPUT = "registered_model"
LOG_NAME = "user_logs/std_log.txt"
_FLUSH_SECONDS = 0.5


def run_folder(job: str) -> str:
    """Where the artifacts of a run lie in the artifact container."""
    return f"ExperimentRun/dcid.{job}"


def model_folder(job: str) -> str:
    """Where the output of a job lies in the default datastore."""
    return f"azureml/{job}/{OUTPUT}/"


class RunLog:
    """`std_log.txt` of a run, written to the artifact container as the run goes on."""

    def __init__(self, cloud: Cloud, job: Resource) -> None:
        self._cloud = cloud
        project = workspaces.workspace_of(cloud, job)
        self._account = datastores.storage_account(cloud, workspaces.hub_of(cloud, project))
        self._path = f"{run_folder(job.name)}/{LOG_NAME}"
        self._text = bytearray()
        self._flushed = (0, 0.0)

    def event(self, event: dict[str, Any]) -> None:
        """Say in a line what the trainer reported."""
        kind = event["event"]
        facts = {name: value for name, value in event.items() if name != "event"}
        if kind == "warning":
            self.line(f"WARNING {facts['message']}")
            return
        said = " ".join(
            f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in facts.items()
            if isinstance(value, int | float | str)
        )
        self.line(f"{kind} {said}")

    def line(self, text: str) -> None:
        """Add a line of ours, with the time; it is written with the next flush."""
        self.raw(f"{isoformat(self._cloud.clock.timestamp())} {text}\n".encode())

    def raw(self, text: bytes) -> None:
        """Add what a job's own process said, as it said it."""
        self._text += text
        if time.monotonic() - self._flushed[1] >= _FLUSH_SECONDS:
            self.flush()

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self._text)

    def flush(self) -> None:
        """Write the log as it is now; nothing where the storage account is gone by then."""
        if len(self._text) == self._flushed[0]:
            return
        if self._cloud.resources.get(self._account.id) is not None:
            blobs.write(
                self._cloud,
                self._account,
                datastores.ARTIFACT_CONTAINER,
                self._path,
                bytes(self._text),
                "text/plain",
            )
        self._flushed = (len(self._text), time.monotonic())


def read_log(cloud: Cloud, job: Resource) -> str:
    """`std_log.txt` of a run as far as it is written; empty where there is none, or no more."""
    project = workspaces.workspace_of(cloud, job)
    account = datastores.storage_account(cloud, workspaces.hub_of(cloud, project))
    path = f"{run_folder(job.name)}/{LOG_NAME}"
    if not blobs.exists(cloud, account, datastores.ARTIFACT_CONTAINER, path):
        return ""
    content = blobs.read(cloud, account, datastores.ARTIFACT_CONTAINER, path)
    return content.decode(errors="replace")


def register_model(cloud: Cloud, job: Resource, output: Path) -> str:
    """Upload what the trainer wrote and register it as the next model version; gives its id."""
    project = workspaces.workspace_of(cloud, job)
    account = datastores.storage_account(cloud, workspaces.hub_of(cloud, project))
    store = datastores.find(cloud, project, datastores.BLOB_STORE)
    assert store is not None
    folder = model_folder(job.name)
    for file in sorted(path for path in output.rglob("*") if path.is_file()):
        path = folder + file.relative_to(output).as_posix()
        container = str(store.properties["containerName"])
        blobs.write(cloud, account, container, path, file.read_bytes())
    card: dict[str, Any] = json.loads((output / "model_card.json").read_text(encoding="utf-8"))
    return _register(cloud, project, job, card).id.text


def _register(cloud: Cloud, project: Resource, job: Resource, card: dict[str, Any]) -> Resource:
    training: dict[str, Any] = job.private["training"]
    return assets.add_version(
        cloud,
        project,
        "models",
        training["output_name"],
        {
            "description": _description(card),
            "tags": {},
            # The names the service's register step writes (azureml-assets, FTaaS).
            "properties": {
                "baseModelId": training["base_model_uri"],
                "baseWeightsId": training["base_model"],
                "baseModelWeightsVersion": "1.0",
                "hasDeltaWeights": "true",
                "maas-finetuning": "true",
                "foundry-emulator.stand-in": "true",
            },
            "isAnonymous": False,
            "isArchived": False,
            "flavors": {},
            "jobName": job.name,
            "modelType": "mlflow_model",
            "modelUri": datastore_uri(project, datastores.BLOB_STORE, model_folder(job.name)),
            "stage": None,
        },
        created_by=job.created_by,
    )


def datastore_uri(project: Resource, store: str, path: str) -> str:
    """A path in a datastore, in the long form that holds everywhere."""
    return (
        f"azureml://subscriptions/{project.id.subscription}/resourceGroups/{project.id.group}"
        f"/workspaces/{project.name}/datastores/{store}/paths/{path}"
    )


def _description(card: dict[str, Any]) -> str:
    return (
        f"{card['description']} Parameters: {card['parameters']:,}. Seed: {card['seed']}. "
        f"Steps: {card['steps']}."
    )
