"""The canonical form of a document, and the ten hex digits that name its revision."""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from jobs.spec.models import FineTuning, ModelInput, Spec

_NOT_PART_OF_IT = {
    # what Azure changes in place: a job's description, display name, tags and properties
    ("description", "display_name", "tags", "properties"),
    # what is only read here, and never sent
    ("$schema", "ignore", "budget", "tokenizer"),
}
_LEFT_OUT = {field for fields in _NOT_PART_OF_IT for field in fields}


def canonical(spec: Spec) -> dict[str, Any]:
    """The document with one word for each thing and only what makes another revision.

    Two files that ask for the same give the same: the order of fields, comments, defaults written
    out, `epochs` or `num_train_epochs` make no difference.
    """
    plain = {key: value for key, value in msgspec.to_builtins(spec).items() if key not in _LEFT_OUT}
    plain["type"], plain["name"] = spec.kind, spec.name
    if isinstance(spec, FineTuning):
        plain["model"] = spec.model_id
        if isinstance(spec.model, ModelInput) and spec.model.type != "mlflow_model":
            plain["model_type"] = spec.model.type
        plain["task"] = spec.task
        plain["outputs"] = {"registered_model": spec.registered_model_name}
        plain["hyperparameters"] = {
            "epochs": spec.epochs,
            "batch_size_multiplier": spec.batch_size,
            "learning_rate": spec.learning_rate,
            "learning_rate_multiplier": spec.hyperparameters.learning_rate_multiplier,
            **spec.hyperparameters.extra,
        }
        plain["training_data"] = spec.training_path
        plain["validation_data"] = (
            {"split": split.split, "seed": split.seed, "group_by": split.group_by}
            if (split := spec.split)
            else spec.validation_path
        )
    return plain


def content_hash(spec: Spec, data: Mapping[str, Any] | None = None) -> str:
    """Ten hex digits of the document and its data.

    `data` gives the content of what lies in local files by its field (`training_data`, `code`,
    `inputs`); it takes the place of the path, so that a moved file is the same.
    """
    content: dict[str, Any] = {**canonical(spec), **(data or {})}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def hyperparameters(spec: FineTuning) -> dict[str, str]:
    """The guide's words with their values in one spelling; a default written out is no change."""
    values = {"epochs": str(spec.epochs), "batch_size_multiplier": str(spec.batch_size)}
    if spec.learning_rate is not None:
        values["learning_rate"] = plain_number(spec.learning_rate)
    return values | dict(spec.hyperparameters.extra)


def plain_number(number: float) -> str:
    """`2e-05` as `0.00002`: the spelling that Microsoft's samples send."""
    return format(Decimal(repr(number)).normalize(), "f")
