"""Adapters, heads, added and frozen layers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from reference import steps
from tuning.config import Config
from tuning.errors import MistakesError
from tuning.run import train

IDS = torch.tensor([[2, 40, 41, 42, 60, 70, 4, 3, 55]])
LABELS = ["controller", "refund", "heat"]
WORDS = {
    "controller": ["sync", "pair", "buttons of", "the controller", "my controller is"],
    "refund": ["refund", "money for", "i paid for", "the game", "days ago i bought"],
    "heat": ["hot", "the fan of", "air for", "clean", "it burns"],
}


def texts(*, held_out: bool) -> list[dict[str, str]]:
    """Every word is learned in some frames; every fifth word in a frame is kept for the test."""
    rows = [
        {"text": f"{lead} {word} {trail}", "label": label}
        for lead in ("hello", "please,", "why")
        for trail in ("?", "now")
        for label, words in WORDS.items()
        for word in words
    ]
    return [row for n, row in enumerate(rows) if (n % 7 == 0) == held_out]


@pytest.mark.parametrize("targets", [None, ["qkv_proj"]])
def test_an_adapter_merged_is_the_adapter_applied(
    targets: list[str] | None, base: Path, configured: Callable[..., Config]
) -> None:
    lora = {"r": 4, "alpha": 12, "targets": targets}
    config = configured(lora=lora, max_steps=6, batch_size=2, learning_rate=1e-2)
    train(config)
    plain: Any = AutoModelForCausalLM.from_pretrained(base).eval()
    merged: Any = AutoModelForCausalLM.from_pretrained(f"{config.output}/model").eval()
    with torch.no_grad():
        before = plain(IDS).logits.clone()
        applied = peft.PeftModel.from_pretrained(plain, f"{config.output}/adapter")(IDS).logits
        difference = (merged(IDS).logits - applied).abs().max()
    assert difference < 1e-5
    assert (before - applied).abs().max() > 0.01, "it learned nothing"


def test_an_adapter_is_on_all_of_phi_3s_fused_layers(configured: Callable[..., Config]) -> None:
    config = configured(max_steps=1)
    train(config)
    weights = load_file(f"{config.output}/adapter/adapter_model.safetensors")
    adapted = {name.split(".")[-3] for name in weights}
    assert adapted == {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"}
    assert all(name.split(".")[4].isdigit() for name in weights)
    assert len(weights) == 3 * 4 * 2


def test_names_of_other_models_layers_are_refused(configured: Callable[..., Config]) -> None:
    config = configured(lora={"targets": ["q_proj", "o_proj"]})
    with pytest.raises(MistakesError, match=r"q_proj: meets no layer\. There are: down_proj, gate"):
        train(config)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_head_learns_labels_that_the_model_never_saw(
    method: str,
    tmp_path: Path,
    configured: Callable[..., Config],
    write: Callable[..., str],
) -> None:
    held_out = texts(held_out=True)
    config = configured(
        texts(held_out=False), task="classification",
        layers={"head": "classification", "labels": LABELS}, method=method,
        learning_rate=3e-3, batch_size=8, epochs=8, warmup=0.1,
        validation_data=write(held_out, "validation.jsonl"),
    )  # fmt: skip
    summary = train(config)
    tokenizer: Any = AutoTokenizer.from_pretrained(f"{config.output}/model")
    model: Any = AutoModelForSequenceClassification.from_pretrained(f"{config.output}/model")
    right: list[bool] = []
    for row in held_out:
        ids = tokenizer(row["text"], return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            found = model.config.id2label[int(model.eval()(ids).logits.argmax())]
        right.append(found == row["label"])
    assert summary["validation_accuracy"] == pytest.approx(np.mean(right))
    assert summary["validation_accuracy"] >= 0.9
    assert summary["validation_macro_f1"] >= 0.9
    assert summary["loss_first"] > 1.0


def test_what_is_frozen_stays_as_it_was(base: Path, configured: Callable[..., Config]) -> None:
    config = configured(
        method="full", max_steps=2, learning_rate=1e-2, weight_decay=0.5,
        layers={"freeze": ["model.embed_tokens.*", "model.layers.[01].*"]},
    )  # fmt: skip
    train(config)
    before, after = (
        load_file(base / "model.safetensors"),
        load_file(f"{config.output}/model/model.safetensors"),
    )
    same = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {
        n
        for n in before
        if n.startswith(("model.embed_tokens", "model.layers.0", "model.layers.1"))
    }
    assert same == frozen


def test_a_pattern_that_meets_nothing_is_refused(configured: Callable[..., Config]) -> None:
    config = configured(method="full", layers={"freeze": ["transformer.*"]})
    with pytest.raises(MistakesError, match=r"transformer\.\*: meets no parameter. There are: lm_"):
        train(config)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_layers_of_ones_own_are_trained_and_kept(
    method: str, base: Path, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    file = tmp_path / "more.py"
    file.write_text(
        "from torch import nn\n"
        "class Deep(nn.Module):\n"
        "    def __init__(self, width, labels):\n"
        "        super().__init__()\n"
        "        self.inner, self.outer = nn.Linear(width, 16), nn.Linear(16, labels)\n"
        "    def forward(self, hidden):\n"
        "        return self.outer(self.inner(hidden).tanh())\n"
        "def deepen(model):\n"
        "    model.score = Deep(model.config.hidden_size, model.config.num_labels)\n"
    )
    layers = {"head": "classification", "labels": LABELS, "add": f"{file}:deepen"}
    config = configured(
        texts(held_out=False), task="classification", layers=layers, method=method, batch_size=8,
        max_steps=60, learning_rate=3e-3, checkpoints={"every": 10},
    )  # fmt: skip
    summary = train(config)
    weights = load_file(f"{config.output}/model/model.safetensors")
    assert weights["score.inner.weight"].shape == (16, 96)
    assert not any("lora" in name or "original_module" in name for name in weights)
    last = [step["loss"] for step in steps(config.output)[-10:]]  # one batch's loss is a chance's
    assert np.mean(last) < summary["loss_first"] / 2
    assert (Path(config.output) / "more.py").is_file()
    assert "`deepen` of `more.py`" in (Path(config.output) / "README.md").read_text()


def test_a_file_that_does_not_import_is_told_with_its_line(
    tmp_path: Path, configured: Callable[..., Config]
) -> None:
    file = tmp_path / "more.py"
    file.write_text("import torch\nimport tourch\n")
    config = configured(layers={"add": f"{file}:deepen"})
    with pytest.raises(MistakesError, match=r"more\.py:2: doesn't import: ModuleNotFoundError"):
        train(config)
