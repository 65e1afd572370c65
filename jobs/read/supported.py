"""What this version of `apply` can't do, though `az ml` may: one table, asked by every verb.

Nothing is ignored: a field that wouldn't be sent, or that the service would refuse after the data
is uploaded, is told where it stands.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jobs.spec import ids
from jobs.spec.command import MODEL_TYPES, Command, Environment, JobInput
from jobs.spec.lowering import command_of
from jobs.spec.models import (
    DataInput,
    Evaluation,
    FineTuning,
    ModelInput,
    ServerlessEndpoint,
    Spec,
)
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.reader import Path
from jobs.spec.references import parse
from jobs.spec.story import local_path
from jobs.spec.training import TrainingJob

_BY_HAND = "submit the file with az ml job create"
_NOT_SENT = "is not sent by foundry-tune, so it would have no effect. Remove it"


class Limit(NamedTuple):
    """A field that asks for more than this version does."""

    path: Path
    message: str
    at_key: bool = True


def limits(spec: Spec) -> Iterator[Limit]:
    """Everything that a document asks for and `apply` can't do."""
    if isinstance(spec, FineTuning):
        yield from _fine_tuning(spec)
    elif isinstance(spec, ServerlessEndpoint):
        yield from _endpoint(spec)
    elif isinstance(spec, TrainingJob):
        for limit in _command(command_of(spec, code="", lock="")):
            # What is an input of the job is a field of the training.
            path = limit.path[1:] if limit.path[0] == "inputs" else limit.path
            yield limit._replace(path=path)
    elif isinstance(spec, OnlineEndpoint):
        yield from _online(spec)
    elif isinstance(spec, Evaluation):
        if spec.seed is not None:
            yield Limit(("seed",), f"{_NOT_SENT}.")
    else:
        yield from _command(spec)


def _fine_tuning(spec: FineTuning) -> Iterator[Limit]:
    if spec.model_provider != "custom":
        message = f"'{spec.model_provider}' is another service. Write custom, or {_BY_HAND}."
        yield Limit(("model_provider",), message)
    if spec.task not in ("chat_completion", "text_completion"):
        yield Limit(("task",), "serverless fine-tuning does chat_completion and text_completion.")
    for field in ("compute", "resources"):
        if getattr(spec, field) is not None:
            message = f"fine-tuning is serverless here. Remove it, or {_BY_HAND}."
            yield Limit((field,), message)
    for field in ("identity", "queue_settings", "services", "properties"):
        if getattr(spec, field):
            yield Limit((field,), f"{_NOT_SENT}, or {_BY_HAND}.")
    if parse(spec.model_path):
        message = "the service fine-tunes base models of the registry only, not a fine-tuned one."
        yield Limit(("model",), message, at_key=False)
    if isinstance(spec.model, ModelInput):
        if spec.model.type != "mlflow_model":
            yield Limit(("model", "type"), "the service takes mlflow_model only.")
        for field in ("mode", "datastore"):
            if getattr(spec.model, field) is not None:
                yield Limit(("model", field), f"{_NOT_SENT}.")
    for field in ("training_data", "validation_data"):
        data = getattr(spec, field)
        if isinstance(data, DataInput):
            for part in ("path_on_compute", "datastore"):
                if getattr(data, part) is not None:
                    yield Limit((field, part), f"{_NOT_SENT}.")
    output = spec.outputs.registered_model
    if output is not None:
        for field in ("path", "version"):
            if getattr(output, field) is not None:
                yield Limit(("outputs", "registered_model", field), f"{_NOT_SENT}.")
    for name in spec.hyperparameters.extra:
        message = (
            "serverless fine-tuning takes epochs, batch_size_multiplier and learning_rate, and "
            "would refuse it after the data is uploaded. Remove it."
        )
        yield Limit(("hyperparameters", "extra", name), message)


