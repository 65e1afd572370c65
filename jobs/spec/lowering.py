"""A training as the command job that it is short for: pure, from one document to the other."""

import re
from typing import Any, cast

import msgspec

from jobs.spec.command import Command, Environment, JobInput, JobOutput
from jobs.spec.document import JobDocument
from jobs.spec.inputs import DataInput, ModelInput
from jobs.spec.training import TrainingJob
from jobs.values import mapping

CONFIG = "train.yaml"
"""What the program's configuration is called in the job's code."""

_IMAGE = "mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20260621.v1"
"""Azure ML's own base image with CUDA's runtime, the build that azureml-assets resolved its curated
environments to; Python and every package come from the program's lock."""
_PYTHON = "3.11"
_PIN = re.compile(r"^(?P<pin>[A-Za-z0-9][\w.-]*==\S+(?: ; [^\\\n]+?)?)\s*\\?$", re.MULTILINE)

_OF_THE_JOB = {
    *("type", "model", "training_data", "validation_data", "outputs", "environment"),
    *("environment_variables", "resources", "distribution", "limits", "budget"),
    *JobDocument.__struct_fields__,
}
FIELDS = tuple(name for name in TrainingJob.__struct_fields__ if name not in _OF_THE_JOB)
"""The document's fields that are the program's too; model, data and output are given as paths."""


def command_of(spec: TrainingJob, *, code: str, lock: str) -> Command:
    """The command job over the program in `code`; `lock` is the program's requirements.lock.

    The output is mounted and not uploaded at the end, so that a spot node's checkpoints are there
    when the job begins again.
    """
    inputs: dict[str, Any] = {
        "model": _model(spec),
        "training_data": _data(spec.training_data),
    }
    if spec.validation_data is not None:
        inputs["validation_data"] = _data(spec.validation_data)
    handed_in = [f"--set {name}=${{{{inputs.{name}}}}}" for name in inputs]
    handed_in.append("--set output=${{outputs.model}}")
    return Command(
        **{name: getattr(spec, name) for name in JobDocument.__struct_fields__},
        command=f"python train.py --config {CONFIG} {' '.join(handed_in)}",
        code=code,
        environment=spec.environment or _environment(lock),
        environment_variables=spec.environment_variables,
        inputs=inputs,
        outputs={
            "model": JobOutput(
                type="custom_model", name=spec.registered_model_name, mode="rw_mount"
            )
        },
        resources=spec.resources,
        distribution=spec.distribution,
        limits=spec.limits,
        budget=spec.budget,
    )


def config_of(spec: TrainingJob) -> dict[str, Any]:
    """What the program is told beside paths: one spelling, and nothing that is its default.

    Functions of the user's own are named by their file alone: it lies beside the program.
    """
    full = msgspec.structs.replace(spec, loss=spec.minimised, optimizer=spec.moved_by)
    told = {name: value for name, value in _changed(full).items() if name in FIELDS}
    for part, field in (("loss", "function"), ("layers", "add")):
        inner = mapping(told.get(part))
        if inner and inner.get(field):
            inner[field] = str(inner[field]).rpartition("/")[2]
    if spec.task_file:
        told["task_file"] = spec.task_file.rpartition("/")[2]
    return told


def own_functions(spec: TrainingJob) -> dict[tuple[str, ...], str]:
    """The functions of the user's own that a training names, by their fields."""
    named: dict[tuple[str, ...], str | None] = {
        ("loss", "function"): spec.minimised.function,
        ("layers", "add"): spec.layers.add,
        # a task's file has four of them, of which this one is called first
        ("task_file",): spec.task_file and f"{spec.task_file}:check",
    }
    return {path: written for path, written in named.items() if written}


def _model(spec: TrainingJob) -> JobInput:
    given, path = spec.model, spec.model_id
    if not path.startswith("azureml:"):
        return JobInput(path=path, type="uri_folder")  # of this machine: no model of Azure's yet
    if isinstance(given, ModelInput):
        return JobInput(path=path, type=given.type, mode=given.mode, datastore=given.datastore)
    # What a training registers is a custom model.
    is_catalogue = path.startswith("azureml://registries/")
    return JobInput(path=path, type="mlflow_model" if is_catalogue else "custom_model")


def _data(given: str | DataInput) -> JobInput:
    if isinstance(given, str):
        return JobInput(path=given, type="uri_file")
    return JobInput(
        path=given.path,
        type="uri_file",
        mode=given.mode,
        datastore=given.datastore,
        path_on_compute=given.path_on_compute,
    )


def _environment(lock: str) -> Environment:
    """Azure ML builds it once; afterwards it is there for every job with the same lock."""
    pins = [found["pin"] for found in _PIN.finditer(lock)]
    packages = [f"python={_PYTHON}", "pip", {"pip": pins}]
    return Environment(
        image=_IMAGE, conda_file={"channels": ["conda-forge"], "dependencies": packages}
    )


def _changed(part: msgspec.Struct) -> dict[str, Any]:
    """The fields of a part that aren't as they would be if left out, in YAML's plain values."""
    told: dict[str, Any] = {}
    for field in msgspec.structs.fields(part):
        value: Any = getattr(part, field.name)
        if isinstance(value, msgspec.Struct):
            inner = _changed(value)
            # One that is nothing if left out is something even where all of it is as it would be.
            if inner or field.default is None:
                told[field.name] = inner
        elif value != field.default:
            told[field.name] = (
                [*cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value
            )
    return told
