"""AdamW with gradient clipping, and the learning-rate schedules."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emulator.training.architecture import Floats

Schedule = Literal["cosine", "linear", "constant"]

_CHUNK = 16_384
"""Numbers updated at once: four such arrays stay in a core's own cache."""


def scheduled(step: int, *, total_steps: int, warmup_steps: int, schedule: Schedule) -> float:
    """Gives the share of the full learning rate for a step, counted from 0, as Hugging Face does.

    The warm-up starts at 0 and rises linearly; after it, the share falls to 0 (or stays 1).
    """
    if step < warmup_steps:
        return step / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    match schedule:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        case "linear":
            return max(0.0, 1 - progress)
        case "constant":
            return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamWSettings:
    """AdamW's constants; the defaults are those of Azure's fine-tuning pipeline."""

    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0


class AdamW:
    """Updates one flat buffer of weights in place; every number decays, norms and embedding too."""

    def __init__(self, weights: Floats, settings: AdamWSettings) -> None:
        self._weights = weights
        self._settings = settings
        self._mean = np.zeros_like(weights)
        self._square = np.zeros_like(weights)
        self._scratch = np.empty(_CHUNK, weights.dtype)
        self._steps = 0

    def step(self, gradients: Floats, learning_rate: float) -> float:
        """Takes one step and gives the gradients' norm before clipping; `gradients` is used up."""
        settings = self._settings
        norm = math.sqrt(float(gradients @ gradients))
        clip = min(1.0, settings.max_grad_norm / (norm + 1e-6))
        self._steps += 1
        size = learning_rate / (1 - settings.beta1**self._steps)
        second = 1 / (1 - settings.beta2**self._steps)
        for start in range(0, len(gradients), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._update(part, gradients[part], clip, learning_rate, size, second)
        return norm

    def _update(
        self, part: slice, gradient: Floats, clip: float, rate: float, size: float, second: float
    ) -> None:
        settings, weights = self._settings, self._weights[part]
        mean, square = self._mean[part], self._square[part]
        scratch = self._scratch[: len(gradient)]
        np.multiply(gradient, clip, out=gradient)
        np.multiply(gradient, gradient, out=scratch)
        np.multiply(scratch, 1 - settings.beta2, out=scratch)
        np.multiply(square, settings.beta2, out=square)
        np.add(square, scratch, out=square)
        np.multiply(gradient, 1 - settings.beta1, out=gradient)
        np.multiply(mean, settings.beta1, out=mean)
        np.add(mean, gradient, out=mean)

        np.multiply(square, second, out=scratch)
        np.sqrt(scratch, out=scratch)
        np.add(scratch, settings.epsilon, out=scratch)
        np.divide(mean, scratch, out=scratch)
        np.multiply(scratch, size, out=scratch)
        np.multiply(weights, 1 - rate * settings.weight_decay, out=weights)
        np.subtract(weights, scratch, out=weights)
