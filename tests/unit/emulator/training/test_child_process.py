"""`python -m emulator.training JOB.json`: its lines, its files, its exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def write_job(folder: Path, *, rows: int = 12, **hyperparameters: str) -> Path:
    chat = {
        "messages": [
            {"role": "user", "content": "Is it on?"},
            {"role": "assistant", "content": "Yes, it is."},
        ]
    }
    data = folder / "train.jsonl"
    data.write_text(f"{json.dumps(chat)}\n" * rows, "utf-8")
    document = {
        "base_model": "Phi-4-mini-instruct",
        "training_data": str(data),
        "validation_data": str(data),
        "hyperparameters": hyperparameters,
        "output": str(folder / "output"),
        "seed": 42,
    }
    path = folder / "job.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "emulator.training", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )


def run(job: Path) -> tuple[int, list[dict[str, Any]], str]:
    with start(str(job)) as child:
        out, errors = child.communicate(timeout=60)
    return child.returncode, [json.loads(line) for line in out.splitlines()], errors


def test_a_job_reports_lines_and_leaves_the_model(tmp_path: Path) -> None:
    code, events, errors = run(write_job(tmp_path))
    assert (code, errors) == (0, "")
    assert events[0]["event"] == "started"
    assert [event["event"] for event in events].count("step") == events[0]["total_steps"] == 12
    assert events[-1]["event"] == "completed"
    output = tmp_path / "output"
    assert sorted(path.name for path in output.iterdir()) == [
        "config.json",
        "metrics.jsonl",
        "model.safetensors",
        "model_card.json",
        "tokenizer.json",
    ]
    kept = (output / "metrics.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in kept] == events


@pytest.mark.parametrize(
    ("rows", "hyperparameters", "message"),
    [
        (3, {}, "Training dataset has 3 non-null samples"),
        (12, {"epochs": "3"}, "Hyperparameter 'epochs' is not supported."),
    ],
)
def test_a_users_mistake_is_a_failed_event_and_exit_1(
    tmp_path: Path, rows: int, hyperparameters: dict[str, str], message: str
) -> None:
    code, events, errors = run(write_job(tmp_path, rows=rows, **hyperparameters))
    assert (code, errors) == (1, "")
    [failed] = events
    assert (failed["event"], failed["code"]) == ("failed", "UserError")
    assert failed["message"].startswith(message)


def test_sigterm_stops_the_job_between_steps_and_ctrl_c_does_not(tmp_path: Path) -> None:
    with start(str(write_job(tmp_path, num_train_epochs="10000"))) as child:
        assert child.stdout is not None
        lines = iter(child.stdout)
        assert json.loads(next(lines))["event"] == "started"
        child.send_signal(signal.SIGINT)
        following = [json.loads(next(lines))["event"] for _ in range(30)]
        assert "step" in following
        child.terminate()
        *_, last = [json.loads(line) for line in lines]
        assert child.wait(timeout=60) == 128 + signal.SIGTERM
    assert last["event"] == "canceled"


def test_a_job_whose_reader_is_gone_ends_quietly(tmp_path: Path) -> None:
    with start(str(write_job(tmp_path, num_train_epochs="10000"))) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.wait(timeout=60) == 1
        assert child.stderr.read() == ""


def test_without_a_job_the_usage_is_shown() -> None:
    with start() as child:
        out, errors = child.communicate(timeout=60)
    assert (child.returncode, out) == (2, "")
    assert errors.startswith("usage: python -m emulator.training JOB.json")
