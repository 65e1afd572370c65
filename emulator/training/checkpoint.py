"""A trained model on disk in Hugging Face's layout: weights, configuration, tokenizer, card."""

# safetensors' stubs leave the parameter of os.PathLike open.
# pyright: reportUnknownVariableType=false

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from emulator.training.architecture import Phi3Config, Weights
from emulator.training.tokenizer import MARKERS, ChatTokenizer


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that answers need."""

    config: Phi3Config
    weights: Weights
    tokenizer: ChatTokenizer
    card: dict[str, Any]


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Writes the four files; the card is last, so where it is, the others are whole."""
    directory.mkdir(parents=True, exist_ok=True)
    # "format" is what Hugging Face's loader asks of a safetensors file.
    arrays = dict(checkpoint.weights.items())
    save_file(arrays, directory / "model.safetensors", metadata={"format": "pt"})
    checkpoint.tokenizer.save(directory / "tokenizer.json")
    _write(directory / "config.json", _config_document(checkpoint.config))
    _write(directory / "model_card.json", checkpoint.card)


def load(directory: Path) -> Checkpoint:
    """Reads what `save` wrote, bit for bit."""
    config = Phi3Config.from_json(json.loads((directory / "config.json").read_text("utf-8")))
    arrays = load_file(directory / "model.safetensors")
    missing = config.shapes().keys() ^ arrays.keys()
    if missing:
        raise ValueError(f"{directory}: weights and config.json disagree on {sorted(missing)}")
    return Checkpoint(
        config,
        Weights.holding({name: arrays[name] for name in config.shapes()}),
        ChatTokenizer.load(directory / "tokenizer.json"),
        json.loads((directory / "model_card.json").read_text("utf-8")),
    )


def _config_document(config: Phi3Config) -> dict[str, Any]:
    return {
        "architectures": ["Phi3ForCausalLM"],
        "model_type": "phi3",
        "hidden_act": "silu",
        "rope_scaling": None,
        "sliding_window": None,
        "attention_dropout": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "original_max_position_embeddings": config.max_position_embeddings,
        "pad_token_id": MARKERS.index("<|endoftext|>"),
        "bos_token_id": MARKERS.index("<|endoftext|>"),
        "eos_token_id": MARKERS.index("<|end|>"),
        "torch_dtype": "float32",
        **asdict(config),
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
