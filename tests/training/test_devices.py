"""Several processes, one a device, learn what one alone would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from conftest import PROGRAM, chats
from processes import run_on_two
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


SHARDED: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "gradient_checkpointing": True, "optimizer": "lion"},
    "lora": {"lora": {"r": 4}, "weight_decay": 0.1, "early_stopping": {"patience": 2}},
}
EVICTED = """
import os, signal
from pathlib import Path
from torch.nn.functional import cross_entropy
steps = []
def loss(logits, targets):
    steps.append(1)
    if os.environ.get("RANK") == "1" and len(steps) == 3 and Path("evict").exists():
        Path("evict").unlink()
        os.kill(os.getpid(), signal.SIGTERM)
    return cross_entropy(logits, targets, reduction="none")
"""


@pytest.mark.parametrize("name", SHARDED)
def test_a_model_cut_by_fsdp_told_to_stop_and_started_again_is_that_of_one_process(
    name: str,
    tmp_path: Path,
    configured: Callable[..., Config],
    write: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of two processes gets SIGTERM in step 3, as when its spot node is taken away."""
    monkeypatch.chdir(tmp_path)
    Path("evicted.py").write_text(EVICTED)
    config = configured(
        chats(6), **SHARDED[name], max_steps=5, batch_size=6, learning_rate=1e-3,
        loss={"name": "custom", "function": "evicted.py:loss"}, checkpoints={"every": 2},
        validation_data=write(chats(4), "validation.jsonl"),
    )  # fmt: skip
    train(config)
    cut = {"batch_size": 3, "output": str(tmp_path / "cut"), "sharding": "fsdp"}
    half = config.model_copy(update=cut)
    Path("evict").touch()
    codes, said = run_on_two(half, tmp_path)
    assert codes == [143, 143], said
    assert "step 3: told to stop, and checkpoint-3 is whole." in said
    assert not (tmp_path / "cut" / "model").exists()
    codes, said = run_on_two(half, tmp_path)
    assert codes == [0, 0], said
    assert "goes on from" in said
    for one, two in zip(steps(config.output), steps(half.output), strict=True):
        for figure in ("step", "loss", "grad_norm"):
            assert two[figure] == pytest.approx(one[figure], abs=1e-5), figure
    whole, sharded = (load_file(f"{c.output}/model/model.safetensors") for c in (config, half))
    assert whole.keys() == sharded.keys()
    for weight, values in whole.items():
        assert (values - sharded[weight]).abs().max() < 2e-5, weight


def test_fsdp_of_one_process_is_refused(configured: Callable[..., Config]) -> None:
    with pytest.raises(MachineError, match="cuts the model over several processes"):
        train(configured(sharding="fsdp"))


@pytest.mark.parametrize("name", ["is_fsdp_enabled", "is_deepspeed_enabled"])
def test_a_model_that_the_environment_has_cut_is_refused(
    name: str, configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sharded(run.Tuner):
        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **named)
            setattr(self, name, True)

    monkeypatch.setattr(run, "Tuner", Sharded)
    with pytest.raises(MachineError, match="turned on by the environment"):
        train(configured(max_steps=1))
