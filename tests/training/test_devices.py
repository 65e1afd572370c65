"""Several processes, one a device, learn what one alone would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import PROGRAM, chats
from reference import steps
from tuning import run
from tuning.config import Config
from tuning.errors import MachineError
from tuning.run import train


def test_two_processes_make_the_steps_that_one_makes(
    tmp_path: Path, configured: Callable[..., Config], write: Callable[..., str]
) -> None:
    config = configured(
        chats(6), loss="completion_only", max_steps=3, batch_size=6, learning_rate=1e-3,
        validation_data=write(chats(4), "validation.jsonl"), checkpoints={"every": 2},
    )  # fmt: skip
    train(config)
    half = config.model_copy(update={"batch_size": 3, "output": str(tmp_path / "two")})
    file = tmp_path / "config.json"
    file.write_text(half.model_dump_json())
    # as Azure ML's `distribution: PyTorch` starts them: one a GPU, told apart by the environment
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *(str(PROGRAM), "--config", str(file)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    for one, two in zip(steps(config.output), steps(half.output), strict=True):
        for name in ("step", "loss", "grad_norm"):
            assert two[name] == pytest.approx(one[name], abs=1e-5), name
    assert done.stdout.count("step 3/3 · epoch") == 1, "told twice"
    assert (tmp_path / "two" / "checkpoint-2" / "whole.json").is_file()
    assert (tmp_path / "two" / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["is_fsdp_enabled", "is_deepspeed_enabled"])
def test_a_model_in_shards_is_refused_by_name(
    name: str, configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sharded(run.Tuner):
        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **named)
            setattr(self, name, True)

    monkeypatch.setattr(run, "Tuner", Sharded)
    with pytest.raises(MachineError, match="FSDP or DeepSpeed"):
        train(configured(max_steps=1))
