"""What a fine-tuning document asks for and the service has not, as the training that does it.

Read before anything else looks at the document: `loss: focal` in a `type: finetuning` is no typo,
and `az ml` would send it on to a service that refuses it once the data is uploaded.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jobs.spec.models import FineTuning, Hyperparameters
from jobs.spec.reader import Path, Tree
from jobs.spec.shape import fields_of, fit
from jobs.spec.training import TrainingJob
from jobs.terminal.output import as_yaml
from jobs.values import mapping

MACHINE = "Standard_NC24ads_A100_v4"
"""One A100 of 80 GB: enough for LoRA of every Phi."""

_WORDS: Mapping[str, Path] = {
    "loss_function": ("loss",),
    "loss_fn": ("loss",),
    "label_smoothing": ("loss", "smoothing"),
    "label_smoothing_factor": ("loss", "smoothing"),
    "optim": ("optimizer",),
    "lr_scheduler": ("scheduler",),
    "lr_scheduler_type": ("scheduler",),
    "warmup_steps": ("warmup",),
    "warmup_ratio": ("warmup",),
    "max_grad_norm": ("gradient_clipping",),
    "gradient_accumulation_steps": ("accumulation",),
    "max_length": ("max_seq_length",),
    "lora_r": ("lora", "r"),
    "lora_rank": ("lora", "r"),
    "lora_alpha": ("lora", "alpha"),
    "lora_dropout": ("lora", "dropout"),
    "head": ("layers", "head"),
    "labels": ("layers", "labels"),
    "freeze": ("layers", "freeze"),
    "early_stopping_patience": ("early_stopping", "patience"),
    "save_steps": ("checkpoints", "every"),
}
"""Other words for a training's fields, transformers' and peft's most of all."""

_VALUES = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_hf": "adamw",
    "adamw_bnb_8bit": "adamw_8bit",
    "paged_adamw_8bit": "adamw_8bit",
    "lion_32bit": "lion",
}
_TASKS = {
    "chat_completion": "chat",
    "text_completion": "text",
    "text_classification": "classification",
}
_KEPT = ("description", "tags", "display_name", "experiment_name", "compute", "budget")


def set_apart(tree: Tree, say: Callable[[str, Path, str], None]) -> None:
    """Takes what only a training can do out of a fine-tuning, and says which training would.

    Its place is the first such word; all of them stand in the document that is proposed.
    """
    document: dict[str, Any] = tree.value
    found = _asked(document)
    if not found:
        return
    message = "serverless fine-tuning has no such setting. This training has:"
    proposed = _training(document, found)
    say("FT-T001", next(iter(found)), f"{message}\n{_indented(proposed)}")
    for path in found:
        _holder(document, path).pop(str(path[-1]))


def _asked(document: dict[str, Any]) -> dict[Path, Path]:
    """Where a fine-tuning says what only a training has, and the training's field for it."""
    own = set(fields_of(FineTuning)) | {"type", "suffix", "metadata", "integrations"}
    found: dict[Path, Path] = {}
    is_openai = "training_file" in document
    for word, value in document.items():
        field = _field(word)
        if word in own or field is None or (is_openai and word == "seed"):
            continue
        if word == "method" and not isinstance(value, str):
            continue  # azd's and OpenAI's own
        found[(word,)] = field
    if "compute" in document or "resources" in document:
        return found  # not the service but a pipeline on compute of one's own, which takes more
    known = set(fields_of(Hyperparameters)) - {"extra"}
    for word in mapping(document.get("hyperparameters")) or {}:
        field = _field(word)
        if word not in known and field is not None:
            found[("hyperparameters", word)] = field
    return found


def _holder(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """The mapping that a word stands in: the document, or its hyperparameters."""
    return document if len(path) == 1 else document[str(path[0])]


def _field(word: str) -> Path | None:
    if word in _WORDS:
        return _WORDS[word]
    return (word,) if word in _OWN else None


_OWN = set(fields_of(TrainingJob)) - set(fields_of(FineTuning)) - {"distribution", "limits"}


def _training(document: dict[str, Any], found: Mapping[Path, Path]) -> str:
    """The training with the user's own values; what doesn't fit is told below it."""
    words = mapping(document.get("hyperparameters")) or {}
    plain: dict[str, Any] = {
        "type": "training",
        "name": document.get("name") or "NAME",
        "model": document.get("model"),
        "task": _TASKS.get(str(document.get("task", "chat_completion")), "chat"),
        "training_data": document.get("training_data"),
    }
    notes: list[str] = []
    validation = document.get("validation_data")
    if isinstance(validation, dict) and "split" in validation:
        notes.append("validation_data: FILE   (foundry-tune dataset split writes one)")
    elif validation is not None:
        plain["validation_data"] = validation
    for path, field in found.items():
        value = _holder(document, path)[str(path[-1])]
        _put(plain, field, _VALUES.get(value, value) if isinstance(value, str) else value)
    for names, field in _SAME:
        value = next((words[name] for name in names if name in words), None)
        if value is not None:
            plain.setdefault(field, value)
    plain |= {key: document[key] for key in _KEPT if key in document}
    if "compute" not in plain:
        plain["resources"] = {"instance_type": MACHINE}
    outputs = mapping(document.get("outputs")) or {}
    registered = mapping(outputs.get("registered_model")) or {}
    if registered.get("name"):
        plain["outputs"] = {"registered_model": {"name": registered["name"]}}
    plain = {key: value for key, value in plain.items() if value is not None}
    return _fitting(plain, notes)


_SAME = (
    (("epochs", "num_train_epochs", "n_epochs"), "epochs"),
    (("batch_size_multiplier", "per_device_train_batch_size", "batch_size"), "batch_size"),
    (("learning_rate",), "learning_rate"),
)


def _put(plain: dict[str, Any], field: Path, value: Any) -> None:
    if len(field) == 1:
        plain[str(field[0])] = (
            value.replace("-", "_") if field[0] == "loss" and isinstance(value, str) else value
        )
        return
    outer, inner = map(str, field)
    before = plain.get(outer)
    part: dict[str, Any] = {"name": before} if isinstance(before, str) else dict(before or {})
    if field == ("loss", "smoothing"):
        part.setdefault("name", "label_smoothing")
    plain[outer] = part | {inner: value}


def _fitting(plain: dict[str, Any], notes: list[str]) -> str:
    """The document as YAML, without what its model doesn't take."""
    _, misfits = fit(plain, TrainingJob)
    for misfit in misfits:
        top = str(misfit.path[0]) if misfit.path else ""
        if top in plain and top not in ("type", "name", "model", "training_data"):
            del plain[top]
            notes.append(f"{'.'.join(map(str, misfit.path))}: {misfit.message}")
    return as_yaml(plain) + "".join(f"# {note}\n" for note in notes)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip("\n").split("\n"))
