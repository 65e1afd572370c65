"""Command jobs as `az ml` has them."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from jobs.spec.budget import Budget
from jobs.spec.document import JobDocument, Part, Tags

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
"""Types of outputs that become models, where they are named."""


class JobInput(Part, frozen=True, kw_only=True):
    """An input of a command job: data, a model, an ML table, or a value."""

    path: Annotated[
        str | None, Meta(description="A local file or folder, azureml:name:version, or a URL.")
    ] = None
    type: Annotated[
        Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"]
        | None,
        Meta(description="What it is."),
    ] = None
    mode: Annotated[
        Literal["download", "ro_mount", "direct", "eval_mount", "eval_download"] | None,
        Meta(description="How the job sees it."),
    ] = None
    value: Annotated[
        str | int | float | bool | None, Meta(description="A value instead of a path.")
    ] = None
    datastore: Annotated[
        str | None, Meta(description="The datastore, where the path has none.")
    ] = None
    path_on_compute: Annotated[str | None, Meta(description="Where the job sees it.")] = None


class JobOutput(Part, frozen=True, kw_only=True):
    """An output of a command job."""

    name: Annotated[str | None, Meta(description="The asset that it is registered as.")] = None
    version: Annotated[str | int | None, Meta(description="The version of that asset.")] = None
    path: Annotated[str | None, Meta(description="Where in Azure it is written.")] = None
    type: Annotated[
        Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"]
        | None,
        Meta(description="What it is."),
    ] = None
    mode: Annotated[
        Literal["mount", "upload", "rw_mount", "direct"] | None,
        Meta(description="How the job writes it."),
    ] = None


class JobResources(Part, frozen=True, kw_only=True):
    """The compute that a command job asks for."""

    instance_count: Annotated[int, Meta(description="Machines.", ge=1)] | None = None
    instance_type: Annotated[
        str | None,
        Meta(description="The machine type; with it and no compute, the job runs serverless."),
    ] = None
    locations: Annotated[
        tuple[str, ...] | None, Meta(description="Regions that it may run in.")
    ] = None
    shm_size: (
        Annotated[
            str, Meta(description="Shared memory, such as 2g.", pattern=r"^[0-9]+[bkmgBKMG]$")
        ]
        | None
    ) = None
    max_instance_count: (
        Annotated[int, Meta(description="The most machines it may grow to.", ge=1)] | None
    ) = None
    docker_args: Annotated[
        str | tuple[str, ...] | None, Meta(description="More arguments of docker run.")
    ] = None
    properties: Annotated[
        dict[str, Any] | None, Meta(description="Settings that have no word of their own.")
    ] = None


class Distribution(Part, frozen=True, kw_only=True):
    """How a command job is spread over processes and machines."""

    type: Annotated[
        Literal["pytorch", "tensorflow", "mpi", "ray"], Meta(description="The framework.")
    ]
    process_count_per_instance: (
        Annotated[int, Meta(description="Processes on each machine (pytorch, mpi).", ge=1)] | None
    ) = None
    parameter_server_count: (
        Annotated[int, Meta(description="Parameter servers (tensorflow).", ge=0)] | None
    ) = None
    worker_count: Annotated[int, Meta(description="Workers (tensorflow).", ge=1)] | None = None
    port: Annotated[int | None, Meta(description="The port of the head node (ray).")] = None
    address: Annotated[str | None, Meta(description="The address of the head node (ray).")] = None
    include_dashboard: Annotated[
        bool | None, Meta(description="Whether to show Ray's dashboard.")
    ] = None
    dashboard_port: Annotated[int | None, Meta(description="The port of Ray's dashboard.")] = None
    head_node_additional_args: Annotated[
        str | None, Meta(description="More arguments of ray start on the head node.")
    ] = None
    worker_node_additional_args: Annotated[
        str | None, Meta(description="More arguments of ray start on workers.")
    ] = None


class Limits(Part, frozen=True, kw_only=True):
    """Limits of a command job."""

    timeout: Annotated[int, Meta(description="In seconds.", ge=1)] | None = None


class BuildContext(Part, frozen=True, kw_only=True):
    """A folder with a Dockerfile."""

    path: Annotated[str | None, Meta(description="The folder.")] = None
    dockerfile_path: Annotated[
        str | None, Meta(description="The Dockerfile in it (Dockerfile).")
    ] = None


class Environment(Part, frozen=True, kw_only=True):
    """An environment written in place."""

    name: Annotated[str | None, Meta(description="What it is called.")] = None
    version: Annotated[str | int | None, Meta(description="Its version.")] = None
    image: Annotated[str | None, Meta(description="A container image.")] = None
    build: Annotated[
        BuildContext | None, Meta(description="A folder with a Dockerfile instead of an image.")
    ] = None
    conda_file: Annotated[
        str | dict[str, Any] | None, Meta(description="A conda file, or its content.")
    ] = None
    os_type: Annotated[
        Literal["linux", "windows"] | None, Meta(description="The operating system.")
    ] = None
    inference_config: Annotated[
        dict[str, Any] | None, Meta(description="Routes of a serving image.")
    ] = None
    datastore: Annotated[str | None, Meta(description="The datastore of the build context.")] = None
    description: Annotated[str | None, Meta(description="What it is for.")] = None
    tags: Annotated[Tags | None, Meta(description="Tags of the environment.")] = None
    properties: Annotated[Tags | None, Meta(description="Properties of the environment.")] = None


class Command(JobDocument, frozen=True, kw_only=True):
    """A command job on your compute, as `az ml` has it."""

    type: Literal["command"] = "command"
    command: Annotated[str, Meta(description="What runs.", min_length=1)]
    code: Annotated[str | None, Meta(description="A folder, a URL or azureml:name:version.")] = None
    environment: Annotated[
        str | Environment,
        Meta(description="azureml:name:version, or one written in place."),
    ]
    environment_variables: Annotated[
        dict[str, Any] | None, Meta(description="Environment variables of the job.")
    ] = None
    inputs: Annotated[
        dict[str, str | int | float | bool | JobInput] | None,
        Meta(description="What it reads, by name: ${{inputs.name}} in the command."),
    ] = None
    outputs: Annotated[
        dict[str, JobOutput | None] | None, Meta(description="What it writes, by name.")
    ] = None
    resources: Annotated[JobResources | None, Meta(description="The compute that it asks for.")] = (
        None
    )
    distribution: Annotated[
        Distribution | None, Meta(description="How it is spread over processes and machines.")
    ] = None
    limits: Annotated[Limits | None, Meta(description="How long it may take.")] = None
    parent_job_name: Annotated[str | None, Meta(description="A job that this one belongs to.")] = (
        None
    )
    budget: Annotated[Budget | None, Meta(description="What it may cost at most.")] = None

    kind = "command"

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names of the models that its outputs become."""
        outputs = [one for one in (self.outputs or {}).values() if one]
        return tuple(one.name for one in outputs if one.name and one.type in MODEL_TYPES)

    @property
    def variables(self) -> dict[str, str]:
        """Its environment variables as text, as a shell has them."""
        given = (self.environment_variables or {}).items()
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in given
            if value is not None
        }
