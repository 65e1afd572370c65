"""The losses, each one formula.

A loss over tokens or labels takes logits (n, classes) in float32 and targets (n), and gives n
losses. The sum over a step's targets is divided by their number, however a step is cut into
batches and devices, so accumulation changes nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax, logsigmoid

from tuning.config import Loss
from tuning.errors import StoppedError
from tuning.files import function_of

IGNORED = -100
"""The target of what isn't learned from."""

PointLoss = Callable[[Tensor, Tensor], Tensor]


def loss_of(loss: Loss) -> PointLoss:
    """The loss that a configuration names, over tokens or labels."""
    if loss.name == "label_smoothing":
        return lambda logits, targets: label_smoothing(logits, targets, loss.smoothing)
    if loss.name == "focal":
        return lambda logits, targets: focal(logits, targets, loss.gamma)
    if loss.name == "custom" and loss.function:
        return _checked(function_of(loss.function), loss.function)
    return entropy


def entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy: -log p(target)."""
    return cross_entropy(logits, targets, reduction="none")


def label_smoothing(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) · -log p(target) + s · mean over all classes of -log p (Szegedy et al., 2015)."""
    return cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)


def focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """(1 - p)^gamma · -log p, with p the target's probability (Lin et al., 2017)."""
    log_p = log_likelihoods(logits, targets)
    return -((1 - log_p.exp()) ** gamma) * log_p


def dpo(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Direct preference optimisation (Rafailov et al., 2023), a loss a pair.

    -log sigmoid(beta · ((chosen - reference chosen) - (rejected - reference rejected))), of summed
    log-likelihoods of answers; `policy` and `reference` are (2, pairs): chosen, then rejected.
    """
    chosen, rejected = policy - reference
    return -logsigmoid(beta * (chosen - rejected))


def log_likelihoods(logits: Tensor, targets: Tensor) -> Tensor:
    """Log p(target), with the shape of the targets."""
    return log_softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _checked(function: PointLoss, name: str) -> PointLoss:
    """A loss from a file, held to its shape: a mean where losses belong trains something else."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        try:
            losses = function(logits, targets)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            said = f"{name} raised {type(error).__name__}: {error}."
            raise StoppedError(f"{said} It was called as loss(logits, targets).") from error
        if not isinstance(losses, torch.Tensor) or losses.shape != targets.shape[:1]:
            got = list(losses.shape) if isinstance(losses, torch.Tensor) else type(losses).__name__
            raise StoppedError(
                f"{name} gave {got} for targets of {list(targets.shape)}. "
                "Give one loss a target, without a mean."
            )
        return losses

    return loss
