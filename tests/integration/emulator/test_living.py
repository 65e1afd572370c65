"""An emulator that stays: found by any shell of the checkout, and whole after a crash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.emulator.test_cli import MAKE_GROUP

Emulator = Callable[..., "subprocess.CompletedProcess[str]"]
STATE = ".foundry-emulator"
# One group after another, each told once Azure has acknowledged it.
MAKE_GROUPS = (
    MAKE_GROUP.partition("group =")[0]
    + """
print(token, flush=True)
for number in range(10_000):
    group = (f"https://management.azure.com/subscriptions/{e['ARM_SUBSCRIPTION_ID']}"
             f"/resourceGroups/g{number}?api-version=2024-03-01")
    call = web.Request(group, b'{"location": "eastus2"}', {"Authorization": f"Bearer {token}"})
    call.method = method
    web.urlopen(call)
    print(number, flush=True)
"""
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def emulator_command(checkout: Path) -> Iterator[Emulator]:
    kept = {name: value for name, value in os.environ.items() if name != "FOUNDRY_EMULATOR"}

    def run(*arguments: str, cwd: Path = checkout) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "emulator.cli", *arguments],
            cwd=cwd,
            env=kept,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield run
    run("stop")


def test_a_crash_is_told_and_nothing_acknowledged_is_lost(
    emulator_command: Emulator, checkout: Path
) -> None:
    assert emulator_command("start").returncode == 0
    assert emulator_command("clock", "set", "2031-05-01").returncode == 0
    first = session(checkout)
    made = ["-m", "emulator.cli", "run", "--", sys.executable, "-c", MAKE_GROUPS, "PUT"]
    with subprocess.Popen(
        [sys.executable, *made],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as writer:
        assert writer.stdout
        token = writer.stdout.readline().strip()
        acknowledged = [next(writer.stdout) for _ in range(20)]
        os.kill(first["pid"], signal.SIGKILL)
        acknowledged += writer.stdout.readlines()

    told = emulator_command("status")
    assert (told.returncode, told.stdout.count("ended without being stopped")) == (1, 1)
    assert "ended without being stopped" in emulator_command("env").stderr
    again = emulator_command("start")
    assert again.returncode == 0, again.stderr
    assert f"(process {first['pid']}, started" in again.stderr

    second = session(checkout)
    assert {**first, "pid": 0, "since": 0} == {**second, "pid": 0, "since": 0}, (
        "shells need nothing"
    )
    groups = emulator_command("inventory").stdout
    assert all(f"/resourceGroups/g{int(number)}\n" in groups for number in acknowledged)
    assert emulator_command("clock", "show").stdout.startswith("2031-05-01")
    with requests.Session() as client:
        client.trust_env = False
        client.proxies, client.verify = {"https": second["proxy"]}, second["ca_file"]
        asked = "https://management.azure.com/subscriptions?api-version=2022-12-01"
        answer = client.get(asked, headers={"authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200, "who had signed in still is"


def test_one_that_stays_is_not_isolated_and_says_what_is(
    emulator_command: Emulator, checkout: Path
) -> None:
    refused = emulator_command("start", "--isolated")
    assert refused.returncode == 2
    assert "foundry-emulator run --isolated -- bash" in refused.stderr
    assert not (checkout / STATE).exists(), "nothing was started"


def test_every_shell_of_the_checkout_finds_it(emulator_command: Emulator, checkout: Path) -> None:
    deep = checkout / "deep" / "down"
    assert emulator_command("status").returncode == 3
    assert "It is up: process" in emulator_command("start", cwd=deep).stdout
    assert "It is up already" in emulator_command("start").stdout
    refused = emulator_command("run", "--fresh", "--", "true")
    assert (refused.returncode, "--fresh is for one that starts" in refused.stderr) == (2, True)

    enter = f'eval "$({sys.executable} -m emulator.cli env --shell bash)"; "$@"'
    pointed = subprocess.run(
        ["bash", "-ec", enter, "-", sys.executable, "-c", MAKE_GROUP, "PUT"],
        cwd=deep,
        capture_output=True,
        text=True,
        check=True,
    )
    assert pointed.stdout == "201\n"
    logs = emulator_command("logs").stdout
    assert "201 PUT https://management.azure.com/subscriptions/" in logs
    told = [emulator_command("status").stdout, logs, (checkout / STATE / "log").read_text()]
    wrote = session(checkout)
    secrets = [wrote["developer_secret"], wrote["platform_secret"], wrote["control"][-32:]]
    assert not any(secret in text for secret in secrets for text in told)
    open_to_others = [path for path in (checkout / STATE).iterdir() if path.stat().st_mode & 0o077]
    assert open_to_others == []

    assert emulator_command("stop").returncode == 0
    assert emulator_command("status").returncode == 3
    with subprocess.Popen(["sleep", "60"]) as another:
        # The number that is written down may be another's by now: a crash, and nobody is ended.
        (checkout / STATE / "session.json").write_text(json.dumps(wrote | {"pid": another.pid}))
        assert emulator_command("status").returncode == 1
        assert emulator_command("stop").returncode == 0
        assert another.poll() is None
        another.kill()


@pytest.mark.rehearsal
def test_a_snapshot_is_come_back_to_up_or_not(emulator_command: Emulator, checkout: Path) -> None:
    put = ["run", "--", sys.executable, "-c", MAKE_GROUP, "PUT"]
    emulator_command("start")
    emulator_command("clock", "set", "2030-01-01")
    assert emulator_command("snapshot", "empty").returncode == 0
    assert emulator_command(*put).stdout == "201\n"
    (checkout / STATE / "pulumi" / "stack.json").write_text("{}")
    emulator_command("clock", "advance", "90d")
    assert "--replace" in emulator_command("snapshot", "empty").stderr
    assert emulator_command("snapshot", "full").returncode == 0

    restored = emulator_command("restore", "empty")
    assert "The clock shows 2030-01-01" in restored.stdout, restored.stderr
    assert emulator_command("inventory").stdout.startswith("Nothing is left")
    assert not (checkout / STATE / "pulumi" / "stack.json").exists()
    assert emulator_command("reset").returncode == 0

    emulator_command("stop")
    assert emulator_command("restore", "full").returncode == 0
    assert (checkout / STATE / "pulumi" / "stack.json").exists()
    assert "resourceGroups/kept" in emulator_command("run", "--", *INVENTORY).stdout
    assert "(there: empty, full)" in emulator_command("restore", "other").stderr


INVENTORY = [sys.executable, "-m", "emulator.cli", "inventory"]


def session(checkout: Path) -> dict[str, Any]:
    return json.loads((checkout / STATE / "session.json").read_text())
