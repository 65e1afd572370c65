"""Fixtures for the tests of any repository in which foundry-tune is installed: Azure, emulated.

One emulator a test process, in memory; a test that asks for `subscription` has one of its own in
it, and an environment in which every SDK finds it. docs/emulator.md shows them in use.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emulator.server import Emulator
    from emulator.state.clock import Clock
    from emulator.state.faults import Faults


@pytest.fixture(scope="session")
def foundry_emulator() -> Iterator[Emulator]:
    """A running emulator in memory. Its `environment()` is what a child process needs."""
    from emulator.server import Emulator  # which a test run that needs none does not wait for

    with Emulator() as running:
        yield running


@pytest.fixture
def subscription(foundry_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The id of a subscription of the test's own, in an environment in which Azure is emulated.

    The platform team (`ARM_CLIENT_ID`) is its Owner, every provider is registered. The test fails
    if the emulator itself did, and leaves no fault rule behind.
    """
    control = foundry_emulator.control
    mark = control.last_call()
    id = control.add_subscription(registered=None)
    environment = foundry_emulator.environment(subscription=id)
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield id
    control.faults.clear()
    crashes = [call["crash"] for call in control.calls(after=mark) if "crash" in call]
    assert not crashes, "the emulator itself failed:\n" + "\n".join(crashes)


@pytest.fixture
def faults(foundry_emulator: Emulator) -> Iterator[Faults]:
    """The fault rules, for one test: `faults.add({"match": {...}, "do": {...}})`."""
    yield foundry_emulator.control.faults
    foundry_emulator.control.faults.clear()


@pytest.fixture
def clock(foundry_emulator: Emulator) -> Iterator[Clock]:
    """Azure's clock, for one test: `advance(seconds)`, `set(moment)`, `run(0)` freezes it."""
    clock = foundry_emulator.control.clock
    moment, began = clock.now(), time.monotonic()
    yield clock
    clock.set(moment + timedelta(seconds=time.monotonic() - began))
    clock.run(1)
