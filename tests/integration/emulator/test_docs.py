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
VERBS = "run|reset|start|status|logs|snapshot|restore|stop|env"
ALONE = [command for command in COMMANDS if re.search(rf"foundry-emulator ({VERBS})", command)]
INSIDE = [command for command in COMMANDS if command not in ALONE]


@pytest.fixture
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "FOUNDRY_EMULATOR"}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def fault_file(tmp_path: Path) -> str:
    """The page's faults.yaml, where its commands are typed."""
    (block,) = re.findall(r"^```yaml\n# faults\.yaml\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "faults.yaml").write_text(block)
    return block


def test_the_commands_that_start_an_emulator_run(
    environment: dict[str, str], tmp_path: Path, fault_file: str
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
        assert done.stdout or "env)" in command


def test_the_commands_for_inside_of_a_run_do_what_they_say(
    environment: dict[str, str], tmp_path: Path, fault_file: str
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
    inline = sum("faults add '" in command for command in INSIDE)
    assert done.stdout.count('"do"') == inline + fault_file.count("do:")


def test_another_repositorys_tests_have_the_fixtures(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (theirs,) = re.findall(r"^```python\n(# test_ours\.py\n.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "test_ours.py").write_text(theirs)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env={name: value for name, value in environment.items() if "PYTEST" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1].startswith("4 passed"), done.stdout + done.stderr


def test_every_kind_of_fault_is_on_the_page() -> None:
    from emulator.state.faults import KINDS, MATCHES

    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", PAGE, re.M))))
    assert rows >= KINDS | MATCHES
