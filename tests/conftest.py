"""Fixtures of every test against the emulator: one emulator a worker, one subscription a test."""

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.rehearsal.pulumi import find_pulumi
from emulator.server import Emulator

# `make test-training` runs these, where torch is.
collect_ignore = ["training"]

# As minipulumi has it in a process of its own: before any test loads gRPC, which reads it then.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def _without_pulumi(path: str) -> str:
    """PATH with every folder that has a Pulumi CLI replaced by one with all else that is in it."""
    folders: list[str] = []
    for folder in path.split(":"):
        if not (Path(folder) / "pulumi").exists():
            folders.append(folder)
            continue
        shadow = Path(tempfile.mkdtemp(prefix="without-pulumi-"))
        atexit.register(shutil.rmtree, shadow, ignore_errors=True)
        for tool in Path(folder).iterdir():
            if not tool.name.startswith("pulumi"):
                (shadow / tool.name).symlink_to(tool)
        folders.append(str(shadow))
    return ":".join(folders)


# Workers inherit the PATH that is left; this is the one that the tests were started with.
PATH_AT_FIRST = os.environ.setdefault("PATH_BEFORE_THE_TESTS", os.environ["PATH"])
REAL_PULUMI = find_pulumi({**os.environ, "PATH": PATH_AT_FIRST}).cli
"""The real Pulumi CLI of this machine. One test is about it; all others run without."""
if REAL_PULUMI and os.environ["PATH"] == PATH_AT_FIRST:
    os.environ["PATH"] = _without_pulumi(PATH_AT_FIRST)


def pytest_configure() -> None:
    """Draw the sample of the fault matrix once, for every worker."""
    os.environ.setdefault("MATRIX_SEED", str(random.SystemRandom().randrange(10_000)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which cases of the matrix were drawn, so that they can be drawn again."""
    terminalreporter.write_line(
        f"sample of the fault matrix: MATRIX_SEED={os.environ['MATRIX_SEED']}"
    )


@pytest.fixture(scope="session")
def emulator(foundry_emulator: Emulator) -> Iterator[Emulator]:
    """A running emulator in memory; the process's environment says that it is Azure.

    `subscription`, `faults` and `clock` are emulator/pytest_plugin.py's, as anybody has them.
    """
    before = dict(os.environ)
    _become(foundry_emulator.environment(before))
    yield foundry_emulator
    _become(before)


def _become(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
