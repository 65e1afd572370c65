"""LoRA: a low-rank adapter beside frozen weights.

An adapted matrix is W + scale x B A. The engine computes with that sum and knows nothing of the
adapter; by the chain rule the sum's gradient dW gives dA = scale x B^T dW and dB = scale x dW A^T.
On matrices this small, making the sum at every step costs less than two more products a layer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emulator.training.architecture import Floats, Phi3Config, Weights

MODULES = ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")
"""Every matrix of a layer; Phi-3 fuses q, k, v and gate, up, so `q_proj` would adapt nothing."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """The adapter's own weights, `<module>.lora_A` (r, in) and `<module>.lora_B` (out, r)."""

    weights: Weights
    scale: float

    @classmethod
    def fresh(
        cls, config: Phi3Config, *, rank: int, alpha: float, seed: int, dtype: str = "float32"
    ) -> "Adapter":
        """Gives an adapter that changes nothing yet: A is random, B is 0."""
        shapes: dict[str, tuple[int, ...]] = {}
        of_base = config.shapes()
        for module in adapted_modules(config):
            rows, columns = of_base[f"{module}.weight"]
            shapes |= {f"{module}.lora_A": (rank, columns), f"{module}.lora_B": (rows, rank)}
        weights = Weights(shapes, dtype)
        draw = np.random.default_rng(seed)
        for name, weight in weights.items():
            if name.endswith("lora_A"):
                # peft's own start: uniform as torch's Linear, which is kaiming with a = sqrt(5).
                bound = weight.shape[1] ** -0.5
                weight[...] = draw.uniform(-bound, bound, weight.shape)
        return cls(weights, alpha / rank)

    def merge(self, base: Mapping[str, Floats], merged: Weights) -> None:
        """Writes W + scale x B A into `merged` for every adapted matrix, and nothing else."""
        for module, a, b in self._pairs(self.weights):
            total = merged[f"{module}.weight"]
            np.matmul(b * self.scale, a, out=total)
            total += base[f"{module}.weight"]

    def gradients(self, of_merged: Mapping[str, Floats], result: Weights) -> None:
        """Turns the merged matrices' gradients into the adapter's."""
        for (module, a, b), (_, d_a, d_b) in zip(
            self._pairs(self.weights), self._pairs(result), strict=True
        ):
            gradient = of_merged[f"{module}.weight"]
            np.matmul(b.T * self.scale, gradient, out=d_a)
            np.matmul(gradient, a.T * self.scale, out=d_b)

    @staticmethod
    def _pairs(weights: Weights) -> list[tuple[str, Floats, Floats]]:
        modules = [name.removesuffix(".lora_A") for name in weights if name.endswith(".lora_A")]
        return [
            (module, weights[f"{module}.lora_A"], weights[f"{module}.lora_B"]) for module in modules
        ]


def adapted_modules(config: Phi3Config) -> list[str]:
    """Names every matrix that an adapter changes."""
    layers = range(config.num_hidden_layers)
    return [f"model.layers.{index}.{module}" for index in layers for module in MODULES]
