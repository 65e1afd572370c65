"""A fine-tuning job's body: read, and held against what the service allows.

The shape is the `2024-10-01-preview` schema as azure-ai-ml sends it. What may be asked of which
model, in which region and until when, comes from the catalogue. What can only be known from the
data (too few rows, no assistant turn) fails the job later, as it does on the service.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from emulator.services.machinelearningservices import catalogue
from emulator.services.machinelearningservices.catalogue import BaseModel
from emulator.services.machinelearningservices.references import (
    RegistryModel,
    WorkspaceAsset,
    parse,
)
from emulator.services.machinelearningservices.refusals import user_error

MAX_EPOCHS = 10
MAX_BATCH_SIZE = 32
MAX_MODEL_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """What a valid body asks for."""

    model: BaseModel
    model_version: str
    training_data: str
    validation_data: str | None
    hyperparameters: dict[str, str]
    output_name: str


def read(properties: dict[str, Any], *, job: str, region: str, today: date) -> FineTuning:
    """Read a job's `properties`; refuse at the first thing the service refuses."""
    details = _object(properties.get("fineTuningDetails"), "fineTuningDetails")
    provider = str(details.get("modelProvider", ""))
    if provider.casefold() != "custom":
        raise user_error(
            f"modelProvider '{provider}' is not supported here; only 'Custom' is. Azure OpenAI "
            "fine-tuning runs in another service.",
            target="fineTuningDetails.modelProvider",
        )
    _check_task(details.get("taskType"))
    _refuse_managed_compute(properties)
    model, version = _model(details.get("model"), region=region, today=today)
    return FineTuning(
        model=model,
        model_version=version,
        training_data=_data(details.get("trainingData"), "fineTuningDetails.trainingData"),
        validation_data=(
            _data(details["validationData"], "fineTuningDetails.validationData")
            if details.get("validationData") is not None
            else None
        ),
        hyperparameters=_hyperparameters(details.get("hyperParameters"), model),
        output_name=_output_name(properties, job),
    )


