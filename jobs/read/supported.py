"""What this version of `apply` can't do, though `az ml` may: one table, asked by every verb.

Nothing is ignored: a field that wouldn't be sent, or that the service would refuse after the data
is uploaded, is told where it stands.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jobs.spec.models import (
    DataInput,
    Evaluation,
    FineTuning,
    ModelInput,
    ServerlessEndpoint,
    Spec,
)
from jobs.spec.reader import Path
from jobs.spec.references import parse
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
        yield Limit(
            ("type",),
            "trainings are checked and exported, not run. Submit it: foundry-tune export --az-ml "
            "SPEC --to FOLDER && az ml job create -f FOLDER/NAME.training.yaml",
        )
    elif isinstance(spec, Evaluation):
        if spec.seed is not None:
            yield Limit(("seed",), f"{_NOT_SENT}.")
    else:
        yield Limit(
            ("type",),
            "command jobs are checked and exported, not run. Submit it: foundry-tune export "
            "--az-ml SPEC > job.yaml && az ml job create -f job.yaml",
        )


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
