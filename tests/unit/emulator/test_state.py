"""The state directory: whose it is, and what is said when it can't be used."""

import os
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from emulator import cli
from emulator.front import Front
from emulator.server import Emulator
from emulator.state.directory import StateDirectory, UnusableStateError


@pytest.mark.parametrize("name", ["thesis.txt", "lock"])
def test_a_directory_of_somebody_else_is_neither_wiped_nor_touched(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("years of work")
    assert cli.main(["reset", "--state", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "years of work"


def test_what_a_killed_emulator_left_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "state.sqlite").touch()
    with StateDirectory(tmp_path) as directory:
        directory.wipe()
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]


def test_a_state_that_lies_in_anothers_folder_is_no_hindrance_and_stays(tmp_path: Path) -> None:
    inner = tmp_path / "demo"
    with StateDirectory(inner):
        (inner / "state.sqlite").touch()
    with StateDirectory(tmp_path) as outer:
        outer.wipe()
    assert sorted(entry.name for entry in inner.iterdir()) == ["lock", "state.sqlite"]


def test_a_file_in_the_place_of_the_directory_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("")
    assert cli.main(["run", "--state", str(tmp_path / "state"), "--", "true"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_is_no_database_is_said_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(UnusableStateError, match=r"not a database.* reset --state"):
        Front(tmp_path)


def test_the_state_of_another_version_is_refused(tmp_path: Path) -> None:
    Front(tmp_path).stop()
    Front(tmp_path).stop()
    database = sqlite3.connect(tmp_path / "state.sqlite")
    database.execute("PRAGMA user_version=1")
    database.close()
    with pytest.raises(UnusableStateError, match=r"another version.* reset --state"):
        Front(tmp_path)


def test_a_signal_before_there_is_a_command_ends_the_emulator_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped: list[Emulator] = []
    start, stop = Front.start, Emulator.stop

    def start_and_be_ended(front: Front, *seeds: object) -> None:
        start(front)
        os.kill(os.getpid(), signal.SIGTERM)

    def stop_and_tell(emulator: Emulator) -> None:
        stopped.append(emulator)
        stop(emulator)

    monkeypatch.setattr(Front, "start", start_and_be_ended)
    monkeypatch.setattr(Emulator, "stop", stop_and_tell)
    before, threads = signal.getsignal(signal.SIGTERM), threading.active_count()
    assert cli.main(["run", "--state", ":memory:", "--", "true"]) == 128 + signal.SIGTERM
    assert len(stopped) == 1
    assert threading.active_count() == threads
    assert signal.getsignal(signal.SIGTERM) == before
