"""Other tools' fine-tuning YAML, read as ours: `azd ai finetuning` and the OpenAI shape it follows.

Also what `az ml` lets a file carry without a word: read-only fields, and a missing `type:`.
"""

from collections.abc import Callable
from typing import Any

from jobs.spec.instead import set_apart
from jobs.spec.models import Hyperparameters
from jobs.spec.reader import Path, Tree
from jobs.suggestions import nearest
from jobs.values import mapping

Say = Callable[[str, Path, str], None]
"""Takes a rule, a path and a message."""

READ_ONLY = {
    "finetuning": ("id", "status", "creation_context", "log_files"),
    "command": ("id", "status", "creation_context", "log_files", "parameters"),
    "training": ("id", "status", "creation_context", "log_files"),
    "serverless_endpoint": ("id", "provisioning_state", "scoring_uri", "headers", "system_data"),
    "online_endpoint": ("id", "provisioning_state", "scoring_uri", "openapi_uri"),
}
"""Fields that Azure fills; `az ml` drops them from a file (azure-ai-ml 1.35.2, dump_only)."""

_HYPERPARAMETERS = {
    "n_epochs": "epochs",
    "epochs": "epochs",
    "batch_size": "batch_size_multiplier",
    "learning_rate": "learning_rate",
}


def kind_of(value: dict[str, Any]) -> str:
    """The document's type word, guessed from its fields where it has none; empty if none fits."""
    written = value.get("type")
    if isinstance(written, str):
        folded = written.strip()
        return {"FineTuning": "finetuning", "fine_tuning": "finetuning"}.get(
            folded, folded if folded in {"serverless_endpoint"} else folded.lower()
        )
    if written is not None:
        return ""
    if "training_file" in value or "training_data" in value:
        return "finetuning"
    if "command" in value:
        return "command"
    if "code_configuration" in value:
        return "online_endpoint"
    if {"model_id", "content_safety", "smoke_tests", "auth_mode"} & set(value):
        return "serverless_endpoint"
    # What has a model and nothing of an endpoint is a fine-tuning that lacks its data.
    return "finetuning" if "model" in value else ""


def translate(tree: Tree, say: Say) -> None:
    """Rewrite a document of another dialect in place, with a note for each thing that changed."""
    value: dict[str, Any] = tree.value
    kind = kind_of(value)
    if kind == "finetuning":
        set_apart(tree, say)
        if "training_file" in value or "method" in value or "validation_file" in value:
            _from_openai(tree, value, say)
    for field in READ_ONLY.get(kind, ()):
        if field in value:
            value.pop(field)
            say("FT-S019", (field,), "Azure fills this field; what the file says is not used.")
    if kind == "finetuning":
        _set_extra_hyperparameters_apart(value, say)
    if "type" not in value and kind:
        value["type"] = kind


def _from_openai(tree: Tree, value: dict[str, Any], say: Say) -> None:
    say("FT-S018", (), "reads as azd's (OpenAI's) fine-tuning YAML and is translated.")
    for old, new in (("training_file", "training_data"), ("validation_file", "validation_data")):
        if old in value:
            path = value.pop(old)
            value[new] = path.removeprefix("local:") if isinstance(path, str) else path
            _moved(tree, (new,), (old,))
            if isinstance(path, str) and path.startswith("file-"):
                say(
                    "FT-S034",
                    (old,),
                    f"'{path}' is a file id of another service. Name a file here.",
                )
    if "suffix" in value:
        suffix = value.pop("suffix")
        value.setdefault("outputs", {"registered_model": {"name": suffix}})
        value.setdefault("name", suffix)
        _moved(tree, ("outputs", "registered_model", "name"), ("suffix",))
    if "metadata" in value and "tags" not in value:
        value["tags"] = value.pop("metadata")
        _moved(tree, ("tags",), ("metadata",))
    if "method" in value:
        _method(tree, value, say)
    if (hyperparameters := mapping(value.get("hyperparameters"))) is not None:
        value["hyperparameters"] = _hyperparameters(
            tree, hyperparameters, ("hyperparameters",), say
        )
    for field, why in (
        ("seed", "the service takes no seed"),
        ("extra_body", "it speaks of Azure OpenAI's training types"),
    ):
        if field in value:
            value.pop(field)
            say("FT-S018", (field,), f"left out: {why}.")
    if value.pop("integrations", None):
        say("FT-S034", ("integrations",), "integrations are not supported. Remove them.")


def _method(tree: Tree, value: dict[str, Any], say: Say) -> None:
    method = mapping(value.pop("method"))
    if method is None:
        say("FT-S006", ("method",), "a mapping is expected.")
        return
    kind = method.get("type", "supervised")
    if kind != "supervised":
        say("FT-S034", ("method", "type"), f"'{kind}' is not supported here; only 'supervised' is.")
        return
    supervised = mapping(method.get("supervised")) or {}
    hyperparameters = mapping(supervised.get("hyperparameters"))
    if hyperparameters is not None and "hyperparameters" not in value:
        at = ("method", "supervised", "hyperparameters")
        value["hyperparameters"] = _hyperparameters(tree, hyperparameters, at, say)


def _hyperparameters(tree: Tree, written: dict[str, Any], at: Path, say: Say) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, item in written.items():
        if item == "auto":
            say("FT-S018", (*at, key), "'auto' leaves it to the service.")
        elif key in _HYPERPARAMETERS:
            read[_HYPERPARAMETERS[key]] = item
            _moved(tree, ("hyperparameters", _HYPERPARAMETERS[key]), (*at, key))
        elif key == "learning_rate_multiplier":
            say("FT-S034", (*at, key), "a multiplier has no equal here. Write learning_rate: 2e-5.")
        elif key == "prompt_loss_weight":
            say("FT-S034", (*at, key), "the service learns from answers only. Remove it.")
        else:
            read[key] = item
            _moved(tree, ("hyperparameters", key), (*at, key))
    return read


def _set_extra_hyperparameters_apart(value: dict[str, Any], say: Say) -> None:
    """`az ml` sends any hyperparameter on; one that is near a known word is a typo all the same."""
    written = mapping(value.get("hyperparameters"))
    if written is None:
        return
    known = [word for word in Hyperparameters.__struct_fields__ if word != "extra"]
    strange = [word for word in written if word not in known]
    extra = {
        word: written.pop(word)
        for word in strange
        if nearest(word, known) is None and isinstance(written[word], (str, int, float))
    }
    for word in extra:
        message = "not one of the service's known hyperparameters; it is sent as it is."
        say("FT-S029", ("hyperparameters", word), message)
    if extra:
        as_text = {
            word: item if isinstance(item, str) else f"{item}" for word, item in extra.items()
        }
        value["hyperparameters"] = {**written, "extra": as_text}


def _moved(tree: Tree, new: Path, old: Path) -> None:
    tree.moved[new] = old
