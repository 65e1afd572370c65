"""A model and data as `az ml` writes them in full."""

from typing import Annotated, Literal

from msgspec import Meta

from jobs.spec.document import Part


class ModelInput(Part, frozen=True, kw_only=True):
    """A model, as `az ml` writes it in full."""

    path: Annotated[
        str,
        Meta(description="azureml://registries/azureml/models/<name>[/versions/<n>], or a path."),
    ]
    type: Annotated[
        Literal["mlflow_model", "custom_model", "triton_model"],
        Meta(description="The form of the model."),
    ] = "mlflow_model"
    mode: Annotated[
        Literal["download", "ro_mount", "direct"] | None,
        Meta(description="How a job on your compute would see it."),
    ] = None
    datastore: Annotated[
        str | None, Meta(description="The datastore, where the path has none.")
    ] = None


class DataInput(Part, frozen=True, kw_only=True):
    """Data, as `az ml` writes it in full."""

    path: Annotated[
        str | None,
        Meta(description="A .jsonl file relative to the spec, azureml:name:version, or a URL."),
    ] = None
    type: Annotated[
        Literal["uri_file", "uri_folder"], Meta(description="One file; a folder is not read.")
    ] = "uri_file"
    mode: Annotated[
        Literal["download", "ro_mount", "direct"] | None,
        Meta(description="How a job on your compute would see it."),
    ] = None
    path_on_compute: Annotated[
        str | None, Meta(description="Where a job on your compute would see it.")
    ] = None
    datastore: Annotated[
        str | None, Meta(description="The datastore, where the path has none.")
    ] = None
