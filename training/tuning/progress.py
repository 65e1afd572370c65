"""How training goes: a line a step for people, a JSON line for programs, MLflow where it is set."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuning.config import Config, EarlyStopping

GIB = 2**30


class Progress(TrainerCallback):
    """Tells steps and evaluations as they happen."""

    def __init__(self, config: Config, file: Path) -> None:
        self._file = file
        self._first: tuple[float, int] | None = None
        self._mlflow = _mlflow_run(config)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Forgets the steps after the checkpoint: they are about to be made again."""
        self._first = None
        if state.is_world_process_zero and self._file.is_file():
            lines = self._file.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step(line) <= state.global_step]
            self._file.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **rest: Any,
    ) -> None:
        """One step or one evaluation; the trainer's closing summary is left out."""
        logs = dict(logs or {})
        if not state.is_world_process_zero or not {"loss", "eval_loss"} & logs.keys():
            return
        logs.pop("epoch", None)
        if "loss" in logs:
            logs["memory_gib"] = peak_memory() / GIB
            left = self._seconds_left(state)
            print(step_line(state, logs, left), flush=True)
            if left is not None:
                logs["seconds_left"] = left
        else:
            named = " · ".join(f"{_spaced(name)} {value:.4g}" for name, value in logs.items())
            print(f"step {state.global_step}/{state.max_steps} · {named}", flush=True)
        entry = {"step": state.global_step, "epoch": state.epoch, **logs}
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        if self._mlflow is not None:
            self._mlflow = _logged(self._mlflow, logs, state.global_step)

    def _seconds_left(self, state: TrainerState) -> float | None:
        """From all that this process did since its first step, evaluations and checkpoints too.

        The first step isn't taken into account: it has the memory allocated and kernels chosen.
        """
        now = time.monotonic()
        if self._first is None:
            self._first = (now, state.global_step)
            return None
        began, first = self._first
        a_step = (now - began) / (state.global_step - first)
        return a_step * (state.max_steps - state.global_step)


class StopEarly(TrainerCallback):
    """Ends training when the validation loss no longer falls.

    It looks at the history, which is part of a checkpoint, so a resumed run stops where the other
    would have.
    """

    def __init__(self, rule: EarlyStopping) -> None:
        self._rule = rule

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Counts the evaluations since the best one."""
        best, waited = float("inf"), 0
        for entry in state.log_history:
            if "eval_loss" not in entry:
                continue
            better = entry["eval_loss"] < best - self._rule.min_delta
            best, waited = (entry["eval_loss"], 0) if better else (best, waited + 1)
        if waited >= self._rule.patience:
            print(f"step {state.global_step}: no better validation loss {waited} times", flush=True)
            control.should_training_stop = True


def step_line(state: TrainerState, logs: dict[str, float], left: float | None) -> str:
    """What a person reads of a step."""
    parts = [
        f"step {state.global_step}/{state.max_steps}",
        f"epoch {state.epoch or 0:.2f}",
        f"loss {logs['loss']:.4f}",
        f"rate {logs['learning_rate']:.2e}",
        f"gradient {logs.get('grad_norm', 0):.3g}",
        f"{logs['tokens_per_second']:,.0f} tokens/s",
        f"{logs['memory_gib']:.1f} GiB",
        "time left not known yet" if left is None else f"{duration(left)} left",
    ]
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """About how long, in the two units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def peak_memory() -> int:
    """The most memory that was held: the GPU's where there is one, else the process's. Bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _step(line: str) -> int:
    """The step of a line; one that was cut short by a kill comes last."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return sys.maxsize


def _spaced(name: str) -> str:
    return name.replace("eval_", "validation ", 1).replace("_", " ")


# ── MLflow ──────────────────────────────────────────────────────────────────────────────────────


def _mlflow_run(config: Config) -> Any:
    """MLflow with a run where a tracking URI is set, as Azure ML does; on the first process."""
    if not os.environ.get("MLFLOW_TRACKING_URI") or os.environ.get("RANK", "0") != "0":
        return None
    import mlflow

    try:
        if mlflow.active_run() is None:
            mlflow.start_run()  # takes up MLFLOW_RUN_ID, which a job of Azure ML has
        flat = {name: str(value)[:500] for name, value in config.model_dump(mode="json").items()}
        mlflow.log_params(flat)
    except Exception as error:  # a paid training doesn't end over its diary
        return _without_mlflow(error)
    return mlflow


def _logged(mlflow: Any, logs: dict[str, float], step: int) -> Any:
    try:
        mlflow.log_metrics({name: float(value) for name, value in logs.items()}, step=step)
    except Exception as error:
        return _without_mlflow(error)
    return mlflow


def _without_mlflow(error: Exception) -> None:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    print(f"MLflow takes no metrics ({said}); they go on in metrics.jsonl", file=sys.stderr)
