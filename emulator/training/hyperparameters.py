"""Hyperparameters as they come on the wire: names and values that are all strings.

Names and defaults are those of Azure's fine-tuning pipeline (azureml-assets,
oss_chat_completion_pipeline 0.0.29), except that the stand-in trains all weights by default: its
base is random, and an adapter beside random weights learns far too slowly to show anything.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Self

from emulator.training.errors import UserError
from emulator.training.optimizer import AdamWSettings, Schedule

REFERENCE_WIDTH = 3072
"""The hidden size of Phi-3-mini and Phi-4-mini, for which people choose learning rates."""

FROM_SCRATCH = 4
"""Rates for fine-tuning spare what a model knows; random weights know nothing to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """What one training run does."""

    num_train_epochs: int = 1
    per_device_train_batch_size: int = 1
    learning_rate: float = 3e-4
    lr_scheduler_type: Schedule = "cosine"
    warmup_steps: int = 0
    optim: str = "adamw_torch"
    adam_beta1: float = 0.9
    adam_beta2: float = 0.95
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0
    max_seq_length: int = 8192
    seed: int = 42
    apply_lora: bool = False
    lora_r: int = 8
    lora_alpha: float = 128.0
    lora_dropout: float = 0.0

    @classmethod
    def parse(cls, wire: Mapping[str, Any], *, seed: int) -> Self:
        """Reads strings (or plain JSON numbers); `seed` holds where the wire names none.

        Raises:
            UserError: a name is unknown, or a value is not one that is supported.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {"seed": seed}
        for name, text in wire.items():
            if name not in known:
                near = get_close_matches(name, known, 1, cutoff=0.7)
                hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}."
                raise UserError(f"Hyperparameter '{name}' is not supported.{hint}")
            read, accepts, expected = _RULES[name]
            try:
                value = read(str(text).strip())
            except ValueError:
                value = None
            if value is None or not accepts(value):
                raise UserError(f"Invalid {name} '{text}'. {expected}")
            values[name] = value
        return cls(**values)

    def effective_learning_rate(self, hidden_size: int) -> float:
        """Gives the rate with which a narrow, untrained model learns at a pace worth watching.

        Adam's best rate grows as 1 / width (muP, arXiv 2203.03466). A heuristic, not a law: the
        stand-in isn't initialised as muP asks, and FROM_SCRATCH was chosen on the example data.
        Both rates are logged.
        """
        return self.learning_rate * FROM_SCRATCH * REFERENCE_WIDTH / hidden_size

    def adamw(self) -> AdamWSettings:
        """Gives the optimizer's constants."""
        return AdamWSettings(
            beta1=self.adam_beta1,
            beta2=self.adam_beta2,
            epsilon=self.adam_epsilon,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
        )


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


Rule = tuple[Callable[[str], Any], Callable[[Any], bool], str]

_COUNT: Rule = (int, lambda value: value >= 1, "It must be a whole number of at least 1.")
_SCHEDULES = ("cosine", "linear", "constant")
_RULES: dict[str, Rule] = {
    "num_train_epochs": _COUNT,
    "per_device_train_batch_size": _COUNT,
    "learning_rate": (
        _number,
        lambda value: value > 0,
        # The service's own words (azureml-assets, finetune.py).
        "Invalid learning rate. Learning rate should be greater than 0.",
    ),
    "lr_scheduler_type": (
        str,
        lambda value: value in _SCHEDULES,
        f"Supported: {', '.join(_SCHEDULES)}.",
    ),
    "warmup_steps": (int, lambda value: value >= 0, "It must be a whole number of at least 0."),
    "optim": (str, lambda value: value == "adamw_torch", "Supported: adamw_torch."),
    "adam_beta1": (_number, lambda value: 0 <= value < 1, "It must be at least 0 and below 1."),
    "adam_beta2": (_number, lambda value: 0 <= value < 1, "It must be at least 0 and below 1."),
    "adam_epsilon": (_number, lambda value: value > 0, "It must be greater than 0."),
    "weight_decay": (_number, lambda value: value >= 0, "It must be at least 0."),
    "max_grad_norm": (_number, lambda value: value > 0, "It must be greater than 0."),
    "max_seq_length": (int, lambda value: value >= 8, "It must be a whole number of at least 8."),
    "seed": (int, lambda value: value >= 0, "It must be a whole number of at least 0."),
    "apply_lora": (_truth, lambda _: True, "It must be true or false."),
    "lora_r": _COUNT,
    "lora_alpha": (_number, lambda value: value > 0, "It must be greater than 0."),
    "lora_dropout": (_number, lambda value: value == 0, "Supported: 0, the pipeline's own value."),
}
