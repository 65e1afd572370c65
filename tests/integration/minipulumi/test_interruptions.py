"""Ctrl-C once and twice, kills, locks: nothing is lost, and the next run says what happened."""

# JSON of any shape.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportPrivateUsage=false
import json
import os
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minipulumi.operations import Operation
from tests.integration.minipulumi.conftest import DATA, Outcome, World
from tests.integration.minipulumi.replay import compare_states, load
from tests.integration.minipulumi.test_recordings import (
    FOLDER,
    cipher_of,
    replay,
    stack_of,
    write_settings,
)

PULUMI = Path(__file__).parents[3] / "minipulumi" / "bin" / "pulumi"
PATH = f"{DATA}/provider:{os.environ['PATH']}"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-01"
HUB = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/hub-01"


def start(world: World, number: str) -> tuple[str, dict[str, Any]]:
    recording = load(FOLDER, number)
    stack = stack_of(recording)
    write_settings(world, stack, recording)
    assert world.run(["stack", "init", stack]).code == 0
    return stack, recording


def when_the_hub_is_being_created(world: World, action: Callable[[], None]) -> threading.Thread:
    """Acts as soon as the provider has begun to create the hub."""

    def watch() -> None:
        log = world.root / "log.jsonl"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if log.exists() and any(
                '"Create"' in line and "::hub" in line for line in log.read_text().splitlines()
            ):
                action()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def states_differ(world: World, stack: str, number: str) -> list[str]:
    recorded = load(FOLDER, number)["state"]["checkpoint"]["latest"]
    ours = world.state(stack)
    return compare_states(recorded, ours, cipher_of(ours))


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Presses Ctrl-C and returns when it has been handled."""
    handled = threading.Semaphore(0)
    real = Operation._interrupted

    def interrupted(self: Operation, *arguments: Any) -> None:
        try:
            real(self, *arguments)
        finally:
            handled.release()

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert handled.acquire(timeout=30)

    monkeypatch.setattr(Operation, "_interrupted", interrupted)
    return press


def test_one_interrupt_lets_the_step_under_way_finish_and_saves(
    world: World, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[], None]
) -> None:
    stack, _ = start(world, "120")
    world.faults["slow"] = {"hub": 60}

    def once() -> None:
        wait_for(lambda: "::api-key" in json.dumps(world.state(stack)["resources"]))
        interrupt()
        world.release.set()

    watcher = when_the_hub_is_being_created(world, once)
    outcome = world.run(f"up --yes --skip-preview -s {stack}")
    watcher.join()
    assert outcome.code == 1
    assert "^C received; cancelling. If you would like to terminate immediately" in outcome.text
    assert "    error: update canceled" in outcome.out
    assert not states_differ(world, stack, "120")
    assert replay(world, stack, load(FOLDER, "121"), monkeypatch) == []


@pytest.fixture
def interrupted_twice(world: World, interrupt: Callable[[], None]) -> tuple[World, str, Outcome]:
    stack, _ = start(world, "122")
    world.faults["slow"] = {"hub": 60}

    def twice() -> None:
        wait_for(lambda: "::api-key" in json.dumps(world.state(stack)["resources"]))
        interrupt()
        interrupt()

    watcher = when_the_hub_is_being_created(world, twice)
    outcome = world.run(f"up --yes --skip-preview -s {stack}")
    watcher.join()
    world.release.set()  # the abandoned call ends in this process; a real run would have ended it
    wait_for(lambda: hub_is_stored(world))
    world.faults.clear()
    return world, stack, outcome


def test_a_second_interrupt_leaves_the_step_pending_and_the_next_run_finishes_it(
    interrupted_twice: tuple[World, str, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, stack, outcome = interrupted_twice
    assert outcome.code == 8
    assert outcome.err == ["error: update cancelled"]
    assert "^C received; terminating" in outcome.out
    assert not states_differ(world, stack, "122")
    world.store = {key: value for key, value in world.store.items() if key != HUB}
    assert replay(world, stack, load(FOLDER, "123"), monkeypatch) == []
    problems = replay(world, stack, load(FOLDER, "124"), monkeypatch)
    # Better than the real engine: a pending create doesn't outlive the update that has made it.
    assert len(problems) == 1
    assert "pending operations [] instead of [('creating'" in problems[0]


def test_what_a_killed_run_has_made_is_taken_over(
    interrupted_twice: tuple[World, str, Outcome],
) -> None:
    world, stack, _ = interrupted_twice
    outcome = world.run(f"up --yes --skip-preview -s {stack}")
    assert outcome.code == 0, outcome.text
    assert "taken over: an interrupted run had begun to create it, and it exists" in outcome.text
    assert "pending_operations" not in world.state(stack)
    assert world.run(f"preview --expect-no-changes -s {stack}").code == 0


@pytest.fixture
def killed(world: World) -> tuple[World, str]:
    """A run in processes of its own, killed while it creates the hub."""
    stack, _ = start(world, "130")
    (world.root / "faults.json").write_text(json.dumps({"slow": {"hub": 30}}))
    (world.root / "log.jsonl").unlink(missing_ok=True)
    engine = subprocess.Popen(
        [sys.executable, str(PULUMI), "up", "--yes", "--skip-preview", "-s", stack],
        cwd=world.project, env={**os.environ, "STANDIN_PYTHON": sys.executable, "PATH": PATH},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    when_the_hub_is_being_created(world, lambda: None).join()
    wait_for(lambda: "::api-key" in json.dumps(world.state(stack).get("resources")))
    children = descendants(engine.pid)
    assert children
    engine.kill()
    engine.wait()
    assert gone(children), "a plugin or the program outlived the engine"
    assert not states_differ(world, stack, "130")
    return world, stack


def test_a_killed_run_leaves_its_lock_its_pending_operation_and_no_process(
    killed: tuple[World, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, stack = killed
    locks = world.root / "state" / ".pulumi" / "locks" / "organization" / "golden" / stack
    assert set(json.loads(next(locks.glob("*.json")).read_text())) == {
        "pid", "username", "hostname", "timestamp",
    }  # fmt: skip
    outcome = world.run(f"up --yes --skip-preview -s {stack}")
    assert outcome.code == 1
    assert outcome.err[0] == load(FOLDER, "131")["stderr"][0]
    assert f".pulumi/locks/organization/golden/{stack}/" in outcome.err[1]
    for number in ("132", "133", "134"):
        assert replay(world, stack, load(FOLDER, number), monkeypatch) == []
    clear_pending_creates(world, stack)
    store = world.store
    store[HUB] = {
        "type": "azure-native:machinelearningservices:Workspace",
        "inputs": {},
        "outputs": {},
    }
    world.store = store  # as if the create had gone on unseen; with the pending entry cleared
    for number in ("136", "137"):
        assert replay(world, stack, load(FOLDER, number), monkeypatch) == []


def clear_pending_creates(world: World, stack: str) -> None:
    """In place of 135, `refresh --clear-pending-creates`, which isn't covered."""
    file = world.root / "exported.json"
    assert world.run(f"stack export --file {file} -s {stack}").code == 0
    exported = json.loads(file.read_text())
    del exported["deployment"]["pending_operations"]
    file.write_text(json.dumps(exported))
    assert world.run(f"stack import --file {file} -s {stack}").code == 0


def test_a_second_run_is_refused_and_a_canceled_lock_is_complained_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, _ = start(world, "140")
    found: list[Any] = []

    def meanwhile() -> None:
        from minipulumi.backend import open_stack
        from minipulumi.errors import PulumiError

        opened = open_stack(Namespace(cwd=world.project, stack=stack))
        try:
            with opened.lock():
                found.append("not refused")
        except PulumiError as error:
            found.append(str(error))
        for file in opened.locks.glob("*.json"):
            file.unlink()
        world.release.set()

    world.faults["slow"] = {"hub": 60}
    watcher = when_the_hub_is_being_created(world, meanwhile)
    outcome = world.run(f"up --yes --skip-preview -s {stack}")
    watcher.join()
    assert found[0].startswith(load(FOLDER, "140")["stderr"][0].removeprefix("error: "))
    assert outcome.code == 0
    assert "there was a problem deleting the lock at" in outcome.err[0]


def hub_is_stored(world: World) -> bool:
    try:
        return HUB in world.store
    except json.JSONDecodeError:  # the provider is writing it at this moment
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        for word in child.read_text().split():
            found |= {int(word)} | descendants(int(word))
    return found


def gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False
