"""A document as `az ml` reads it: azure-ai-ml's own words, everything of ours left out."""

import os
from pathlib import Path
from typing import Any, cast

import msgspec

from jobs.catalog.catalog import registry_id
from jobs.errors import UsageError
from jobs.spec.canonical import plain_number
from jobs.spec.command import Command
from jobs.spec.models import Evaluation, FineTuning, ModelInput, ServerlessEndpoint
from jobs.spec.online_endpoint import OnlineEndpoint
from jobs.spec.reader import path_text
from jobs.spec.references import parse
from jobs.spec.story import Chapter
from jobs.spec.training import TrainingJob
from jobs.values import mapping

_OURS = {
    "ignore",
    "budget",
    "tokenizer",
    "$schema",
    "justification",
    "smoke_tests",
    "safety_probes",
    "safety_gates",
    "ttl",
    "cap",
    "safety_languages",
}


def az_ml(
    chapter: Chapter, *, folder: Path, with_halves: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """The document for a file in `folder`, and notes on what `az ml` can't take.

    `with_halves` says that the files of `halves_of` will lie there too.

    Raises:
        UsageError: `az ml` has no such kind of document, or no sweeps of it.
    """
    spec = chapter.spec
    if isinstance(spec, FineTuning):
        return _fine_tuning(chapter, spec, folder, with_halves=with_halves)
    if isinstance(spec, ServerlessEndpoint):
        return _endpoint(spec)
    if isinstance(spec, Evaluation):
        raise UsageError(
            f"{spec.reference}: az ml has no evaluation documents.",
            next_step="Name what to export: --document finetuning.xbox-support",
        )
    if isinstance(spec, OnlineEndpoint):
        raise UsageError(
            f"{spec.reference}: az ml has two files for it, an endpoint's and a deployment's, and "
            "export writes one.",
            next_step="Name what to export: --document command.prepare",
        )
    assert not isinstance(spec, TrainingJob), "a training is exported as the job it is short for"
    return _command(chapter, spec, folder), [
        f"{spec.reference}: {path_text(reference.path)} is a reference; put the registered model's "
        "id there."
        for reference in chapter.references
    ]


def halves_of(spec: FineTuning) -> tuple[str, str]:
    """What the training and the validation part of split data are called."""
    return f"{spec.name}.train.jsonl", f"{spec.name}.validation.jsonl"


def _fine_tuning(
    chapter: Chapter, spec: FineTuning, folder: Path, *, with_halves: bool
) -> tuple[dict[str, Any], list[str]]:
    if spec.sweep is not None:
        raise UsageError(
            f"{spec.reference}: az ml sweeps command jobs only, no fine-tuning.",
            next_step="Remove 'sweep' to export one job, or run all: foundry-tune apply",
        )
    notes: list[str] = []
    plain = _common(spec)
    plain["task"], plain["model_provider"] = spec.task, spec.model_provider
    model: dict[str, Any] = {"path": registry_id(spec.model_path), "type": "mlflow_model"}
    if isinstance(spec.model, ModelInput):
        model |= {"type": spec.model.type, **_without_none(mode=spec.model.mode)}
    if parse(spec.model_path):
        notes.append(
            f"{spec.reference}: model is a reference; put the registered model's id there."
        )
    plain["model"] = model
    plain["training_data"] = _data(chapter, spec.training_data, folder)
    if spec.split is not None and with_halves:
        plain["training_data"], plain["validation_data"] = halves_of(spec)
    elif spec.split is not None:
        notes.append(
            f"{spec.reference}: az ml can't split. With --to FOLDER both parts are written too."
        )
    elif spec.validation_data is not None:
        plain["validation_data"] = _data(chapter, spec.validation_data, folder)
    words = spec.hyperparameters
    if spec.model_provider == "azure_open_ai":
        plain["hyperparameters"] = _without_none(
            n_epochs=spec.epochs,
            batch_size=words.batch_size,
            learning_rate_multiplier=words.learning_rate_multiplier,
        )
    else:
        # azure-ai-ml 1.35.2 takes text only ("Not a valid string" for 3), and decimal text is what
        # every sample has.
        plain["hyperparameters"] = {
            "num_train_epochs": str(spec.epochs),
            "per_device_train_batch_size": str(spec.batch_size),
            **({"learning_rate": plain_number(spec.learning_rate)} if spec.learning_rate else {}),
            **words.extra,
        }
    plain["outputs"] = {
        "registered_model": {"name": spec.registered_model_name, "type": "mlflow_model"}
    }
    if spec.resources and spec.resources.instance_types:
        plain["resources"] = {"instance_types": list(spec.resources.instance_types)}
    return plain, notes


def _endpoint(spec: ServerlessEndpoint) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    if parse(spec.model_path):
        text = "model is a reference; put the registered model's id into model_id."
        notes.append(f"{spec.reference}: {text}")
    # azure-ai-ml 1.35.2 takes these fields, and sends none of them.
    dropped = ["content_safety", *(["auth_mode"] if spec.auth_mode != "key" else [])]
    notes.append(f"{spec.reference}: az ml drops {' and '.join(dropped)}; set it through ARM.")
    plain: dict[str, Any] = {"name": spec.name, "model_id": spec.model_path}
    if spec.auth_mode != "key":
        plain["auth_mode"] = spec.auth_mode
    return plain | _without_none(
        description=spec.description,
        tags=dict(spec.tags) if spec.tags else None,
        properties=dict(spec.properties) if spec.properties else None,
    ), notes


def _command(chapter: Chapter, spec: Command, folder: Path) -> dict[str, Any]:
    own: dict[str, Any] = msgspec.to_builtins(spec)
    plain: dict[str, Any] = {"type": "command", "name": spec.name}
    plain |= {key: value for key, value in own.items() if key not in _OURS}
    if spec.code:
        plain["code"] = _path(chapter, spec.code, folder)
    if isinstance(spec.environment, str):
        plain["environment"] = spec.environment
    else:
        environment = plain["environment"]
        if isinstance(environment.get("conda_file"), str):
            environment["conda_file"] = _path(chapter, environment["conda_file"], folder)
        if environment.get("build", {}).get("path"):
            environment["build"]["path"] = _path(chapter, environment["build"]["path"], folder)
    for value in (mapping(plain.get("inputs")) or {}).values():
        data = mapping(value)
        if data and data.get("path"):
            data["path"] = _path(chapter, data["path"], folder)
    return _lists(plain)


def _common(spec: FineTuning) -> dict[str, Any]:
    plain = msgspec.to_builtins(spec)
    keep = ("display_name", "experiment_name", "description", "tags", "properties", "compute")
    keep += ("identity", "queue_settings", "services")
    return {
        "type": "finetuning",
        "name": spec.name,
        **{key: plain[key] for key in keep if plain.get(key) is not None},
    }


def _data(chapter: Chapter, written: object, folder: Path) -> Any:
    if isinstance(written, str):
        return _path(chapter, written, folder)
    plain: dict[str, Any] = msgspec.to_builtins(written)
    fields = ("path", "type", "mode", "path_on_compute", "datastore")
    return {
        "type": "uri_file",
        **{key: plain[key] for key in fields if plain.get(key) is not None},
        "path": _path(chapter, plain["path"], folder),
    }


def _path(chapter: Chapter, written: str, folder: Path) -> str:
    """A local path as seen from where the export will lie; anything else as it is."""
    local = chapter.local_path(written)
    return Path(os.path.relpath(local, folder)).as_posix() if local else written


def _without_none(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _lists(value: Any) -> Any:
    """Tuples as lists: YAML has no other."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in cast("list[Any]", value)]
    return value
