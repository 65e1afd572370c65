"""A run that was killed and started again ends with the weights of one that wasn't."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import PROGRAM, chats
from reference import steps
from tuning.config import Config
from tuning.errors import MistakesError, ToldToStopError
from tuning.run import train

RUNS: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "scheduler": "cosine", "warmup": 2, "accumulation": 2},
    "lora": {"lora": {"r": 4, "dropout": 0.1}, "weight_decay": 0.1},
}


@pytest.mark.parametrize("name", RUNS)
def test_after_a_kill_the_same_command_ends_with_the_same_weights(
    name: str, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    config = configured(
        chats(10), **RUNS[name], batch_size=1, epochs=3, max_steps=9, learning_rate=1e-3,
        loss="completion_only", checkpoints={"every": 2, "keep": 1},
    )  # fmt: skip
    whole = config.model_copy(update={"output": str(tmp_path / "whole")})
    train(whole)
    kill_at_step(config, 7, tmp_path)
    assert (Path(config.output) / "checkpoint-6").is_dir()
    assert not (Path(config.output) / "model").exists()
    train(config)
    for file in ("model/model.safetensors", "checkpoint-9/optimizer.pt"):
        one, other = (Path(c.output) / file for c in (config, whole))
        assert one.read_bytes() == other.read_bytes(), file
    both = [[(s["step"], s["loss"]) for s in steps(c.output)] for c in (config, whole)]
    assert both[0] == both[1]


def test_a_checkpoint_that_was_being_written_is_passed_over(
    configured: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(method="full", max_steps=4, checkpoints={"every": 2, "keep": 3})
    train(config)
    (Path(config.output) / "checkpoint-4" / "whole.json").unlink()
    (Path(config.output) / "checkpoint-4" / "model.safetensors").write_bytes(b"half")
    train(config)
    assert f"goes on from {config.output}/checkpoint-2" in capsys.readouterr().out


def test_only_so_many_checkpoints_are_kept(configured: Callable[..., Config]) -> None:
    config = configured(max_steps=5, checkpoints={"every": 1, "keep": 2})
    train(config)
    assert {f.name for f in Path(config.output).glob("checkpoint-*")} == {
        "checkpoint-4",
        "checkpoint-5",
    }


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"learning_rate": 0.5}, "learning_rate differ"),
        ({"lora": {"r": 2}}, "lora differ"),
        ({"rows": chats(3)}, "training_data differ"),
        ({"checkpoints": {"resume": False}}, "`checkpoints.resume` is false"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    changed: dict[str, Any], named: str, configured: Callable[..., Config]
) -> None:
    train(configured(max_steps=1))
    with pytest.raises(MistakesError, match=named):
        train(configured(**{"max_steps": 1} | changed))


def test_a_checkpoint_of_another_model_is_refused(
    base: Path, tmp_path: Path, configured: Callable[..., Config]
) -> None:
    train(configured(max_steps=1))
    other = tmp_path / "other"
    shutil.copytree(base, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"rope_theta": 5}))
    with pytest.raises(MistakesError, match="another run: model differ"):
        train(configured(max_steps=1, model=str(other)))


def test_told_to_stop_it_saves_says_so_and_goes_on_later(
    configured: Callable[..., Config], tmp_path: Path
) -> None:
    file = tmp_path / "evicted.py"
    file.write_text(
        "import os, signal\n"
        "from torch.nn.functional import cross_entropy\n"
        "calls = []\n"
        "def loss(logits, targets):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 3: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return cross_entropy(logits, targets, reduction='none')\n"
    )
    loss = {"name": "custom", "function": f"{file}:loss"}
    config = configured(loss=loss, max_steps=8, checkpoints={"every": 100})
    with pytest.raises(ToldToStopError, match="step 3: told to stop, and checkpoint-3 is whole"):
        train(config)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    whole = config.model_copy(update={"output": str(tmp_path / "whole")})
    file.write_text(file.read_text().replace("== 3", "== 0"))
    with pytest.raises(MistakesError, match="loss's file differ"):
        train(config)
    train(whole)
    assert len(steps(config.output)) == 3


def kill_at_step(config: Config, step: int, folder: Path) -> None:
    """Runs the program as a job would, and kills it as soon as it tells of a step."""
    file = folder / "config.json"
    file.write_text(config.model_dump_json())
    command = [sys.executable, str(PROGRAM), "--config", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as run:
        assert run.stdout
        for line in run.stdout:
            if line.startswith(f"step {step}/"):
                break
        run.kill()
    assert run.returncode == -signal.SIGKILL
