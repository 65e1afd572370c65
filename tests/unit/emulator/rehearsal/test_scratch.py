"""An emulator's temporary folder: its own while it runs, whoever starts beside it; then gone."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from emulator.rehearsal.scratch import Scratch, clean
from emulator.server import Emulator


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_another_that_starts_in_the_same_moment_leaves_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = fcntl.flock

    def while_it_is_not_held_yet(file: Any, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        clean()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", while_it_is_not_held_yet)
    scratch = Scratch()
    clean()
    assert scratch.path.is_dir()
    scratch.remove()
    assert not scratch.path.exists()


def test_what_a_killed_one_left_is_cleaned_at_a_start() -> None:
    killed = Scratch()
    killed._lock.close()  # pyright: ignore[reportPrivateUsage] # as the system does at its end
    scratch = Scratch()
    assert not killed.path.exists()
    scratch.remove()


def test_a_job_that_trains_keeps_its_files_whoever_starts_beside_it() -> None:
    with Emulator() as running:
        directory = running.cloud.temporary
        assert directory is not None
        job = directory / "job-of-an-hour-ago"
        job.mkdir()
        os.utime(job, (0, 0))
        clean()
        assert job.is_dir()
    assert not job.exists()
