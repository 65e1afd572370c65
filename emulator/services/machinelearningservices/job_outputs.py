"""What a command job wrote: uploaded, and registered as data or as a model."""

from pathlib import Path

from emulator.services.machinelearningservices import (
    artifacts,
    assets,
    blobs,
    data_paths,
    datastores,
    workspaces,
)
from emulator.services.machinelearningservices.command import MODEL_KINDS, Output
from emulator.services.machinelearningservices.refusals import user_error
from emulator.services.machinelearningservices.training_input import MAX_BYTES
from emulator.state.cloud import Cloud
from emulator.state.errors import not_emulated
from emulator.state.json_text import Json
from emulator.state.store import Resource

RUN_FOLDERS = ("outputs", "logs")
"""Folders beside the code that go to the run's artifacts, whatever the job says."""


def local_path(output: Output, directory: Path) -> Path:
    """Where the job writes an output: a folder that is there, or the name of a file."""
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "data" if output.kind == "uri_file" else directory


def save(cloud: Cloud, job: Resource, name: str, output: Output, written: Path) -> Resource:
    """Upload an output and register its version; gives the version.

    Without a name it becomes an anonymous asset, as the service calls it.

    Raises:
        AzureError: it wasn't written, its place is gone, its version is taken, or a file is too
            large.
    """
    if not written.exists():
        raise user_error(f"The job has not written its output '{name}'.", inner="OutputNotFound")
    project = workspaces.workspace_of(cloud, job)
    short = (
        output.uri
        or f"azureml://datastores/{datastores.BLOB_STORE}/paths/azureml/{job.name}/{name}"
    )
    short = short.replace("${{name}}", job.name).replace("${{output_name}}", name)
    place = data_paths.locate(cloud, project, short)
    base = place.path.rstrip("/")
    for file in _files(written):
        path = f"{base}/{file.relative_to(written).as_posix()}" if written.is_dir() else base
        _upload(cloud, place.account, place.container, path, file)
    uri = short.rstrip("/") + ("/" if written.is_dir() else "")
    if uri.startswith("azureml://datastores/"):
        store, _, path = uri.removeprefix("azureml://datastores/").partition("/paths/")
        uri = artifacts.datastore_uri(project, store, path)
    is_model = output.kind in MODEL_KINDS
    word = f"output_{output.kind}" if is_model else "output_data"
    properties: Json = {
        "description": output.description,
        "tags": {},
        "properties": {},
        "isAnonymous": output.name is None,
        "isArchived": False,
    }
    if is_model:
        properties |= {"modelType": output.kind, "modelUri": uri, "jobName": job.name}
        properties |= {"flavors": {}, "stage": None}
    else:
        properties |= {"dataType": output.kind, "dataUri": uri}
    return assets.add_version(
        cloud,
        project,
        "models" if is_model else "data",
        output.name or f"azureml_{job.name}_{word}_{name}",
        properties,
        version=output.version,
        created_by=job.created_by,
    )


def save_artifacts(cloud: Cloud, job: Resource, directory: Path) -> None:
    """Upload `outputs/` and `logs/` of the job's working folder to its run's artifacts."""
    project = workspaces.workspace_of(cloud, job)
    account = datastores.storage_account(cloud, workspaces.hub_of(cloud, project))
    for folder in RUN_FOLDERS:
        for file in _files(directory / folder):
            path = f"{artifacts.run_folder(job.name)}/{file.relative_to(directory).as_posix()}"
            _upload(cloud, account, datastores.ARTIFACT_CONTAINER, path, file)


def _files(written: Path) -> list[Path]:
    if written.is_file():
        return [written]
    return sorted(path for path in written.rglob("*") if path.is_file()) if written.is_dir() else []


def _upload(cloud: Cloud, account: Resource, container: str, path: str, file: Path) -> None:
    if file.stat().st_size > MAX_BYTES:
        raise not_emulated(f"a file of more than 512 MB ('{file.name}')", "Write a smaller one.")
    blobs.write(cloud, account, container, path, file.read_bytes())
