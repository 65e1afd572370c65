"""The engine against Hugging Face's Phi3ForCausalLM (recorded), and against finite differences."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emulator.training import phi3
from emulator.training.architecture import Floats, Phi3Config, Weights
from emulator.training.decoding import Decoder
from emulator.training.lora import Adapter
from emulator.training.optimizer import AdamW, AdamWSettings, scheduled

FOLDER = Path(__file__).parents[3] / "data" / "phi3"
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))
WITH_LORA = ["gqa_tied_f64", "mha_untied_f32"]


@dataclass(frozen=True)
class Golden:
    """What torch computed for one tiny model, and that model."""

    arrays: Mapping[str, Any]
    config: Phi3Config
    weights: Weights
    tolerance: float
    trained_tolerance: float

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]


def read(name: str) -> Golden:
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = dict(file)
    config = Phi3Config.from_json(json.loads(str(arrays["config"])))
    weights = Weights.holding({key: arrays[f"weights/{key}"] for key in config.shapes()})
    double = weights.flat.dtype == np.float64
    return Golden(arrays, config, weights, 1e-12 if double else 3e-5, 1e-12 if double else 1e-5)


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return read(request.param)


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def test_all_recordings_are_there() -> None:
    assert len(NAMES) == 5


@pytest.mark.parametrize("padding", ["batch", "left_padded"])
def test_logits_are_those_of_phi3(golden: Golden, padding: str) -> None:
    positions = golden[f"{padding}/position_ids"] if padding == "left_padded" else None
    mask = golden[f"{padding}/attention_mask"]
    logits = phi3.logits(
        golden.config, golden.weights, golden[f"{padding}/input_ids"], mask, positions
    )
    theirs = golden["logits" if padding == "batch" else "left_padded/logits"]
    close(logits[mask == 1], theirs[mask == 1], golden.tolerance)


def test_loss_and_every_gradient_are_those_of_phi3(golden: Golden) -> None:
    gradients = golden.weights.like()
    gradients.flat.fill(7)  # what an earlier step left
    loss = phi3.loss_and_gradients(
        golden.config, golden.weights, gradients, golden["batch/input_ids"], golden["batch/targets"]
    )
    close(loss, golden["loss"], golden.tolerance)
    for name, gradient in gradients.items():
        close(gradient, golden[f"grads/{name}"], golden.tolerance)


def test_the_summed_loss_is_the_mean_times_its_count(golden: Golden) -> None:
    total, count = phi3.summed_loss(
        golden.config, golden.weights, golden["batch/input_ids"], golden["batch/targets"]
    )
    assert count == 11
    close(total / count, golden["loss"], golden.tolerance)


def test_three_steps_of_adamw_with_warmup_and_clipping_are_torchs(golden: Golden) -> None:
    given = json.loads(str(golden["optimizer"]))
    weights = Weights.holding(golden.weights)
    gradients = weights.like()
    settings = AdamWSettings(
        beta1=given["betas"][0],
        beta2=given["betas"][1],
        epsilon=given["eps"],
        weight_decay=given["weight_decay"],
        max_grad_norm=given["max_grad_norm"],
    )
    optimizer = AdamW(weights.flat, settings)
    for step in range(3):
        loss = phi3.loss_and_gradients(
            golden.config, weights, gradients, golden["batch/input_ids"], golden["batch/targets"]
        )
        rate = given["lr"] * scheduled(step, total_steps=6, warmup_steps=2, schedule="linear")
        norm = optimizer.step(gradients.flat, rate)
        close(loss, golden["train/loss"][step], golden.tolerance)
        close(norm, golden["train/grad_norm"][step], golden.tolerance)
        close(rate, golden["train/lr"][step], 1e-12)
    for name, weight in weights.items():
        close(weight, golden[f"trained/{name}"], golden.trained_tolerance)


def test_greedy_decoding_with_kept_keys_and_values_is_generates(golden: Golden) -> None:
    decoder = Decoder(golden.config, golden.weights, capacity=13)
    unseen = golden["decode/prompt"].tolist()
    for token, theirs in zip(golden["decode/tokens"], golden["decode/logits"], strict=True):
        logits = decoder.feed(unseen)
        close(logits, theirs, golden.tolerance)
        assert logits.argmax() == token
        unseen = [int(token)]


def test_decoding_in_two_parts_is_decoding_in_one(golden: Golden) -> None:
    prompt = golden["decode/prompt"].tolist()
    whole = Decoder(golden.config, golden.weights, capacity=8).feed(prompt)
    parts = Decoder(golden.config, golden.weights, capacity=8)
    parts.feed(prompt[:2])
    close(parts.feed(prompt[2:]), whole, golden.tolerance)


@pytest.mark.parametrize("name", WITH_LORA)
def test_a_lora_adapter_computes_and_learns_as_pefts(name: str) -> None:
    golden = read(name)
    given = json.loads(str(golden["lora/config"]))
    prefix = "lora/weights/"
    adapter = Adapter(
        Weights.holding(
            {key.removeprefix(prefix): golden[key] for key in golden.arrays if prefix in key}
        ),
        scale=given["lora_alpha"] / given["r"],
    )
    merged = Weights.holding(golden.weights)
    adapter.merge(golden.weights, merged)
    for key in golden.arrays:
        if key.startswith("lora/merged/"):
            close(merged[key.removeprefix("lora/merged/")], golden[key], golden.tolerance)

    mask = golden["batch/attention_mask"]
    logits = phi3.logits(golden.config, merged, golden["batch/input_ids"], mask)
    close(logits[mask == 1], golden["lora/logits"][mask == 1], golden.tolerance)

    of_merged, gradients = merged.like(), adapter.weights.like()
    loss = phi3.loss_and_gradients(
        golden.config, merged, of_merged, golden["batch/input_ids"], golden["batch/targets"]
    )
    adapter.gradients(of_merged, gradients)
    close(loss, golden["lora/loss"], golden.tolerance)
    for module, gradient in gradients.items():
        close(gradient, golden[f"lora/grads/{module}"], golden.tolerance)


def test_a_fresh_adapter_changes_nothing() -> None:
    golden = read("gqa_tied_f64")
    adapter = Adapter.fresh(golden.config, rank=2, alpha=16, seed=1, dtype="float64")
    merged = Weights.holding(golden.weights)
    adapter.merge(golden.weights, merged)
    np.testing.assert_array_equal(merged.flat, golden.weights.flat)


@pytest.mark.parametrize("tied", [True, False])
def test_gradients_are_the_slopes_of_the_loss(tied: bool) -> None:
    config = Phi3Config(
        vocab_size=13,
        hidden_size=8,
        intermediate_size=10,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16,
        tie_word_embeddings=tied,
    )
    weights = Weights(config.shapes(), "float64")
    draw = np.random.default_rng(5)
    weights.flat[...] = draw.standard_normal(weights.flat.size) * 0.4
    tokens = draw.integers(0, 13, (2, 6))
    targets = np.where(draw.random((2, 6)) < 0.3, phi3.IGNORED, draw.integers(0, 13, (2, 6)))
    gradients = weights.like()
    phi3.loss_and_gradients(config, weights, gradients, tokens, targets)

    def loss_at(index: int, moved: float) -> float:
        weights.flat[index] += moved
        total, count = phi3.summed_loss(config, weights, tokens, targets)
        weights.flat[index] -= moved
        return total / count

    for index in draw.choice(weights.flat.size, 150, replace=False).tolist():
        slope = (loss_at(index, 1e-5) - loss_at(index, -1e-5)) / 2e-5
        assert slope == pytest.approx(gradients.flat[index], rel=1e-5, abs=1e-8)


def test_the_sigmoid_of_huge_numbers_overflows_nowhere() -> None:
    huge: Floats = np.array([-1e30, -90, 0, 90, 1e30], np.float32)
    np.testing.assert_allclose(phi3.logistic(huge), [0, 0, 0.5, 1, 1], atol=1e-30)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rope_scaling", {"type": "longrope"}),
        ("partial_rotary_factor", 0.75),
        ("hidden_act", "gelu"),
    ],
)
def test_a_configuration_that_computes_otherwise_is_refused_by_name(
    setting: str, value: object
) -> None:
    with pytest.raises(ValueError, match=setting):
        Phi3Config.from_json({setting: value})
