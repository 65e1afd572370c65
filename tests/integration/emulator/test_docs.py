"""Every command of docs/emulator.md does what it says, as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "emulator.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", PAGE, re.M)
ALONE = [
    command
    for command in COMMANDS
    if command.startswith(("foundry-emulator run", "foundry-emulator reset"))
]
INSIDE = [command for command in COMMANDS if command not in ALONE]


@pytest.fixture
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "FOUNDRY_EMULATOR"}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_the_commands_that_start_an_emulator_run(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert len(ALONE) >= 4
    for command in ALONE:
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout or "reset" in command


def test_the_commands_for_inside_of_a_run_do_what_they_say(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert len(INSIDE) >= 20
    done = subprocess.run(
        ["foundry-emulator", "run", "--state", ":memory:", "--", "bash", "-e"],
        input="\n".join(INSIDE),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2027-01-31" in done.stdout
    assert done.stdout.count('"do"') == sum("faults add" in command for command in INSIDE)


def test_every_kind_of_fault_is_on_the_page() -> None:
    from emulator.state.faults import KINDS, MATCHES

    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", PAGE, re.M))))
    assert rows >= KINDS | MATCHES
