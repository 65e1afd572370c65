"""What of a training is right alone but not together: the program's own table, told before it runs.

A test holds it against `training/tuning/config.py`, which imports nothing of ours: the same places,
the same words.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jobs.spec.reader import Path
from jobs.spec.training import Lora, TrainingJob


class Contradiction(NamedTuple):
    """What doesn't fit: where, what, and one thing to do about it."""

    path: Path
    what: str
    do: str


def contradictions(spec: TrainingJob) -> Iterator[Contradiction]:
    """Everything that the program would refuse of the fields together."""
    for broken, path, what, do in _rules(spec):
        if broken:
            yield Contradiction(path, what, do)


def _rules(spec: TrainingJob) -> Iterator[tuple[bool, Path, str, str]]:
    loss, layers, task = spec.minimised, spec.layers, spec.task
    over_tokens = task in ("chat", "text")
    adapter = spec.method != "full"
    yield (
        task in ("classification", "custom") and layers.head is None,
        ("task",),
        f"{task} takes a head.",
        "Add `layers: {head: classification, labels: […]}`.",
    )
    yield (
        task not in ("classification", "custom") and layers.head is not None,
        ("layers", "head"),
        f"the task `{task}` takes the model's own output.",
        "Write `task: classification`, or leave the head out.",
    )
    yield (
        layers.head is not None and layers.labels is None,
        ("layers", "head"),
        "a head without labels.",
        "Add `labels: […]` beside it.",
    )
    yield (
        layers.head is None and layers.labels is not None,
        ("layers", "labels"),
        "labels without a head.",
        "Add `head: classification` beside them.",
    )
    yield (
        task == "classification" and len(layers.labels or ()) == 1,
        ("layers", "labels"),
        "one label alone: nothing to tell apart.",
        "Write two or more.",
    )
    yield (
        (task == "custom") != (spec.task_file is not None),
        ("task",),
        "`custom` and `task_file` belong together.",
        "Write `task: custom` and `task_file: FILE.py`.",
    )
    yield (
        len(set(layers.labels or ())) < len(layers.labels or ()),
        ("layers", "labels"),
        "a label stands there twice.",
        "Write each once.",
    )
    yield (
        (task == "preference") != (loss.name == "dpo"),
        ("loss",),
        f"the loss `{loss.name}` doesn't fit the task `{task}`.",
        "`task: preference` takes `loss: dpo`, and nothing else does.",
    )
    yield (
        loss.answers_only and not over_tokens,
        ("loss",),
        f"the task `{task}` has no completions to single out.",
        "Leave `completion_only` out.",
    )
    yield (
        (loss.name == "custom") != (loss.function is not None),
        ("loss",),
        "`custom` and `function` belong together.",
        "Write `loss: {name: custom, function: FILE.py:FUNCTION}`.",
    )
    yield (
        spec.packing and not over_tokens,
        ("packing",),
        f"rows of `{task}` are scored each on its own and can't share a sequence.",
        "Leave `packing` out.",
    )
    yield (
        adapter and bool(layers.freeze),
        ("layers", "freeze"),
        f"`{spec.method}` freezes every weight of the base already.",
        "Leave `freeze` out, or write `method: full`.",
    )
    yield (
        not adapter and spec.lora != Lora(),
        ("lora",),
        "`method: full` has no adapter.",
        "Leave `lora` out, or write `method: lora`.",
    )
    yield (
        spec.method == "qlora" and spec.weights == "random",
        ("weights",),
        "`qlora` loads a model's weights in 4 bits.",
        "Write `weights: pretrained`, or another method.",
    )
    yield (
        spec.model_format == "mlflow" and spec.method == "qlora",
        ("model_format",),
        "`qlora` leaves an adapter, which isn't merged into a model.",
        "Write `model_format: transformers`, or `method: lora`.",
    )
    yield (
        spec.model_format == "mlflow" and layers.add is not None,
        ("model_format",),
        "MLflow loads a model as transformers has it, without layers that were added.",
        "Write `model_format: transformers`.",
    )
    yield (
        spec.sharding == "fsdp" and spec.method == "qlora",
        ("sharding",),
        "`fsdp` doesn't cut weights of 4 bits.",
        "Write `method: lora`, or leave `sharding` out.",
    )
    yield (
        spec.sharding == "fsdp" and spec.moved_by.name == "adamw_8bit",
        ("sharding",),
        "`adamw_8bit` doesn't step weights that are cut.",
        "Write `optimizer: adamw`, or leave `sharding` out.",
    )
    yield (
        spec.early_stopping is not None and spec.validation_data is None,
        ("early_stopping",),
        "there is no validation loss to watch.",
        "Add `validation_data`.",
    )
    yield (
        spec.moved_by.betas is not None and spec.moved_by.name in ("sgd", "adafactor"),
        ("optimizer", "betas"),
        f"`{spec.moved_by.name}` has no betas.",
        "Leave them out.",
    )
