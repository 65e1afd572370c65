"""Command jobs as `az ml` has them."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from jobs.spec.document import JobDocument, Part, Tags


class JobInput(Part, frozen=True, kw_only=True):
    """An input of a command job: data, a model, an ML table, or a value."""

    path: str | None = None
    type: (
        Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"]
        | None
    ) = None
    mode: Literal["download", "ro_mount", "direct", "eval_mount", "eval_download"] | None = None
    value: str | int | float | bool | None = None
    datastore: str | None = None
    path_on_compute: str | None = None


class JobOutput(Part, frozen=True, kw_only=True):
    """An output of a command job."""

    name: str | None = None
    version: str | int | None = None
    path: str | None = None
    type: (
        Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"]
        | None
    ) = None
    mode: Literal["mount", "upload", "rw_mount", "direct"] | None = None


class JobResources(Part, frozen=True, kw_only=True):
    """The compute that a command job asks for."""

    instance_count: Annotated[int, Meta(ge=1)] | None = None
    instance_type: str | None = None
    locations: tuple[str, ...] | None = None
    shm_size: Annotated[str, Meta(pattern=r"^[0-9]+[bkmgBKMG]$")] | None = None
    max_instance_count: Annotated[int, Meta(ge=1)] | None = None
    docker_args: str | tuple[str, ...] | None = None
    properties: dict[str, Any] | None = None


class Distribution(Part, frozen=True, kw_only=True):
    """How a command job is spread over processes and machines."""

    type: Literal["pytorch", "tensorflow", "mpi", "ray"]
    process_count_per_instance: Annotated[int, Meta(ge=1)] | None = None
    parameter_server_count: Annotated[int, Meta(ge=0)] | None = None
    worker_count: Annotated[int, Meta(ge=1)] | None = None
    port: int | None = None
    address: str | None = None
    include_dashboard: bool | None = None
    dashboard_port: int | None = None
    head_node_additional_args: str | None = None
    worker_node_additional_args: str | None = None


class Limits(Part, frozen=True, kw_only=True):
    """Limits of a command job."""

    timeout: Annotated[int, Meta(description="In seconds.", ge=1)] | None = None


class BuildContext(Part, frozen=True, kw_only=True):
    """A folder with a Dockerfile."""

    path: str | None = None
    dockerfile_path: str | None = None


class Environment(Part, frozen=True, kw_only=True):
    """An environment written in place."""

    name: str | None = None
    version: str | int | None = None
    image: str | None = None
    build: BuildContext | None = None
    conda_file: str | dict[str, Any] | None = None
    os_type: Literal["linux", "windows"] | None = None
    inference_config: dict[str, Any] | None = None
    datastore: str | None = None
    description: str | None = None
    tags: Tags | None = None
    properties: Tags | None = None


class Command(JobDocument, frozen=True, kw_only=True):
    """A command job on your compute, as `az ml` has it."""

    type: Literal["command"] = "command"
    command: Annotated[str, Meta(description="What runs.", min_length=1)]
    code: Annotated[str | None, Meta(description="A folder, a URL or azureml:name:version.")] = None
    environment: str | Environment
    environment_variables: dict[str, Any] | None = None
    inputs: dict[str, str | int | float | bool | JobInput] | None = None
    outputs: dict[str, JobOutput | None] | None = None
    resources: JobResources | None = None
    distribution: Distribution | None = None
    limits: Limits | None = None
    parent_job_name: str | None = None

    kind = "command"
