"""Trainings to served models on the emulator, by this very Python: `make demo-training`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / ".venv" / "bin" / "foundry-emulator"


@pytest.mark.timeout(900)
def test_a_head_and_a_chat_model_are_trained_served_asked_and_taken_down(tmp_path: Path) -> None:
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
    deployed = re.findall(
        r"^  deployment +(tiny-\w+)/r-\w+ +proven: 2 smoke tests passed", said, re.M
    )
    assert sorted(deployed) == ["tiny-chat", "tiny-head"], said
    assert "Nothing to do: Azure is as the spec says." in said
    answers = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    completion, label = answers
    [choice] = completion["choices"]
    assert completion["object"] == "chat.completion"
    assert choice["message"] == {"role": "assistant", "content": "Yes, within fourteen days."}
    assert label["label"] == "outage"
    assert sum(label["probabilities"].values()) == pytest.approx(1)
    assert "Nothing that costs money is left of tiny-chat and tiny-head." in said
    assert "Nothing is left: 0 resources" in said
