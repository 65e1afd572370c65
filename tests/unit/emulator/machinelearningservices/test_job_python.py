"""Which Python command jobs run by."""

import sys
from pathlib import Path

import pytest

from emulator.cli import main
from emulator.state.cloud import Cloud


def test_it_is_the_emulators_own_where_none_is_named() -> None:
    assert Cloud().job_python == Path(sys.executable)
    assert Cloud(job_python=Path("/opt/torch/bin/python")).job_python.parent.name == "bin"


def test_one_that_is_not_there_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--state", ":memory:", "--job-python", "/no/python", "--", "true"]) == 2
    assert "--job-python /no/python: there is no such program." in capsys.readouterr().err