def _endpoint(spec: ServerlessEndpoint) -> Iterator[Limit]:
    if spec.properties:
        yield Limit(("properties",), f"{_NOT_SENT}.")
    for index, test in enumerate(spec.smoke_tests):
        if test.seed is not None:
            yield Limit(("smoke_tests", index, "seed"), f"{_NOT_SENT}.")


_UNKNOWN = "its content isn't known here, so another could come under the same revision."


def _command(spec: Command) -> Iterator[Limit]:
    if spec.compute is not None and spec.compute_name.casefold() == "local":
        message = "jobs run in Azure. Name a cluster, or leave it out to run serverless."
        yield Limit(("compute",), message, at_key=False)
    if spec.code and _is_address(spec.code):
        message = f"{_UNKNOWN} Check it out, and name the folder."
        yield Limit(("code",), message, at_key=False)
    if isinstance(spec.environment, Environment):
        yield from _environment(spec.environment)
    elif spec.environment.startswith("file:"):
        message = "an environment in a file of its own isn't read here. Write it in place."
        yield Limit(("environment",), message, at_key=False)
    for name, given in (spec.inputs or {}).items():
        if isinstance(given, JobInput):
            yield from _input(name, given)
    for name, output in (spec.outputs or {}).items():
        if output and output.version is not None:
            message = "Azure counts the versions up: a second job would meet this one. Remove it."
            yield Limit(("outputs", name, "version"), message)


def _environment(written: Environment) -> Iterator[Limit]:
    for field in ("inference_config", "datastore", "properties"):
        if getattr(written, field) is not None:
            yield Limit(("environment", field), f"{_NOT_SENT}.")
    if isinstance(written.conda_file, str) and local_path("", written.conda_file) is None:
        message = f"{_UNKNOWN} Name a local file, or write its content."
        yield Limit(("environment", "conda_file"), message, at_key=False)


def _input(name: str, given: JobInput) -> Iterator[Limit]:
    for field in ("path_on_compute", "datastore"):
        # azure-ai-ml 1.35.2 takes neither of an input.
        if getattr(given, field) is not None:
            yield Limit(("inputs", name, field), f"{_NOT_SENT}.")
    if given.type in MODEL_TYPES and given.path and local_path("", given.path) is not None:
        message = "a model on this machine is not registered here. Write azureml:<name>:<version>."
        yield Limit(("inputs", name, "path"), message, at_key=False)


def _is_address(code: str) -> bool:
    return local_path("", code) is None and not code.startswith("azureml:")


def _online(spec: OnlineEndpoint) -> Iterator[Limit]:
    if spec.properties:
        yield Limit(("properties",), f"{_NOT_SENT}.")
    if parse(spec.model) is None:
        understood = ids.model_id(spec.model)
        if understood is None or understood.form != "short" or not understood.version:
            message = (
                "a registered model of the project is served. Write azureml:<name>:<version>, or "
                "${{ command.<name>.registered_model }}, or that of a training."
            )
            yield Limit(("model",), message, at_key=False)
    own = spec.code_configuration
    if own is not None and local_path("", own.code) is None:
        message = "its content isn't known here, so another could come under the same revision. "
        yield Limit(
            ("code_configuration", "code"), f"{message}Name a folder on this machine.", at_key=False
        )
    if spec.environment is not None and not spec.environment.startswith("azureml:"):
        message = "an environment of the project or a registry is used: azureml:<name>:<version>."
        yield Limit(("environment",), message, at_key=False)
    if spec.content_safety == "enabled":
        message = (
            "Azure has no content filter in front of a managed online endpoint, so nothing would "
            "be enabled. Write client_side to have foundry-tune's own calls judged, and have your "
            "applications ask Azure AI Content Safety too; or serve the model by a "
            "serverless_endpoint, whose filter is Azure's."
        )
        yield Limit(("content_safety",), message, at_key=False)
    for index, test in enumerate(spec.smoke_tests):
        if test.expect.filtered and spec.content_safety != "client_side":
            message = "nobody would refuse it: write content_safety: client_side."
            yield Limit(("smoke_tests", index, "expect", "filtered"), message)
