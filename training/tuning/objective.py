"""What a batch says of the model: sums, for the loss to learn from and the metrics to look at.

Sums add up over batches and devices; only at the end something is divided by their number.
"""

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from tuning.batches import Batch
from tuning.config import Config
from tuning.custom import broken_in, task_of
from tuning.losses import IGNORED, dpo, entropy, log_likelihoods, loss_of

Sums = dict[str, Tensor]


class Objective(Protocol):
    """What a task minimises and reports."""

    def count(self, batch: Batch) -> Tensor:
        """How many targets a batch has."""
        ...

    def measure(self, model: Any, batch: Batch) -> Sums:
        """`loss`, summed over targets, `items`, their number, and what metrics are made of."""
        ...

    def metrics(self, sums: Sums) -> dict[str, float]:
        """Named figures, from sums over all of the validation data."""
        ...


def objective_of(config: Config) -> Objective:
    """The objective of a task."""
    if config.task == "classification":
        return Labels(config)
    if config.task == "custom":
        return Outputs(config)
    return Preferences(config) if config.task == "preference" else NextTokens(config)


class NextTokens:
    """Chat and text: each next token from those before it."""

    def __init__(self, config: Config) -> None:
        self._loss = loss_of(config.loss)

    def count(self, batch: Batch) -> Tensor:
        """Tokens that are learned."""
        return (batch["targets"] != IGNORED).sum()

    def measure(self, model: Any, batch: Batch) -> Sums:
        """Only logits of tokens that are learned are kept and made float32."""
        logits = model(**_inputs(batch)).logits
        learned = batch["targets"] != IGNORED
        logits, targets = logits[learned].float(), batch["targets"][learned]
        with torch.no_grad():
            surprise = entropy(logits, targets).sum()
            right = (logits.argmax(-1) == targets).sum()
        losses = self._loss(logits, targets)
        return {
            "loss": losses.sum(),
            "items": learned.sum(),
            "entropy": surprise,
            "right": right,
        }

    def metrics(self, sums: Sums) -> dict[str, float]:
        """Perplexity is of cross entropy, whatever the loss is."""
        items = sums["items"].item()
        return {
            "perplexity": math.exp(min(sums["entropy"].item() / items, 700)),
            "token_accuracy": sums["right"].item() / items,
        }


class Labels:
    """Classification with a head: a label a text."""

    def __init__(self, config: Config) -> None:
        self._loss = loss_of(config.loss)
        self._labels = config.layers.labels or []

    def count(self, batch: Batch) -> Tensor:
        """Texts."""
        return torch.tensor(len(batch["targets"]))

    def measure(self, model: Any, batch: Batch) -> Sums:
        """With `confusion` (labels, predicted): how often which label was taken for which."""
        logits = model(**_inputs(batch)).logits.float()
        targets, labels = batch["targets"], len(self._labels)
        pairs = targets * labels + logits.argmax(-1)
        return {
            "loss": self._loss(logits, targets).sum(),
            "items": torch.tensor(len(targets), device=logits.device),
            "confusion": torch.bincount(pairs, minlength=labels**2).reshape(labels, labels),
        }

    def metrics(self, sums: Sums) -> dict[str, float]:
        """Accuracy, each label's F1 = 2 TP / (2 TP + FP + FN), and their mean."""
        confusion = sums["confusion"].double()
        right = confusion.diagonal()
        f1 = 2 * right / (confusion.sum(0) + confusion.sum(1)).clamp(min=1)
        each = {f"f1_{name}": score for name, score in zip(self._labels, f1.tolist(), strict=True)}
        accuracy = (right.sum() / confusion.sum()).item()
        return {"accuracy": accuracy, "macro_f1": f1.mean().item(), **each}


class Outputs:
    """A custom task: numbers for a text, judged by the user's own functions."""

    def __init__(self, config: Config) -> None:
        self._loss = loss_of(config.loss)
        self._task = task_of(config)
        self._tried = False

    def count(self, batch: Batch) -> Tensor:
        """Texts."""
        return torch.tensor(len(batch["targets"]))

    def measure(self, model: Any, batch: Batch) -> Sums:
        """With the sums of the file's `measure`."""
        outputs = model(**_inputs(batch)).logits.float()
        targets = batch["targets"]
        with torch.no_grad(), broken_in(self._task, "measure"):
            found = self._task.measure(outputs, targets)
            own = {f"own {n}": torch.as_tensor(v).to(outputs.device) for n, v in found.items()}
        items = torch.tensor(len(targets), device=outputs.device)
        sums = {"loss": self._loss(outputs, targets).sum(), "items": items, **own}
        if not self._tried:  # what breaks at the first evaluation may have cost a day by then
            self._tried = True
            self.metrics(sums)
        return sums

    def metrics(self, sums: Sums) -> dict[str, float]:
        """The file's own, from its own sums."""
        own = {n.removeprefix("own "): v.item() for n, v in sums.items() if n.startswith("own ")}
        with broken_in(self._task, "metrics"):
            found = self._task.metrics({**own, "rows": sums["items"].item()})
            return {name: float(value) for name, value in found.items()}


class Preferences:
    """DPO: the chosen answer rather than the rejected one."""

    def __init__(self, config: Config) -> None:
        self._beta = config.loss.beta

    def count(self, batch: Batch) -> Tensor:
        """Pairs."""
        return torch.tensor(len(batch["targets"]) // 2)

    def measure(self, model: Any, batch: Batch) -> Sums:
        """With the pairs that are preferred as they should be, and by how much."""
        policy, reference = answer_likelihoods(model, batch), batch["reference"]
        chosen, rejected = self._beta * (policy - reference).detach()
        return {
            "loss": dpo(policy, reference, self._beta).sum(),
            "items": torch.tensor(policy.shape[1], device=policy.device),
            "right": (chosen > rejected).sum(),
            "margin": (chosen - rejected).sum(),
        }

    def metrics(self, sums: Sums) -> dict[str, float]:
        """Of the implicit rewards, beta · (log-likelihood - the reference's)."""
        items = sums["items"].item()
        return {
            "reward_accuracy": sums["right"].item() / items,
            "reward_margin": sums["margin"].item() / items,
        }


def answer_likelihoods(model: Any, batch: Batch) -> Tensor:
    """The summed log-likelihood of each answer: (2, pairs), chosen and rejected."""
    targets = batch["targets"]
    learned = targets != IGNORED
    logits = model(**_inputs(batch)).logits
    found = log_likelihoods(logits[learned].float(), targets[learned])
    rows = learned.nonzero()[:, 0]
    sums = torch.zeros(len(targets), device=found.device).index_add(0, rows, found)
    return sums.reshape(2, -1)


def _inputs(batch: Batch) -> Batch:
    names = ("input_ids", "attention_mask", "position_ids")
    return {name: batch[name] for name in names if name in batch}
