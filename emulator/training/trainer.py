"""One training job: data in, a model and its measured losses out."""

import hashlib
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emulator.training import checkpoint, data, model_card, phi3
from emulator.training.architecture import Integers
from emulator.training.checkpoint import Checkpoint
from emulator.training.data import Conversation, Dataset, Example
from emulator.training.errors import Stopped, UserError
from emulator.training.hyperparameters import Hyperparameters
from emulator.training.learner import Learner
from emulator.training.optimizer import scheduled
from emulator.training.standin import MAX_VOCABULARY, base_weights, stand_in_config
from emulator.training.tokenizer import ChatTokenizer

Emit = Callable[[dict[str, Any]], None]

_VALIDATION_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to train on what, and where the result goes."""

    base_model: str
    training_data: Path
    validation_data: Path | None
    hyperparameters: Mapping[str, str]
    output: Path
    seed: int


def train(job: Job, emit: Emit, is_canceled: Callable[[], bool] = lambda: False) -> None:
    """Trains, reports every step through `emit`, and writes the model into `job.output`.

    Raises:
        UserError: the data or a hyperparameter is at fault.
        Stopped: `is_canceled` said so; the last whole epoch's checkpoint is left.
    """
    started, cpu = time.perf_counter(), time.process_time()
    settings = Hyperparameters.parse(job.hyperparameters, seed=job.seed)
    run = _Run(job, settings, data.read_dataset(job.training_data, job.validation_data), emit)
    # A rate that is too high overflows float32; the losses are checked instead, at every step.
    with np.errstate(all="ignore"):
        summary = run.train(is_canceled)
    emit(
        {
            "event": "completed",
            **summary,
            "seconds": round(time.perf_counter() - started, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }
    )


class _Run:
    """A job with its data and its model prepared."""

    def __init__(self, job: Job, settings: Hyperparameters, dataset: Dataset, emit: Emit) -> None:
        self._job, self._settings, self._emit = job, settings, emit
        for warning in dataset.warnings:
            emit({"event": "warning", "message": warning})
        texts = [message.content for row in dataset.training for message in row]
        self._tokenizer = ChatTokenizer.trained_on(texts, MAX_VOCABULARY)
        self._config = stand_in_config(self._tokenizer.vocabulary_size)
        self._training = self._examples(dataset.training, "training")
        self._validation = self._examples(dataset.validation, "validation")
        weights = base_weights(job.base_model, self._config)
        self._learner = Learner(self._config, weights, settings)
        self._steps_an_epoch = math.ceil(len(self._training) / settings.per_device_train_batch_size)
        self._total_steps = self._steps_an_epoch * settings.num_train_epochs
        self._step = 0
        self._losses: list[float] = []
        self._validation_losses: list[float] = []

    def train(self, is_canceled: Callable[[], bool]) -> dict[str, Any]:
        """Runs all epochs and gives the summary."""
        settings = self._settings
        self._emit(
            {
                "event": "started",
                "total_steps": self._total_steps,
                "steps_per_epoch": self._steps_an_epoch,
                "parameters": self._learner.weights.flat.size,
                "training_rows": len(self._training),
                "validation_rows": len(self._validation),
                "training_tokens": sum(len(row.tokens) for row in self._training),
            }
        )
        self._validate()
        for epoch in range(settings.num_train_epochs):
            for tokens, targets in data.shuffled_batches(
                self._training, settings.per_device_train_batch_size, settings.seed, epoch
            ):
                if is_canceled():
                    raise Stopped
                self._learn(tokens, targets)
            self._validate()
            self._keep_checkpoint()
        self._finish()
        return self._facts()

    def _examples(self, rows: Sequence[Conversation], which: str) -> list[Example]:
        limit = min(self._settings.max_seq_length, self._config.max_position_embeddings)
        found, warnings = data.examples(rows, self._tokenizer, limit)
        for warning in warnings:
            self._emit({"event": "warning", "message": f"{which} data: {warning}"})
        return found

    def _learn(self, tokens: Integers, targets: Integers) -> None:
        settings, width = self._settings, self._config.hidden_size
        share = scheduled(
            self._step,
            total_steps=self._total_steps,
            warmup_steps=settings.warmup_steps,
            schedule=settings.lr_scheduler_type,
        )
        rate = share * settings.effective_learning_rate(width)
        loss, norm = self._learner.learn(tokens, targets, rate)
        self._step += 1
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise UserError(
                f"The loss is not a number any more at step {self._step} of {self._total_steps}:"
                f" learning_rate {settings.learning_rate:g} is too high. Use a smaller one."
            )
        self._losses.append(loss)
        self._emit(
            {
                "event": "step",
                "step": self._step,
                "epoch": round(self._step / self._steps_an_epoch, 4),
                "train_loss": loss,
                "learning_rate": share * settings.learning_rate,
                "effective_learning_rate": rate,
                "grad_norm": norm,
            }
        )

    def _validate(self) -> None:
        ordered = sorted(self._validation, key=lambda row: len(row.tokens))
        total, count = 0.0, 0
        for at in range(0, len(ordered), _VALIDATION_BATCH):
            tokens, targets = data.padded(ordered[at : at + _VALIDATION_BATCH])
            loss, targets_here = phi3.summed_loss(
                self._config, self._learner.weights, tokens, targets
            )
            total, count = total + loss, count + targets_here
        self._validation_losses.append(total / count)
        self._emit(
            {
                "event": "validation",
                "step": self._step,
                "epoch": self._step / self._steps_an_epoch,
                "validation_loss": total / count,
            }
        )

    def _keep_checkpoint(self) -> None:
        """Keeps the newest epoch only: the service's save_total_limit is 1."""
        output = self._job.output
        older = list(output.glob("checkpoint-*"))
        self._save(output / f"checkpoint-{self._step}")
        for directory in older:
            shutil.rmtree(directory)

    def _finish(self) -> None:
        """Leaves only the model, as the service deletes its checkpoints after success."""
        self._save(self._job.output)
        for directory in self._job.output.glob("checkpoint-*"):
            shutil.rmtree(directory)

    def _save(self, directory: Path) -> None:
        learner = self._learner
        adapter = learner.adapter.weights if learner.adapter else None
        card = model_card.of_training(self._job.base_model, learner.weights, adapter, self._facts())
        checkpoint.save(Checkpoint(self._config, learner.weights, self._tokenizer, card), directory)

    def _facts(self) -> dict[str, Any]:
        """What was done and measured so far; nothing that differs from one machine to the next."""
        job, settings = self._job, self._settings
        return {
            "hyperparameters": asdict(settings),
            "effective_learning_rate": settings.effective_learning_rate(self._config.hidden_size),
            "seed": settings.seed,
            "steps": self._step,
            "epochs": self._step / self._steps_an_epoch,
            "vocabulary": self._config.vocab_size,
            "training_rows": len(self._training),
            "training_tokens": sum(len(row.tokens) for row in self._training),
            "training_data_sha256": _sha256(job.training_data),
            "validation_rows": len(self._validation),
            "validation_data_sha256": job.validation_data and _sha256(job.validation_data),
            "first_train_loss": self._losses[0],
            "train_loss": float(np.mean(self._losses[-self._steps_an_epoch :])),
            "validation_losses": self._validation_losses,
            "validation_loss": self._validation_losses[-1],
        }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
