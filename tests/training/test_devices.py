"""Several processes, one a device, learn what one alone would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from conftest import PROGRAM, chats
from reference import steps
from tuning.config import Config
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


SHARDED: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "gradient_checkpointing": True, "optimizer": "lion"},
    "lora": {"lora": {"r": 4}, "weight_decay": 0.1},
}


@pytest.mark.parametrize("name", SHARDED)
def test_a_model_cut_by_fsdp_learns_and_is_kept_as_a_whole_one(
    name: str, tmp_path: Path, configured: Callable[..., Config], write: Callable[..., str]
) -> None:
    config = configured(
        chats(6), **SHARDED[name], max_steps=4, batch_size=6, learning_rate=1e-3,
        validation_data=write(chats(4), "validation.jsonl"), checkpoints={"every": 2},
    )  # fmt: skip
    train(config)
    cut = {"batch_size": 3, "output": str(tmp_path / "cut"), "sharding": "fsdp"}
    half = config.model_copy(update=cut)
    done = _on_two(half, tmp_path)
    assert done.returncode == 0, done.stderr
    for one, two in zip(steps(config.output), steps(half.output), strict=True):
        for figure in ("step", "loss", "grad_norm"):
            assert two[figure] == pytest.approx(one[figure], abs=1e-5), figure
    whole, sharded = (load_file(f"{c.output}/model/model.safetensors") for c in (config, half))
    assert whole.keys() == sharded.keys()
    for weight, values in whole.items():
        assert (values - sharded[weight]).abs().max() < 2e-5, weight


def _on_two(config: Config, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Two processes whose processors pass for GPUs."""
    file = folder / "config.json"
    file.write_text(config.model_dump_json())
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *(str(Path(__file__).with_name("sharded_on_cpu.py")), "--config", str(file)),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
