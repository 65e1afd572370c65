"""transformers' Trainer, with this program's losses, optimizers and evaluation.

The loop, mixed precision, several devices and checkpoints are its own. Replaced are only methods
that it documents as meant for it.
"""

import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from tuning import optimizers
from tuning.batches import Batch, tokens_in
from tuning.config import Config
from tuning.errors import StoppedError
from tuning.objective import Objective, Sums


class Tuner(Trainer):
    """Minimises an objective."""

    loss_is_scaled_for_ga = True  # over the whole step's targets, by compute_loss below

    def __init__(self, config: Config, objective: Objective, **settings: Any) -> None:
        super().__init__(**settings)
        self._config = config
        self._objective = objective
        self._step_began = time.monotonic()
        self._step_tokens = 0
        self.tokens_seen = 0

    # ── a step ──────────────────────────────────────────────────────────────────────────────

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Tensor]:
        """The batches of a step, and how many targets they have on all devices together."""
        self._step_began = time.monotonic()
        batches = list(itertools.islice(epoch_iterator, num_batches))
        if not batches:
            return [], torch.tensor(0)
        counts = torch.stack(
            [torch.stack([self._objective.count(b).cpu(), tokens_in(b).cpu()]) for b in batches]
        )
        total = self.accelerator.reduce(counts.sum(0).to(device), "sum")
        self._step_tokens = int(total[1])
        self.tokens_seen += self._step_tokens
        return batches, total[0]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This batch's share of the mean over the step's targets.

        Gradients of several devices are averaged, so each share counts as often as there are
        devices.
        """
        sums = self._objective.measure(model, inputs)
        items = sums["items"] if num_items_in_batch is None else num_items_in_batch
        loss = sums["loss"] / items * self.accelerator.num_processes
        return (loss, sums) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The configured optimizer; norms and biases don't decay."""
        if self.optimizer is None:
            model = self.model if model is None else model
            trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
            decaying = set(self.get_decay_parameter_names(model))
            decay = self._config.weight_decay
            groups = [
                {"params": [p for n, p in trained if n in decaying], "weight_decay": decay},
                {"params": [p for n, p in trained if n not in decaying], "weight_decay": 0.0},
            ]
            self.optimizer = optimizers.build(self._config, [g for g in groups if g["params"]])
        return self.optimizer

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Refuses to go on with numbers that are none, before they reach a checkpoint."""
        if "loss" in logs:
            self._stop_at_no_number(logs)
            seconds = time.monotonic() - self._step_began
            logs["tokens_per_second"] = self._step_tokens / max(seconds, 1e-9)
            logs["seconds"] = seconds
        super().log(logs, start_time)

    def _stop_at_no_number(self, logs: dict[str, float]) -> None:
        # fp16 scales its loss up until gradients overflow, leaves that step out, and scales down
        forgiven = self.accelerator.optimizer_step_was_skipped
        for name in ("loss", "grad_norm"):
            value = float(logs.get(name, 0.0))
            if math.isfinite(value) or (forgiven and name == "grad_norm"):
                continue
            raise StoppedError(
                f"step {self.state.global_step}: the {name} is {value}. Checkpoints of earlier "
                f"steps are whole. Lower `learning_rate` ({self._config.learning_rate:g}), add "
                "`warmup`, or look at the loss and the data of this step."
            )

    # ── evaluation ──────────────────────────────────────────────────────────────────────────

    @torch.no_grad()
    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """The loss a target over all of the validation data, and the task's metrics."""
        model: Any = self.model_wrapped
        model.eval()
        totals: Sums = {}
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            with self.compute_loss_context_manager():
                sums = self._objective.measure(model, inputs)
            for name, value in sums.items():
                totals[name] = totals.get(name, 0) + value.detach()
        for name, value in totals.items():
            summed: Any = self.accelerator.reduce(value, "sum")
            totals[name] = summed.cpu()
        loss = totals["loss"].item() / totals["items"].item()
        metrics = {"loss": loss, **self._objective.metrics(totals)}
        named = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        if not math.isfinite(loss):
            raise StoppedError(
                f"step {self.state.global_step}: the validation loss is {loss}. "
                "Look at the loss and at the validation data."
            )
        self.log(named)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        model.train()
        return named
