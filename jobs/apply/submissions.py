"""What a job is submitted with, made from a step of the plan: all that is local is in Azure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from jobs import revision
from jobs.foundry.hyperparameters import to_wire
from jobs.foundry.models import ModelVersion
from jobs.foundry.projects import Project
from jobs.foundry.submission import CommandSubmission, FineTuningSubmission, Submission
from jobs.plan.running import CodeVersion, EnvironmentVersion, Running
from jobs.plan.steps import JobStep, RunningStep, TrainingStep
from jobs.plan.undertaking import DataVersion, Undertaking
from jobs.spec.canonical import hyperparameters
from jobs.spec.command import MODEL_TYPES

_OURS = ("$schema", "name", "ignore", "budget")
"""Fields of a command document that Azure never sees."""


def submission_of(
    step: JobStep, project: Project, models: Mapping[str, ModelVersion]
) -> Submission:
    """What the job of a step is submitted with; `models` by the name of what made each."""
    if isinstance(step, RunningStep):
        return CommandSubmission(
            name=step.job_name, document=document_of(step.running, project.id, models)
        )
    assert isinstance(step, TrainingStep)
    training, spec = step.training, step.training.spec
    validation = training.validation
    return FineTuningSubmission(
        name=step.job_name,
        display_name=spec.display_name or spec.name,
        experiment=spec.experiment_name or spec.name,
        description=spec.description or "",
        task=spec.task,
        model=spec.model_id,
        training_data=_address(training.training),
        validation_data=_address(validation) if validation else None,
        hyperparameters=to_wire(hyperparameters(spec)),
        registered_model=spec.registered_model_name,
        tags=revision.tags(spec.name, training.revision, spec.tags),
    )


def document_of(
    running: Running, project_id: str, models: Mapping[str, ModelVersion]
) -> dict[str, Any]:
    """A command document as `az ml` reads it, with the ids of what was brought to Azure.

    What is written goes as it is, so whatever azure-ai-ml takes, Azure gets.
    """
    spec = running.spec
    # By way of JSON, so that tuples are lists: YAML has no other.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(spec))
    document = {key: value for key, value in plain.items() if key not in _OURS}
    document["type"] = "command"
    document["environment"] = _address(running.environment)
    if running.code:
        document["code"] = _code_id(_address(running.code), project_id)
    for name, given in running.inputs.items():
        written = document["inputs"][name]
        if isinstance(given, Undertaking):
            model = models[given.name]
            written["path"] = f"azureml:{model.name}:{model.version}"
            written.setdefault("type", _model_type(given))
            continue
        written["path"] = _address(given)
        if isinstance(given, DataVersion):
            written["type"] = given.kind
    if spec.environment_variables:
        document["environment_variables"] = spec.variables
    return document | {
        "display_name": spec.display_name or spec.name,
        "experiment_name": spec.experiment_name or spec.name,
        "tags": revision.tags(spec.name, running.revision, spec.tags),
    }


def _model_type(maker: Undertaking) -> str:
    """What the model of another document is: a fine-tuned one is MLflow's."""
    outputs = maker.spec.outputs if isinstance(maker, Running) else None
    named = [one for one in (outputs or {}).values() if one and one.name and one.type]
    types = [one.type for one in named if one.type in MODEL_TYPES]
    return types[0] or "mlflow_model" if types else "mlflow_model"


def _code_id(short: str, project_id: str) -> str:
    """The id in full: azure-ai-ml 1.35.2 takes the short one in a file, and looks for a folder."""
    name, _, version = short.removeprefix("azureml:").partition(":")
    if "/" in name:
        return short
    return f"azureml:{project_id}/codes/{name}/versions/{version}"


def _address(given: DataVersion | CodeVersion | EnvironmentVersion | str) -> str:
    return given if isinstance(given, str) else f"azureml:{given.name}:{given.version}"
