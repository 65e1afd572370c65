"""The program's model and loss against numbers recorded from the real Phi-3 code.

`tests/data/phi3` has them: weights, a batch, and what transformers' Phi-3 and peft made of them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Phi3Config, Phi3ForCausalLM

from tuning.config import Config
from tuning.examples import load_tokenizer
from tuning.model import load, shape
from tuning.objective import NextTokens

DATA = Path(__file__).parents[1] / "data" / "phi3"
NEAR = 3e-5


class Golden:
    """One recorded case as a folder to load, and its arrays."""

    def __init__(self, name: str, folder: Path) -> None:
        self._arrays = np.load(DATA / f"{name}.npz")
        fields = json.loads(str(self._arrays["config"]))
        config = Phi3Config(**{k: v for k, v in fields.items() if k not in ("name", "seed")})
        model: Any = Phi3ForCausalLM(config)
        found = model.load_state_dict(self.tensors("weights/"), strict=False)
        assert not found.unexpected_keys
        model.save_pretrained(folder)

    def tensors(self, prefix: str) -> dict[str, torch.Tensor]:
        names = [name for name in self._arrays.files if name.startswith(prefix)]
        return {name.removeprefix(prefix): torch.tensor(self._arrays[name]) for name in names}

    def number(self, name: str) -> float:
        return float(self._arrays[name])


@pytest.mark.parametrize(
    "name", ["mha_untied_f32", "gqa_tied_f32", "mha_tied_f32", "gqa_untied_f32"]
)
def test_loss_and_gradients_are_those_of_the_real_phi_3(
    name: str, base: Path, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    golden = Golden(name, tmp_path)
    config = configured(method="full")
    model = shape(load(config, tmp_path, load_tokenizer(base)), config)
    sums = NextTokens(config).measure(model, golden.tensors("batch/"))
    loss = sums["loss"] / sums["items"]
    loss.backward()
    assert loss.item() == pytest.approx(golden.number("loss"), abs=1e-5)
    for weight, recorded in golden.tensors("grads/").items():
        gradient = model.get_parameter(weight).grad
        assert gradient is not None
        assert (gradient - recorded).abs().max() < NEAR, weight


def test_an_adapters_loss_gradients_and_merge_are_those_of_the_real_peft(
    base: Path, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    golden = Golden("mha_untied_f32", tmp_path)
    config = configured(lora={"r": 4, "alpha": 8})
    model: Any = shape(load(config, tmp_path, load_tokenizer(base)), config)
    adapter = golden.tensors("lora/weights/")
    names = {f"base_model.model.{name}.default.weight": name for name in adapter}
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == set(names)
    with torch.no_grad():
        for full, name in names.items():
            model.get_parameter(full).copy_(adapter[name])
    sums = NextTokens(config).measure(model, golden.tensors("batch/"))
    loss = sums["loss"] / sums["items"]
    loss.backward()
    assert loss.item() == pytest.approx(golden.number("lora/loss"), abs=1e-5)
    recorded = golden.tensors("lora/grads/")
    for full, name in names.items():
        assert (model.get_parameter(full).grad - recorded[name]).abs().max() < NEAR, name
    merged = model.merge_and_unload().state_dict()
    for name, weight in golden.tensors("lora/merged/").items():
        assert (merged[name] - weight).abs().max() < 1e-6, name
