"""The script for a GPU, on a tiny shape without one."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training_gpu.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("training_gpu", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(300)
def test_a_dry_run_gives_the_table() -> None:
    command = [sys.executable, str(SCRIPT), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, _, row = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert row[:5] == ["| lora", "yes", "sdpa", "no", "2"]
    tokens, memory, flops = (float(figure.replace(",", "")) for figure in row[5:8])
    assert tokens > 0
    assert memory > 0
    assert flops > tokens
    assert row[8] == "unknown |"


def test_model_flops_are_six_a_weight_and_attention(script: Any) -> None:
    cell = script.Cell("full", True, "sdpa", False, 4)
    weights = 3_821_079_552 - 32064 * 3072 - 65 * 3072  # Phi-3-mini's, without embedding and norms
    alone = script.flops_a_token(cell, script.REAL, [1])
    assert alone == 6 * weights + 6 * 32 * 3072
    assert script.flops_a_token(cell, script.REAL, [100, 100]) - alone == 6 * 32 * 3072 * 99


def test_the_share_is_of_the_named_cards_peak(script: Any) -> None:
    cell = script.Cell("full", True, "sdpa", False, 4)
    measured = [(cell, ["1", "2", "4.945e+14"]), (cell, ["out of memory"])]
    *_, one, other = script.table(measured, "NVIDIA H100 80GB HBM3")
    assert one.endswith("| 50% |")
    assert other == "| full | yes | sdpa | no | 4 | out of memory | | | |"
