"""Trainings through plan and apply on the emulator, by this very Python: `make demo-training`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / ".venv" / "bin" / "foundry-emulator"


@pytest.mark.timeout(900)
def test_an_adapter_and_a_head_go_through_plan_and_apply_to_a_downloaded_checkpoint(
    tmp_path: Path,
) -> None:
    assert EMULATOR.is_file(), "make setup"
    path = os.pathsep.join((str(EMULATOR.parent), os.environ["PATH"]))
    run = subprocess.run(
        [
            *(str(EMULATOR), "run", "--state", ":memory:", "--job-python", sys.executable),
            *("--", "bash", "tools/demo-training", str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said[-6000:]
    assert len(re.findall(r"^  command +tiny-\w+-[0-9a-f]{10} +completed", said, re.M)) == 2, said
    for name in ("tiny-chat", "tiny-head"):
        left = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / name).rglob("*.*")}
        assert any(path.endswith("model/model.safetensors") for path in left), left
        assert any(path.endswith("README.md") for path in left), left
    assert any("adapter/" in str(p) for p in (tmp_path / "tiny-chat").rglob("*"))
