"""What a run leaves: the model with its tokenizer, the adapter, a card and a summary."""

import logging
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from tuning.config import Config
from tuning.files import write_json
from tuning.model import TYPES

MLFLOW_TASKS = {
    "chat": "llm/v1/chat",
    "preference": "llm/v1/chat",
    "text": "text-generation",
    "classification": "text-classification",
    "custom": "text-classification",
}
SERVED_WITH = ("mlflow-skinny", "pandas", "torch", "transformers", "accelerate")
LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers")


def save(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    config: Config,
    summary: dict[str, Any],
) -> None:
    """Writes `model/` (merged), `adapter/` of lora, `README.md` and `summary.json`.

    An adapter is merged: W + alpha / r · B A. One over 4-bit weights isn't, since rounding would
    take away what was learned; its `model/` is left out.
    """
    output = Path(config.output)
    if config.method != "full":
        model.save_pretrained(output / "adapter")
        tokenizer.save_pretrained(output / "adapter")
    if config.method == "lora":
        model = model.merge_and_unload()
    if config.method != "qlora":
        model.config.use_cache = True
        model = model.to(TYPES[config.precision])
        if config.model_format == "mlflow":
            _save_for_mlflow(model, tokenizer, card(config, summary), config)
        else:
            model.save_pretrained(output / "model")
            tokenizer.save_pretrained(output / "model")
    if config.task_file:
        shutil.copy(config.task_file, output)
    if config.layers.add:
        shutil.copy(config.layers.add.rpartition(":")[0], output)
    write_json(output / "summary.json", summary)
    (output / "README.md").write_text(card(config, summary), encoding="utf-8")


def _save_for_mlflow(
    model: Any, tokenizer: PreTrainedTokenizerBase, text: str, config: Config
) -> None:
    """What `mlflow.transformers.load_model` and an endpoint without a script of its own take.

    The signature is MLflow's for the task: chat completions as OpenAI has them, or texts.
    """
    from huggingface_hub import ModelCard
    from mlflow.transformers import save_model

    folder = Path(config.output) / "model"
    shutil.rmtree(folder, ignore_errors=True)  # MLflow writes into no folder that is there
    logging.getLogger("mlflow.transformers").setLevel(logging.ERROR)  # no licence on the hub
    save_model(
        {"model": model, "tokenizer": tokenizer},
        str(folder),
        task=MLFLOW_TASKS[config.task],
        model_card=ModelCard(text),
        pip_requirements=[f"{name}=={version(name)}" for name in SERVED_WITH],
    )


def card(config: Config, summary: dict[str, Any]) -> str:
    """The model's card: what it was made from, how, and how it did."""
    changed = config.model_dump(mode="json", exclude_defaults=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    lines = [
        f"# {Path(config.model).name}, fine-tuned",
        "",
        f"{config.method} of `{config.model}` for the task `{config.task}`; {libraries}.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | `{value}` |" for name, value in changed.items()),
        "",
        "| result | |",
        "| --- | --- |",
        *(f"| {name} | {_short(value)} |" for name, value in summary.items()),
    ]
    if config.layers.add:
        file, _, function = config.layers.add.rpartition(":")
        lines += [
            "",
            f"It has layers that `{function}` of `{Path(file).name}` adds: call that on the model "
            "before its weights are loaded.",
        ]
    return "\n".join(lines) + "\n"


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
