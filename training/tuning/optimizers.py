"""The optimizers a configuration may name."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import SGD, AdamW, Optimizer

from tuning.config import Config

Groups = list[dict[str, Any]]


def build(config: Config, groups: Groups) -> Optimizer:
    """The optimizer over groups of parameters, each with its own weight decay."""
    optimizer, rate = config.optimizer, config.learning_rate
    if optimizer.name == "sgd":
        return SGD(groups, lr=rate, momentum=optimizer.momentum)
    if optimizer.name == "lion":
        return Lion(groups, lr=rate, betas=optimizer.betas or (0.9, 0.99))
    if optimizer.name == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(groups, lr=rate, scale_parameter=False, relative_step=False)
    betas = optimizer.betas or (0.9, 0.999)
    if optimizer.name == "adamw_8bit":
        from bitsandbytes.optim.adamw import AdamW8bit

        return AdamW8bit(groups, lr=rate, betas=betas)
    return AdamW(groups, lr=rate, betas=betas)


class Lion(Optimizer):
    """Steps by the sign of a blend of gradient and momentum (Chen et al., 2023).

    Every weight moves by the same amount, so it wants a third to a tenth of AdamW's learning rate.
    """

    def __init__(
        self, params: Iterable[Any], lr: float, betas: tuple[float, float], weight_decay: float = 0
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """W -= lr · (sign(b1 · m + (1 - b1) · g) + decay · w); m = b2 · m + (1 - b2) · g."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rate, (now, later) = group["lr"], group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                direction = momentum.lerp(weight.grad, 1 - now).sign_()
                weight.mul_(1 - rate * group["weight_decay"]).add_(direction, alpha=-rate)
                momentum.lerp_(weight.grad, 1 - later)
        return loss
