"""The model: loaded, given a head and layers, frozen or adapted."""

import fnmatch
import math
from pathlib import Path
from typing import Any

import peft
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerBase,
)
from transformers.utils.import_utils import is_flash_attn_2_available

from tuning.config import Config
from tuning.errors import MachineError, Mistake, MistakesError
from tuning.files import function_of

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def refuse_what_this_machine_lacks(config: Config) -> None:
    """Refuses by name what takes CUDA where there is none.

    Raises:
        MachineError: names the field.
    """
    if config.attention == "flash_attention_2" and not is_flash_attn_2_available():
        raise MachineError(
            "`attention: flash_attention_2` takes a CUDA device and the package flash-attn, and "
            "here it isn't. Write `attention: sdpa`, or install it."
        )
    if torch.cuda.is_available():
        return
    wants = {
        "method: qlora": config.method == "qlora",
        "optimizer: adamw_8bit": config.optimizer.name == "adamw_8bit",
        "precision: fp16": config.precision == "fp16",
        "compile: true": config.compile,
    }
    instead = {
        "method: qlora": "method: lora",
        "optimizer: adamw_8bit": "optimizer: adamw",
        "precision: fp16": "precision: bf16",
        "compile: true": "compile: false",
    }
    lines = [
        f"`{field}` takes a CUDA device, and here is none. Write `{instead[field]}` or take a GPU."
        for field, wanted in wants.items()
        if wanted
    ]
    if lines:
        raise MachineError("\n".join(lines))


