"""Every form in which Azure ML names a model, a data asset or a path."""

import pytest

from emulator.services.machinelearningservices.references import (
    BlobUrl,
    DatastorePath,
    JobOutput,
    Reference,
    RegistryEnvironment,
    RegistryModel,
    WorkspaceAsset,
    parse,
)

ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        (
            "azureml://registries/azureml/models/Phi-4",
            RegistryModel(registry="azureml", name="Phi-4", version=None),
        ),
        (
            "azureml://registries/azureml/models/Phi-4/versions/8",
            RegistryModel(registry="azureml", name="Phi-4", version="8"),
        ),
        (
            "azureml://registries/azureml/models/Phi-4/labels/latest",
            RegistryModel(registry="azureml", name="Phi-4", version=None),
        ),
        (
            "azureml://locations/eastus2/workspaces/1234/models/xbox/versions/2",
            WorkspaceAsset(kind="models", name="xbox", version="2", workspace_guid="1234"),
        ),
        (
            f"{ARM}/data/train/versions/1",
            WorkspaceAsset(kind="data", name="train", version="1", workspace_arm_id=ARM),
        ),
        (
            f"azureml:{ARM}/models/xbox/versions/1",
            WorkspaceAsset(kind="models", name="xbox", version="1", workspace_arm_id=ARM),
        ),
        ("azureml:train:3", WorkspaceAsset(kind=None, name="train", version="3")),
        ("azureml:train@latest", WorkspaceAsset(kind=None, name="train", version=None)),
        (
            "azureml://datastores/workspaceblobstore/paths/a/b.jsonl",
            DatastorePath(datastore="workspaceblobstore", path="a/b.jsonl"),
        ),
        (
            "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a",
            DatastorePath(datastore="d", path="a", workspace="w"),
        ),
        (
            "https://stxbox.blob.core.windows.net/box/a/b.jsonl",
            BlobUrl(account="stxbox", container="box", path="a/b.jsonl"),
        ),
        (
            "azureml://jobs/j/outputs/registered_model",
            JobOutput(job="j", output="registered_model", path=""),
        ),
        (
            "azureml://jobs/j/outputs/model/paths/weights/w.txt",
            JobOutput(job="j", output="model", path="weights/w.txt"),
        ),
        (
            "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
            RegistryEnvironment(registry="azureml", name="sklearn-1.5", version=None),
        ),
    ],
)
def test_reference(uri: str, reference: Reference) -> None:
    assert parse(uri) == reference


@pytest.mark.parametrize("uri", ["", "train.jsonl", "azureml://", "s3://a/b", "azureml:train"])
def test_anything_else_is_no_reference(uri: str) -> None:
    assert parse(uri) is None