def _object(value: Any, target: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise user_error(f"'{target}' is required and must be an object.", target=target)
    return cast("dict[str, Any]", value)


def _check_task(task: Any) -> None:
    # The SDK lower-cases the first letter of the enum's value, so compare without case.
    if str(task).casefold() != "chatcompletion":
        raise user_error(
            f"taskType '{task}' can't be fine-tuned with these models; use 'ChatCompletion'.",
            target="fineTuningDetails.taskType",
        )


def _refuse_managed_compute(properties: dict[str, Any]) -> None:
    resources: Any = properties.get("resources") or {}
    if properties.get("computeId") or resources.get("instanceTypes"):
        raise user_error(
            "Fine-tuning on managed compute is not emulated; leave out 'computeId' and "
            "'resources.instanceTypes' to fine-tune serverless.",
            target="computeId",
            inner="NotSupported",
        )


def _model(value: Any, *, region: str, today: date) -> tuple[BaseModel, str]:
    target = "fineTuningDetails.model"
    uri = _uri(value, target)
    reference = parse(uri)
    if isinstance(reference, WorkspaceAsset):
        raise user_error(
            f"'{uri}' is a model of a workspace; only a base model of the registry can be "
            "fine-tuned here.",
            target=target,
        )
    if not isinstance(reference, RegistryModel):
        raise user_error(f"'{uri}' is not the id of a model.", target=target)
    model = catalogue.find(reference.name)
    if model is None or model.registry != reference.registry.lower():
        raise user_error(
            f"The registry '{reference.registry}' has no model '{reference.name}'.",
            target=target,
            inner="ModelNotFound",
        )
    version = reference.version or str(model.latest)
    if not version.isdecimal() or not 1 <= int(version) <= model.latest:
        raise user_error(
            f"{model.name} has no version '{version}'; the latest is {model.latest}.",
            target=target,
            inner="ModelNotFound",
        )
    if refusal := model.refusal_of_new_use(today):
        raise user_error(
            f"{refusal} It can't be fine-tuned any more.", target=target, inner="ModelRetired"
        )
    if not model.finetune_regions:
        raise user_error(f"{model.name} can't be fine-tuned.", target=target)
    if region not in model.finetune_regions:
        raise user_error(
            # Word for word what the service was recorded to say.
            f"{model.name} : Serverless FineTuning not supported in {region}.",
            target=target,
            inner="ModelNotSupportedByMaaS",
        )
    return model, version


def _data(value: Any, target: str) -> str:
    uri = _uri(value, target)
    if parse(uri) is None:
        raise user_error(f"'{uri}' is not the id or path of a data asset.", target=target)
    kind = str(cast("dict[str, Any]", value).get("jobInputType", "uri_file")).casefold()
    if kind != "uri_file":
        raise user_error(
            f"'{target}' must be a uri_file; it is a {kind}.", target=f"{target}.jobInputType"
        )
    return uri


def _uri(value: Any, target: str) -> str:
    uri = _object(value, target).get("uri")
    if not isinstance(uri, str) or not uri:
        raise user_error(f"'{target}.uri' is required.", target=f"{target}.uri")
    return uri


def _hyperparameters(value: Any, model: BaseModel) -> dict[str, str]:
    target = "fineTuningDetails.hyperParameters"
    given = {} if value is None else _object(value, target)
    for name, text in given.items():
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise user_error(
                f"'{name}' is not a hyperparameter of this task. Known: {known}.",
                target=f"{target}.{name}",
            )
        if not isinstance(text, str):
            raise user_error(
                f"Hyperparameter '{name}' must be a string, as in \"{text}\".",
                target=f"{target}.{name}",
            )
    defaults = model.defaults
    parameters = {
        "num_train_epochs": str(given.get("num_train_epochs", f"{defaults['epochs']:g}")),
        "per_device_train_batch_size": str(
            given.get("per_device_train_batch_size", f"{defaults['batch_size']:g}")
        ),
        "learning_rate": str(given.get("learning_rate", repr(defaults["learning_rate"]))),
    }
    _whole_number(parameters, "num_train_epochs", MAX_EPOCHS)
    _whole_number(parameters, "per_device_train_batch_size", MAX_BATCH_SIZE)
    _check_learning_rate(parameters["learning_rate"], model)
    return parameters


_PARAMETERS = ("num_train_epochs", "per_device_train_batch_size", "learning_rate")


def _whole_number(parameters: dict[str, str], name: str, maximum: int) -> None:
    text = parameters[name].strip()
    if not text.isdecimal() or not 1 <= int(text) <= maximum:
        raise user_error(
            f"Hyperparameter '{name}' must be a whole number from 1 to {maximum}; it is '{text}'.",
            target=f"fineTuningDetails.hyperParameters.{name}",
        )


def _check_learning_rate(text: str, model: BaseModel) -> None:
    target = "fineTuningDetails.hyperParameters.learning_rate"
    try:
        rate = float(text)
    except ValueError:
        raise user_error(f"learning_rate '{text}' is not a number.", target=target) from None
    if not rate > 0 or rate == float("inf"):
        raise user_error(
            "Invalid learning rate. Learning rate should be greater than 0.", target=target
        )
    if model.learning_rate and not model.learning_rate[0] <= rate <= model.learning_rate[1]:
        low, high = model.learning_rate
        raise user_error(
            f"learning_rate {text} is out of range for {model.name}: {low:g} to {high:g}.",
            target=target,
        )


def _output_name(properties: dict[str, Any], job: str) -> str:
    outputs: Any = properties.get("outputs") or {}
    output: Any = outputs.get("registered_model") or {}
    name = str(output.get("assetName") or output.get("name") or job)
    if len(name) > MAX_MODEL_NAME:
        raise user_error(
            f"The registered model's name is longer than {MAX_MODEL_NAME} characters.",
            target="outputs.registered_model",
        )
    return "".join(character if character.isalnum() else "-" for character in name)
