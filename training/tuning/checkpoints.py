"""What a killed run goes on from: which checkpoints are whole, and of this very run."""

import hashlib
import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuning.config import Config
from tuning.errors import Mistake, MistakesError
from tuning.files import write_json

MARK = "whole.json"
"""Written last: a checkpoint without it was being written when the run was killed."""

NAMED = re.compile(r"checkpoint-(\d+)")
ELSEWHERE = {"output", "checkpoints", "model", "model_format", "training_data", "validation_data"}
"""Fields that don't make another run; of files, what is in them counts and not their name."""


def identity(config: Config, model: Path | str) -> dict[str, str]:
    """What makes a run this run, a digest a field."""
    fields = config.model_dump(mode="json", exclude=ELSEWHERE)
    values = {name: str(value) for name, value in fields.items()}
    values["model"] = _model(model)
    for name in ("training_data", "validation_data"):
        file = getattr(config, name)
        values[name] = _content(Path(file)) if file else ""
    for name, reference in (("loss", config.loss.function), ("layers", config.layers.add)):
        if reference:
            values[f"{name}'s file"] = _content(Path(reference.rpartition(":")[0]))
    if config.task_file:
        values["the task's file"] = _content(Path(config.task_file))
    return values


def newest(output: Path, run: dict[str, str], resume: bool) -> Path | None:
    """The newest whole checkpoint in a folder, if this run may go on from it.

    Raises:
        MistakesError: there are checkpoints of another run, or this one is not to be resumed.
    """
    whole = [folder for _, folder in _all(output) if (folder / MARK).is_file()]
    if not whole:
        return None
    if not resume:
        what = "has checkpoints, and `checkpoints.resume` is false."
        raise MistakesError([Mistake(str(output), what, "Name another `output`.")])
    there = json.loads((whole[-1] / MARK).read_text(encoding="utf-8"))
    moved = sorted(n for n in {*there, *run} if there.get(n) != run.get(n))
    if moved:
        what = f"is a checkpoint of another run: {', '.join(moved)} differ."
        raise MistakesError([Mistake(str(whole[-1]), what, "Name another `output`.")])
    return whole[-1]


class Keep(TrainerCallback):
    """Marks checkpoints that are whole, keeps the newest, and leaves in order when told to."""

    def __init__(self, output: Path, run: dict[str, str], keep: int) -> None:
        self._output, self._run, self._keep = output, run, keep
        self.told_to_stop = False
        self._before: Any = signal.getsignal(signal.SIGTERM)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Finds the best checkpoint where this run's output is now, and listens for SIGTERM.

        Azure ML sends it before it takes a spot node away, or a job is canceled.
        """
        if state.best_global_step:
            best = self._output / f"checkpoint-{state.best_global_step}"
            state.best_model_checkpoint = str(best) if (best / MARK).is_file() else None

        def told(*_signal_and_frame: object) -> None:
            self.told_to_stop = True

        self._before = signal.signal(signal.SIGTERM, told)

    def stop_listening(self) -> None:
        """Leaves SIGTERM as it was."""
        signal.signal(signal.SIGTERM, self._before)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Saves and stops, if any process was told to: all of them write a checkpoint together."""
        self.told_to_stop = _any(self.told_to_stop)
        if self.told_to_stop:
            control.should_save = control.should_training_stop = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Every process has written its part; only then older ones may go."""
        PartialState().wait_for_everyone()
        if state.best_global_step:  # which other processes may have looked for before it was there
            best = self._output / f"checkpoint-{state.best_global_step}"
            state.best_model_checkpoint = str(best)
        if not state.is_world_process_zero:
            return
        write_json(self._output / f"checkpoint-{state.global_step}" / MARK, self._run)
        best = state.best_global_step
        whole = [(step, f) for step, f in _all(self._output) if (f / MARK).is_file()]
        for step, folder in whole[: -self._keep]:
            if step != best:
                shutil.rmtree(folder)


def _any(told: bool) -> bool:
    """Whether one process or another was told."""
    process = PartialState()
    if process.num_processes == 1:
        return told
    told_how_often = torch.tensor(int(told), device=process.device)
    torch.distributed.all_reduce(told_how_often)
    return bool(told_how_often.item())


def _all(output: Path) -> list[tuple[int, Path]]:
    found = ((NAMED.fullmatch(folder.name), folder) for folder in output.glob("checkpoint-*"))
    return sorted((int(match[1]), folder) for match, folder in found if match)


def _content(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _model(model: Path | str) -> str:
    """Its configuration, and the names and sizes of its weights: gigabytes aren't read for it."""
    folder = Path(model)
    if not folder.is_dir():
        return str(model)
    files = sorted(f for f in folder.iterdir() if f.suffix in (".safetensors", ".bin"))
    sizes = [f"{file.name} {file.stat().st_size}" for file in files]
    return " ".join([_content(folder / "config.json"), *sizes])