def load(config: Config, folder: Path | str, tokenizer: PreTrainedTokenizerBase) -> nn.Module:
    """The base model, with the head that the configuration asks for."""
    head = config.layers.head is not None
    kind: Any = AutoModelForSequenceClassification if head else AutoModelForCausalLM
    settings: dict[str, Any] = {"attn_implementation": config.attention}
    if config.layers.labels:
        names = dict(enumerate(config.layers.labels))
        settings["num_labels"] = len(names)
        if config.task == "custom":
            settings["problem_type"] = "regression"  # so transformers' pipelines leave it as it is
        settings |= {"id2label": names, "label2id": {name: n for n, name in names.items()}}
    # what is trained needs fp32 to add small steps to; what is frozen doesn't
    dtype = TYPES["fp32" if config.method == "full" else config.precision]
    try:
        architecture = AutoConfig.from_pretrained(folder, **settings)
        if config.weights == "random":
            # drawn where it is needed: on the CPU, billions of weights take minutes
            with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
                model = kind.from_config(architecture, dtype=dtype)
        else:
            settings |= _in_4_bits() if config.method == "qlora" else {}
            model = kind.from_pretrained(folder, dtype=dtype, **settings)
    except (OSError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise MistakesError(
            [Mistake(f"model: {config.model}", f"doesn't load: {said}", "Name a model's folder.")]
        ) from error
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.use_cache = False
    return model


def shape(model: nn.Module, config: Config) -> nn.Module:
    """The model with layers added, and frozen or adapted as the method has it."""
    before = {name for name, _ in model.named_modules()}
    if config.layers.add:
        model = _with_more_layers(model, config.layers.add)
    if config.method == "full":
        _freeze(model, config.layers.freeze)
        return model
    added = _outermost({name for name, _ in model.named_modules()} - before)
    return _adapted(model, config, added)


def find_model(name: str) -> tuple[Path | str, Path | str]:
    """Where the model's and where the tokenizer's files are: the folder itself, or MLflow's inside.

    A model of Azure's catalogue is mounted as MLflow writes it, with both in folders of their own.
    """
    folder = Path(name)
    if (folder / "config.json").is_file() or not folder.is_dir():
        return name, name
    configs = sorted(folder.rglob("config.json"), key=lambda file: len(file.parts))
    tokenizers = sorted(folder.rglob("tokenizer_config.json"), key=lambda file: len(file.parts))
    if not configs or not tokenizers:
        what = "has no config.json with a tokenizer_config.json in it."
        raise MistakesError([Mistake(name, what, "Name a folder that save_pretrained wrote.")])
    return configs[0].parent, tokenizers[0].parent


# ── what is changed about it ────────────────────────────────────────────────────────────────────


def _with_more_layers(model: nn.Module, reference: str) -> nn.Module:
    before = sum(p.numel() for p in model.parameters())
    changed = function_of(reference)(model)
    changed = model if changed is None else changed
    if not isinstance(changed, nn.Module):
        what = f"gave {type(changed).__name__} and no model."
        raise MistakesError([Mistake(reference, what, "Give the model, or change it in place.")])
    if sum(p.numel() for p in changed.parameters()) == before:
        what = "added no parameter."
        raise MistakesError([Mistake(reference, what, "Add a layer, or leave `add` out.")])
    return changed


def _freeze(model: nn.Module, patterns: list[str]) -> None:
    names = [name for name, _ in model.named_parameters()]
    unmet = [pattern for pattern in patterns if not fnmatch.filter(names, pattern)]
    if unmet:
        known = ", ".join(sorted({_general(name) for name in names}))
        raise MistakesError(
            [
                Mistake(f"layers.freeze: {p}", "meets no parameter.", f"There are: {known}.")
                for p in unmet
            ]
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not any(fnmatch.fnmatch(name, p) for p in patterns)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        what = "freezes the whole model."
        raise MistakesError([Mistake("layers.freeze", what, "Leave something to train.")])


def _general(name: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def _adapted(model: nn.Module, config: Config, added: list[str]) -> nn.Module:
    """The model with an adapter on its linear layers; new layers are trained whole.

    Phi-3 has its queries, keys and values in one layer (`qkv_proj`) and its gate and up in another
    (`gate_up_proj`). The names of other models (`q_proj` …) would quietly leave most of it as it
    is, so a name that meets nothing is refused.
    """
    new = [*added, *(["score"] if config.layers.head and "score" not in added else [])]
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not _inside(name, [*new, "lm_head"])
    }
    targets = config.lora.targets or sorted(linear)
    unmet = [target for target in targets if target not in linear]
    if unmet:
        known = ", ".join(sorted(linear))
        raise MistakesError(
            [
                Mistake(f"lora.targets: {t}", "meets no layer.", f"There are: {known}.")
                for t in unmet
            ]
        )
    if config.method == "qlora":
        model = peft.prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=config.gradient_checkpointing
        )
    elif config.gradient_checkpointing:
        model.enable_input_require_grads()  # type: ignore[operator]
    adapter = peft.LoraConfig(
        r=config.lora.r,
        lora_alpha=config.lora.alpha,  # type: ignore[arg-type]
        lora_dropout=config.lora.dropout,
        target_modules=targets,
        exclude_modules=new or None,
        modules_to_save=new or None,
        task_type=peft.TaskType.SEQ_CLS if config.layers.head else peft.TaskType.CAUSAL_LM,
    )
    adapted = peft.get_peft_model(model, adapter)  # type: ignore[arg-type]
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _outermost(names: set[str]) -> list[str]:
    return sorted(name for name in names if not _inside(name.rpartition(".")[0], sorted(names)))


def _inside(name: str, outer: list[str]) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in outer)


def _in_4_bits() -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    }


# ── packing ─────────────────────────────────────────────────────────────────────────────────────


@torch.no_grad()
def refuse_leaking(model: nn.Module, config: Config) -> None:
    """Refuses packing where rows that share a sequence would see each other.

    Whether they do depends on the architecture, the kernel and the version of transformers, so it
    is tried on the model itself: what comes first is changed, and what follows must not notice.

    Raises:
        MachineError: packing leaks here.
    """
    device = next(model.parameters()).device
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3]], device=device)
    answers: list[torch.Tensor] = []
    training = model.training
    model.eval()
    for first in (1, 5):
        ids = torch.tensor([[first] * 4 + [3, 4, 5, 6]], device=device)
        answers.append(model(input_ids=ids, position_ids=positions).logits[0, 4:].float())
    model.train(training)
    difference = (answers[0] - answers[1]).abs().max().item()
    if not math.isclose(difference, 0, abs_tol=1e-4):
        raise MachineError(
            f"`packing: true` with `attention: {config.attention}` lets rows that share a sequence "
            f"see each other (logits differ by {difference:.2g}). Write `packing: false`."
        )
